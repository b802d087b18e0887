"""Changes: one arrival of commits, the Applications it concerns, and when it may prune (H3).

Contract: a change is open until every Application that it concerns has rendered and offered its work once, or is
gone; so all claims are registered before the first prune, and before the objects of an Application that leaves
with it are removed. One that does not render holds the others, by name. The first look at a repository after a
start is such a change too, of everybody who follows it, and of those who are being deleted; since it concerns
many for no reason of their own, a later change that is fully rendered ends it, and a deletion waits only until
each of them has been looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from fleet.model import ApplicationKey, ChangeId

NOBODY = ApplicationKey("", "")  # keeps a change open of which it is not known yet whom it concerns


@dataclass(slots=True)
class _Open:
    """``waits`` have not rendered yet, of those who are ``concerned``; ``leaving`` go when it closes."""

    waits: set[ApplicationKey]
    concerned: set[ApplicationKey]
    leaving: set[ApplicationKey] = field(default_factory=set)
    looked: set[ApplicationKey] = field(default_factory=set)  # at a first look, without a render
    first: bool = False

    def unlooked(self, key: ApplicationKey) -> bool:
        """Whether a first look has not come to the Application."""
        return self.first and key in self.waits and key not in self.looked

    def heirs(self) -> set[ApplicationKey]:
        """Those for whom the leaving wait."""
        return self.waits - self.looked if self.first else self.waits


class Changes:
    """See the module. ``released`` is called when a change closes, ``freed`` for each that left with it.

    ``parents`` of an Application have rendered and wait for it to be gone: it does not wait for them.
    """

    def __init__(self) -> None:
        self._serial = 0
        self._open: dict[ChangeId, _Open] = {}
        self._arriving: dict[str, ChangeId] = {}
        self._noticed: set[ChangeId] = set()
        self._looked: set[str] = set()  # repositories that were read before
        self.released: Callable[[], None] = lambda: None
        self.freed: Callable[[ApplicationKey], None] = lambda _: None
        self.parents: Callable[[ApplicationKey], frozenset[ApplicationKey]] = lambda _: frozenset()

    def begin(self, repo: str) -> None:
        """Commits are about to be seen, and whom they concern is not known yet: ``arrive`` tells.

        Whoever renders them before that must not prune before that either.
        """
        if repo not in self._arriving:
            self._arriving[repo] = self._new(repo, {NOBODY})

    def arriving(self, repo: str) -> ChangeId | None:
        """The change of a repository of which it is not known yet whom it concerns."""
        change = self._arriving.get(repo)
        if change is not None:
            self._noticed.add(change)
        return change

    def coming(self, repo: str) -> bool:
        """Whether commits of a repository are being looked at, and whom they concern is not known yet."""
        return repo in self._arriving

    def arrive(self, repo: str, keys: Iterable[ApplicationKey], *, read: bool = True) -> ChangeId | None:
        """Commits arrived that concern these Applications; None where they concern nobody.

        Where nothing was ``read``, the first look is still to come.
        """
        concerned, first = set(keys), repo not in self._looked
        if read:
            self._looked.add(repo)
        change = self._arriving.pop(repo, None)
        if change is None:
            return self._new(repo, concerned, first=first) if concerned else None
        noticed = change in self._noticed
        self._noticed.discard(change)
        if concerned:
            self._open[change] = _Open(concerned, set(concerned), first=first)
            return change
        del self._open[change]
        if noticed:
            self.released()
        return None

    def first(
        self,
        repo: str,
        keys: Iterable[ApplicationKey],
        settled: Iterable[ApplicationKey],
        leaving: Iterable[ApplicationKey],
    ) -> None:
        """The first look after a start concerns these, of whom some have ``settled`` before all were known.

        Applications that are ``leaving`` wait for it.
        """
        concerned = set(keys)
        waits = concerned - set(settled)
        if waits:
            held = self._open[self._new(repo, concerned, first=True)]
            held.waits, held.leaving = waits, set(leaving)

    def enlist(self, one: ApplicationKey, other: ApplicationKey) -> None:
        """The other takes part in every open change in which the one does."""
        for held in self._open.values():
            if one in held.waits:
                held.waits.add(other)
                held.concerned.add(other)

    def join(self, repo: str, key: ApplicationKey) -> None:
        """An Application came while changes of its repository are open: it takes part in the newest."""
        arriving = self._arriving.get(repo)
        newest = max((c for c in self._open if c.repo == repo and c != arriving), default=None)
        if newest is not None:
            self._open[newest].waits.add(key)
            self._open[newest].concerned.add(key)

    def of(self, key: ApplicationKey) -> ChangeId | None:
        """The newest open change that concerns the Application, also where it has rendered that already."""
        return max(
            (change for change, held in self._open.items() if key in held.concerned),
            default=None,
            key=lambda change: change.serial,
        )

    def awaited(
        self, key: ApplicationKey, change: ChangeId | None = None
    ) -> Callable[[], tuple[ApplicationKey, ...]] | None:
        """Who gives the names for whom what the Application no longer holds waits; None where nothing is open for it.

        In each repository its newest change counts, or, where none concerns it, the given one. Each pass asks, and
        few need the names: right after a start there are as many of them as Applications.
        """
        newest: dict[str, ChangeId] = {}
        for one, held in self._open.items():
            if key in held.concerned and (one.repo not in newest or newest[one.repo].serial < one.serial):
                newest[one.repo] = one
        if not newest and change is not None and change in self._open:
            newest[change.repo] = change
        if not newest:
            return None
        waits = [self._open[one].waits for one in newest.values()]
        return lambda: tuple(sorted(set().union(*waits) - {NOBODY}))

    def concerned(self) -> frozenset[ApplicationKey]:
        """Everybody whom an open change concerns."""
        return frozenset(key for held in self._open.values() for key in held.concerned)

    def leave(self, one: ApplicationKey, other: ApplicationKey) -> None:
        """The other leaves with every open change that concerns the one."""
        for held in self._open.values():
            if one in held.concerned:
                held.leaving.add(other)

    def leaves(self, key: ApplicationKey) -> tuple[ApplicationKey, ...] | None:
        """Who has not rendered yet of the changes with which the Application leaves; None where it may go."""
        waits = [held.heirs() for held in self._open.values() if key in held.leaving]
        heirs = set().union(*waits) - {key} - self.parents(key)
        return tuple(sorted(heirs - {NOBODY})) if heirs else None

    def unlooked(self, key: ApplicationKey) -> bool:
        """Whether somebody has not been looked at since the start, who may hold what the Application leaves.

        It is freed when nobody is left.
        """
        waiting = False
        for held in self._open.values():
            if held.first and held.heirs() - {key}:
                held.leaving.add(key)
                waiting = True
        return waiting

    def looked(self, key: ApplicationKey) -> None:
        """The Application has been looked at and does not render: a deletion that found it so does not wait for it."""
        for held in list(self._open.values()):
            if held.unlooked(key):
                held.looked.add(key)
                self._free(held)

    def unseen(self, key: ApplicationKey) -> bool:
        """Whether a first look still waits for the Application."""
        return any(held.unlooked(key) for held in self._open.values())

    def concerns(self, key: ApplicationKey) -> bool:
        """Whether an open change concerns the Application, or may."""
        return any(key in held.waits or NOBODY in held.waits for held in self._open.values())

    def settle(self, key: ApplicationKey) -> None:
        """The Application has rendered its newest revision and offered its work, or is gone."""
        closed: list[ChangeId] = []
        for change, held in list(self._open.items()):
            if key in held.waits:
                held.waits.discard(key)
                if not held.waits:
                    closed.append(change)
                else:
                    self._free(held)
        if not closed:
            return
        newest: dict[str, int] = {}
        for change in closed:
            newest[change.repo] = max(change.serial, newest.get(change.repo, 0))
        closed += [
            change
            for change, held in self._open.items()
            if held.first and held.waits and change.serial < newest.get(change.repo, 0)
        ]
        leaving = [one for change in closed for one in self._open.pop(change).leaving]
        self.released()
        for one in leaving:
            self.freed(one)

    def open(self, change: ChangeId) -> bool:
        """Whether somebody whom a change concerns has not rendered it yet."""
        return change in self._open

    def _free(self, held: _Open) -> None:
        """Those of the leaving who wait for nobody any more look again, though the change is open."""
        if not held.leaving:
            return
        heirs = held.heirs()
        for one in tuple(held.leaving):
            if not heirs - self.parents(one):
                self.freed(one)

    def _new(self, repo: str, keys: set[ApplicationKey], *, first: bool = False) -> ChangeId:
        self._serial += 1
        change = ChangeId(repo, self._serial)
        self._open[change] = _Open(keys, set(keys), first=first)
        return change
