"""What is remembered of a cluster's members: some hundred bytes an object, never the object.

Contract: the one owner of sightings. Fed by watches and by the answers of our own writes, whichever is newer
by resourceVersion (API servers promise comparable ones, KEP-5504). Methods never await.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fleet.model import Foreign, GroupKind, ObjectRef, Sighting
from fleet.ownership import foreign


def newer(left: str, right: str) -> bool:
    """Whether resourceVersion ``left`` is strictly newer than ``right``; unlike forms count as newer."""
    if left.isdigit() and right.isdigit():
        return int(left) > int(right)
    return left != right


class Sightings:
    """ObjectRef -> Sighting, indexed by ApplySet, with what is known of each kind's list."""

    def __init__(self) -> None:
        self._seen: dict[ObjectRef, Sighting] = {}
        self._sets: dict[str, set[ObjectRef]] = {}
        self._copies: dict[ObjectRef, str] = {}
        self._foreign: dict[ObjectRef, tuple[Foreign, ...]] = {}  # only of objects that have any
        self._contents: dict[ObjectRef, str] = {}  # only of Secrets that were made from a form
        self._answered: dict[ObjectRef, str] = {}  # only of Secrets that were made from a form
        self._listed: dict[GroupKind, str] = {}

    def get(self, ref: ObjectRef) -> Sighting | None:
        """The sighting of a member, of whatever set."""
        return self._seen.get(ref)

    def put(self, ref: ObjectRef, sighting: Sighting, content: str | None = None) -> None:
        """Remember; ``content`` is the keyed digest of what a Secret of a form holds, None where that is as it was."""
        before = self._seen.get(ref)
        if before is not None and before.set_id != sighting.set_id:
            self._unlink(ref, before.set_id)
        self._seen[ref] = sighting
        self._copies.pop(ref, None)
        if content:
            self._contents[ref] = content
        elif content is not None:
            self._contents.pop(ref, None)
        self._sets.setdefault(sighting.set_id, set()).add(ref)

    def drop(self, ref: ObjectRef) -> Sighting | None:
        """Forget a member that is gone or is none any more."""
        before = self._seen.pop(ref, None)
        self._foreign.pop(ref, None)
        self._contents.pop(ref, None)
        self._answered.pop(ref, None)
        if before is not None:
            self._unlink(ref, before.set_id)
        return before

    def members(self, set_id: str) -> frozenset[ObjectRef]:
        """The members of a set as they are known."""
        return frozenset(self._sets.get(set_id, ()))

    def deleting(self, ref: ObjectRef) -> bool:
        """Whether a member is being deleted."""
        seen = self._seen.get(ref)
        return seen is not None and seen.deleting

    def sets(self) -> frozenset[str]:
        """Ids of all sets that have a member here."""
        return frozenset(self._sets)

    def of_kind(self, kind: GroupKind) -> tuple[ObjectRef, ...]:
        """All members of a kind."""
        return tuple(ref for ref in self._seen if (ref.group, ref.kind) == kind)

    def copied(self, ref: ObjectRef, set_id: str) -> bool:
        """Remember an object that only carries the label (H1); True when it was not known yet."""
        fresh = self._copies.get(ref) != set_id
        self._copies[ref] = set_id
        return fresh

    def uncopied(self, ref: ObjectRef) -> None:
        """Forget such an object."""
        self._copies.pop(ref, None)

    def copies(self, set_id: str) -> tuple[ObjectRef, ...]:
        """Objects that carry the label of a set and are no members."""
        return tuple(ref for ref, owner in self._copies.items() if owner == set_id)

    def content(self, ref: ObjectRef) -> str:
        """The keyed digest of what a Secret holds; empty for anything else."""
        return self._contents.get(ref, "")

    def answered(self, ref: ObjectRef, version: str) -> None:
        """Remember the version that our own apply answered with."""
        self._answered[ref] = version

    def touched(self, ref: ObjectRef) -> None:
        """Somebody has written such a Secret, whatever was heard of it."""
        self._answered.pop(ref, None)

    def untouched(self, ref: ObjectRef) -> bool:
        """Whether nobody has written the object since our last apply, not even what ownership does not show."""
        seen = self._seen.get(ref)
        return seen is not None and self._answered.get(ref) == seen.version

    def foreign(self, ref: ObjectRef) -> tuple[Foreign, ...]:
        """What people added by hand to an object of ours."""
        return self._foreign.get(ref, ())

    def added(self, ref: ObjectRef, found: tuple[Foreign, ...]) -> bool:
        """Remember what people added to an object as it is now; True where that is news.

        What cannot be taken away stays known as such until something of it changes.
        """
        before = self._foreign.get(ref, ())
        if before == found or (all(one.why for one in before) and foreign.same(before, found)):
            return False
        if found:
            self._foreign[ref] = found
        else:
            self._foreign.pop(ref, None)
        return True

    def additions(self, set_id: str) -> tuple[Foreign, ...]:
        """What people added to members of a set, in the order of the objects."""
        mine = [ref for ref in self._foreign if ref in self._seen and self._seen[ref].set_id == set_id]
        return tuple(one for ref in sorted(mine) for one in self._foreign[ref])

    def listed(self, kind: GroupKind, version: str | None) -> None:
        """A kind has been listed completely at a version, or (None) its list is no longer to be trusted."""
        if version is None:
            self._listed.pop(kind, None)
        else:
            self._listed[kind] = version

    def complete(self, kinds: Iterable[GroupKind]) -> tuple[GroupKind, ...]:
        """Those of ``kinds`` whose list is *not* complete."""
        return tuple(kind for kind in kinds if kind not in self._listed)

    def holders(self, refs: Iterable[ObjectRef]) -> Mapping[ObjectRef, str]:
        """The set that holds each live object, where one does."""
        seen = self._seen
        return {ref: seen[ref].set_id for ref in refs if ref in seen}

    def __len__(self) -> int:
        return len(self._seen)

    def _unlink(self, ref: ObjectRef, set_id: str) -> None:
        refs = self._sets.get(set_id)
        if refs is not None:
            refs.discard(ref)
            if not refs:
                del self._sets[set_id]
