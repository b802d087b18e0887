"""Who may hold an object, where several targets of a cluster want it.

Contract: pure, in memory; methods never await, so each is atomic on the loop. An object goes to the target
whose set holds the live object, then to the oldest Application, then by name (creation times are all alike
after a lost etcd). A target's claims are those of its newest registered desired set, whatever became of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet import names
from fleet.sync.sets import set_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fleet.model import ObjectRef, TargetKey


@dataclass(frozen=True, slots=True)
class Split:
    """What of a target's refs it may apply, and whose the others are.

    The caller decides what another's claim means: while a change is open the object waits, since that target
    may let go of it; after that it is refused.
    """

    mine: frozenset[ObjectRef]
    others: Mapping[ObjectRef, TargetKey]


@dataclass(frozen=True, slots=True)
class _Claim:
    born: float
    set_id: str
    refs: frozenset[ObjectRef]


class Claims:
    """The claims on one cluster; ``namespace`` is where its parents live."""

    def __init__(self, namespace: str = names.MEMBER_NAMESPACE) -> None:
        self._namespace = namespace
        self._claims: dict[TargetKey, _Claim] = {}
        # Nearly every object has one claimant, so that one is stored bare and the rest apart.
        self._first: dict[ObjectRef, TargetKey] = {}
        self._more: dict[ObjectRef, set[TargetKey]] = {}
        self._kept: set[ObjectRef] = set()

    def keep(self, ref: ObjectRef) -> None:
        """Nobody claims the object now, and somebody may yet: whoever has it must not remove it."""
        self._kept.add(ref)

    def unkeep(self, ref: ObjectRef) -> None:
        """Whoever was to claim the object has, or nobody does."""
        self._kept.discard(ref)

    def register(self, target: TargetKey, born: float, refs: Iterable[ObjectRef]) -> frozenset[TargetKey]:
        """Make ``refs`` the whole of what the target claims; ``born`` is its Application's creation time.

        Returns who else claims what it claims no more: it may be theirs now.
        """
        wanted = frozenset(refs)
        old = self._claims.get(target)
        had = old.refs if old else frozenset()
        self._claims[target] = _Claim(born, old.set_id if old else set_id(target, self._namespace), wanted)
        for ref in had - wanted:
            self._forget(ref, target)
        for ref in wanted - had:
            if self._first.setdefault(ref, target) != target:
                self._more.setdefault(ref, set()).add(target)
        return self._heirs(had - wanted)

    def drop(self, target: TargetKey) -> frozenset[TargetKey]:
        """Forget the target; what it claimed is the next claimant's: returns who may have it now."""
        claim = self._claims.pop(target, None)
        refs = claim.refs if claim else frozenset()
        for ref in refs:
            self._forget(ref, target)
        return self._heirs(refs)

    def of(self, target: TargetKey) -> frozenset[ObjectRef]:
        """All that the target claims."""
        claim = self._claims.get(target)
        return claim.refs if claim else frozenset()

    def claimed(self, ref: ObjectRef) -> bool:
        """Whether anybody claims the object."""
        return ref in self._first

    def holder(self, ref: ObjectRef, live: str = "") -> TargetKey | None:
        """Whose the object is; ``live`` is the set id of the live object, where it is a member of one."""
        first = self._first.get(ref)
        more = self._more.get(ref)
        if first is None or not more:
            return first
        return min((first, *more), key=lambda target: self._rank(target, live))

    def others(self, ref: ObjectRef, target: TargetKey) -> bool:
        """Whether a target besides this one claims the object, or may."""
        if ref in self._kept:
            return True
        first = self._first.get(ref)
        return first is not None and (first != target or ref in self._more)

    def split(self, target: TargetKey, refs: Iterable[ObjectRef], holders: Mapping[ObjectRef, str]) -> Split:
        """Part the refs; ``holders`` has the set id of each live object that is a member of a set."""
        mine: list[ObjectRef] = []
        others: dict[ObjectRef, TargetKey] = {}
        for ref in refs:
            holder = self.holder(ref, holders.get(ref, ""))
            if holder is None or holder == target:
                mine.append(ref)
            else:
                others[ref] = holder
        return Split(frozenset(mine), others)

    def _heirs(self, refs: Iterable[ObjectRef]) -> frozenset[TargetKey]:
        first, more = self._first, self._more
        return frozenset(
            target for ref in refs if ref in first for target in (first[ref], *more.get(ref, ()))
        )

    def _rank(self, target: TargetKey, live: str) -> tuple[bool, float, TargetKey]:
        claim = self._claims[target]
        return (claim.set_id != live, claim.born, target)

    def _forget(self, ref: ObjectRef, target: TargetKey) -> None:
        more = self._more.get(ref)
        if self._first.get(ref) != target:
            if more:
                more.discard(target)
        elif more:
            self._first[ref] = more.pop()
        else:
            del self._first[ref]
        if more is not None and not more:
            del self._more[ref]
