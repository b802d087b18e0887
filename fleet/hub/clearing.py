"""Sets that nobody claims, and clusters that are to be left: what people ask to have removed from a member.

Contract: one owner, level-triggered by annotations on the Cluster; methods never await but ``run``. A set is
unclaimed where its Application is not on the hub, or is neither placed on that cluster nor asks for it. Nothing of
it goes before the hub's lists are complete and everybody who may claim something of it has rendered. What is
asked for and how far it has come is computed anew each time: after a restart it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleet import names
from fleet.api.cluster import Cluster
from fleet.clock import Clock
from fleet.hub.changes import Changes
from fleet.hub.expected import Expected
from fleet.hub.finalizer import Finalizer
from fleet.hub.record import Record
from fleet.hub.roster import Roster
from fleet.model import ApplicationKey, Hold, Holding, Outcome, TargetKey, Withdrawal
from fleet.placement.place import takes
from fleet.report import words
from fleet.report.board import Board
from fleet.sync.sets import set_id
from fleet.worker.member import Member
from fleet.worker.work import Leave
from fleet.world.objects import Known, World

EVERY: Final = 1.0
LONGEST: Final = 64
_ASKED: Final = "(asked {})"


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A set on a member that no Application claims.

    ``told`` says what keeps it from being removed, if somebody asked; ``held``: until a person says more.
    ``asked`` is the request that these answer, the text of its annotation.
    """

    application: ApplicationKey
    objects: int
    told: tuple[str, ...] = ()
    held: bool = False
    asked: str = ""


class Clearing:
    """See the module. ``rehire`` has a worker made anew for a cluster that was left."""

    def __init__(
        self,
        world: World,
        roster: Roster,
        finalizer: Finalizer,
        changes: Changes,
        expected: Expected,
        board: Board,
    ) -> None:
        self._world = world
        self._roster = roster
        self._finalizer = finalizer
        self._changes = changes
        self._expected = expected
        self._board = board
        self._begun: dict[TargetKey, str] = {}  # and the request that it was begun for
        self._left: set[str] = set()
        self._met: set[str] = set()  # clusters whose status, as a hub before this one left it, was looked at
        self._cleaning: frozenset[str] = frozenset()
        self._told: dict[str, tuple[Holding, ...]] = {}
        self._wake = asyncio.Event()
        self.records: Mapping[ApplicationKey, Record] = {}
        self.namespace = names.HUB_NAMESPACE
        self.tell: Callable[[str], None] = lambda _: None
        self.rehire: Callable[[str], None] = lambda _: None

    # --- what others ask --------------------------------------------------------------------------------

    def cleaning(self, cluster: str) -> bool:
        """Whether somebody wants everything off the cluster: it counts as selected by nobody."""
        return bool(self._annotation(cluster, names.CLEAN))

    def unclaimed(self, cluster: str) -> tuple[Unclaimed, ...]:
        """The sets on a member that nobody claims; empty while that is not known."""
        member = self._member(cluster)
        if member is None or not self._world.complete:
            return ()
        keys = self._unclaimed(cluster)
        return tuple(
            Unclaimed(
                key,
                len(member.sightings.members(set_id(TargetKey(key, cluster), member.identity.namespace))),
                self._why(TargetKey(key, cluster)),
                self._held(TargetKey(key, cluster)),
                self._request(cluster),
            )
            for key in keys
        )

    def count(self, cluster: str) -> int:
        """How many those are; also asked from the thread that makes the text of metrics."""
        return len(self._unclaimed(cluster))

    def holds(self, cluster: str) -> tuple[Holding, ...]:
        """How far the cluster is cleaned, for its status."""
        asked = self._annotation(cluster, names.CLEAN)
        if not asked:
            return ()
        if cluster in self._left:
            text = f"nothing of this hub is left there; 'fleethub cluster remove {cluster}' ends it {_ASKED.format(asked)}"
            return (Holding(Hold.CLEANED, text),)
        return (Holding(Hold.CLEANING, f"everything is being withdrawn: {self._state(cluster)}"),)

    # --- what the hub tells -----------------------------------------------------------------------------

    def changed(self, cluster: str) -> bool:
        """A Cluster came, changed or went; whether it counts in another way for placements now."""
        before = cluster in self._cleaning
        now = self.cleaning(cluster)
        self._cleaning = self._cleaning | {cluster} if now else self._cleaning - {cluster}
        self._wake.set()
        if before and not now and cluster in self._left:
            self._return_to(cluster)
        return before is not now

    def away(self, cluster: str) -> bool:
        """Whether the hub has left the cluster, or one before it has: it is not connected to.

        Who reads that all is gone may unregister the cluster at once, and a Lease taken since would stay there.
        """
        if cluster not in self._met:
            self._met.add(cluster)
            asked, known = self._annotation(cluster, names.CLEAN), self._known(cluster)
            done = _ASKED.format(asked)
            if (
                asked
                and known is not None
                and any(
                    one.get("type") == Hold.CLEANED
                    and one.get("status") == "True"
                    and done in one.get("message", "")
                    for one in known.status.get("conditions") or ()
                )
            ):
                self._left.add(cluster)
        return cluster in self._left

    def left(self, cluster: str) -> None:
        """The cluster's Lease is given back."""
        self._met.add(cluster)
        if self.cleaning(cluster):
            self._left.add(cluster)
        else:
            # It was called off meanwhile: whoever worked there has gone for good.
            self.rehire(cluster)
        self._wake.set()

    def wake(self) -> None:
        """Something moved: look now."""
        self._wake.set()

    async def run(self, clock: Clock) -> None:
        """Look for ever: when something moved, and regularly while something is asked for."""
        while True:
            waiter = asyncio.ensure_future(self._wake.wait())
            waits: set[asyncio.Future[Any]] = {waiter}
            if self._begun or self._cleaning or any(self._named(name) for name in self._clusters()):
                waits.add(asyncio.ensure_future(clock.sleep(EVERY)))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()
            self._wake.clear()
            self.look()

    def look(self) -> None:
        """Have withdrawn what is asked for and may go, and say how far it is."""
        asked = {
            target: self._request(name) for name in self._clusters() for target in tuple(self._asked(name))
        }
        for target in self._begun.keys() - asked.keys():
            if self._roster.withdrawing(target) and not self._claimed(*target):
                self._roster.forget(target)
                self._board.drop(target)
        for target, request in asked.items():
            if not self._roster.withdrawing(target) or self._begun.get(target) != request:
                self._roster.withdraw(Leave(target, Withdrawal.DELETE, asked=request))
        self._begun = asked
        for cluster in self._cleaning:
            self._clean(cluster)
        self._left &= self._cleaning

    # --- inside -----------------------------------------------------------------------------------------

    def _unclaimed(self, cluster: str) -> list[ApplicationKey]:
        member = self._member(cluster)
        if member is None or not self._world.complete:
            return []
        targets = tuple(member.parents)
        return sorted(t.application for t in targets if not self._claimed(t.application, cluster))

    def _asked(self, cluster: str) -> Iterator[TargetKey]:
        """The unclaimed sets of a cluster that are to go and may."""
        everything = cluster in self._cleaning
        named = self._named(cluster)
        if not everything and (not named or next(self._awaited(cluster), None) is not None):
            return
        for one in self.unclaimed(cluster):
            if everything or one.application in named:
                yield TargetKey(one.application, cluster)

    def _clean(self, cluster: str) -> None:
        remaining = self._remaining(cluster)
        member = self._member(cluster)
        if cluster in self._left:
            if remaining:
                self._return_to(cluster)
        elif not remaining and member is not None and member.parents_listed and self._world.complete:
            worker = self._roster.get(cluster)
            if worker is not None:
                worker.leave()
        now = self.holds(cluster)
        if self._told.get(cluster) != now:
            self._told[cluster] = now
            self.tell(cluster)

    def _return_to(self, cluster: str) -> None:
        self._left.discard(cluster)
        self.rehire(cluster)

    def _remaining(self, cluster: str) -> list[ApplicationKey]:
        """Applications that have, or may have, something on the cluster."""
        member = self._member(cluster)
        found = {target.application for target in member.parents} if member is not None else set()
        for key in self._world.applications:
            record = self.records.get(key)
            if cluster in self._finalizer.placed(key) or (record is not None and cluster in record.served):
                found.add(key)
        return sorted(found)

    def _state(self, cluster: str) -> str:
        remaining = self._remaining(cluster)
        named = words.listed([str(key) for key in remaining])
        if self._member(cluster) is None:
            return f"waiting for the cluster, which is not connected{'; left: ' + named if named else ''}"
        if not remaining:
            return "nothing is left but the hub's Lease"
        told = [text for key in remaining for text in self._why(TargetKey(key, cluster))]
        return f"{len(remaining)} left: {named}{'; ' + '; '.join(told) if told else ''}"

    def _why(self, target: TargetKey) -> tuple[str, ...]:
        """What keeps a target that leaves on its cluster."""
        if not self._roster.withdrawing(target):
            named = self._named(target.cluster)
            waiting = (
                [str(key) for key in self._awaited(target.cluster)] if target.application in named else []
            )
            return (f"waiting for {words.listed(waiting)} to render",) if waiting else ()
        outcome = self._answer(target)
        if outcome is None:
            return ()
        return (
            *(words.of_fault(problem) for problem in outcome.faults),
            *(words.of_holding(holding) for holding in outcome.holds),
        )

    def _held(self, target: TargetKey) -> bool:
        outcome = self._answer(target) if self._roster.withdrawing(target) else None
        return outcome is not None and any(one.hold is Hold.DELETION_HELD for one in outcome.holds)

    def _answer(self, target: TargetKey) -> Outcome | None:
        """What the withdrawal has come to; what an earlier request came to is no answer to this one."""
        outcome = self._board.outcome(target)
        if outcome is None or (
            target in self._begun and outcome.findings.answered != self._request(target.cluster)
        ):
            return None
        return outcome

    def _request(self, cluster: str) -> str:
        """What people ask of a cluster now, as they wrote it."""
        return self._annotation(cluster, names.CLEAN) or self._annotation(cluster, names.COLLECT, longest=0)

    def _awaited(self, cluster: str) -> Iterator[ApplicationKey]:
        """Applications that may claim what others hold on the cluster, and have not said so yet."""
        model = self._cluster(cluster)
        for key, known in self._world.applications.items():
            if known.deleting or known.model is None or model is None or not takes(known.model, model):
                continue
            record = self.records.get(key)
            if record is None or not record.begun or self._changes.concerns(key):
                yield key
        yield from self._expected.all_missing()

    def _claimed(self, key: ApplicationKey, cluster: str) -> bool:
        known = self._world.applications.get(key)
        if known is None:
            return False
        record, model = self.records.get(key), self._cluster(cluster)
        if cluster in self._finalizer.placed(key) or (record is not None and cluster in record.served):
            return True
        if known.model is None or known.error is not None:
            return True  # what it asks for is not known
        return (
            not known.deleting
            and cluster not in self._cleaning
            and model is not None
            and takes(known.model, model)
        )

    def _clusters(self) -> list[str]:
        return [key.name for key in self._world.clusters if key.namespace == self.namespace]

    def _cluster(self, cluster: str) -> Cluster | None:
        known = self._known(cluster)
        return known.model if known is not None else None

    def _named(self, cluster: str) -> frozenset[ApplicationKey]:
        """The sets that somebody wants to have removed, by the names of their Applications."""
        found = set()
        for text in self._annotation(cluster, names.COLLECT, longest=0).split(","):
            namespace, slash, name = text.strip().partition("/")
            if slash:
                found.add(ApplicationKey(namespace, name))
        return frozenset(found)

    def _known(self, cluster: str) -> Known[Cluster] | None:
        return self._world.clusters.get(ApplicationKey(self.namespace, cluster))

    def _annotation(self, cluster: str, name: str, *, longest: int = LONGEST) -> str:
        known = self._known(cluster)
        if known is None or known.deleting:
            return ""
        text = known.annotations.get(name, "").strip()
        return text[:longest] if longest else text

    def _member(self, cluster: str) -> Member | None:
        worker = self._roster.get(cluster)
        running = worker.running if worker is not None else None
        return running.member if running is not None else None
