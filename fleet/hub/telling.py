"""From what workers and reconciles report to the Board, statuses, Events and metrics.

Contract: the workers' ``Report``; no method awaits. Statuses are computed from the Board when they are due, so
that several outcomes of one moment become one write. Reachability is written once, on the Cluster; Applications
follow after it has lasted (H12).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fleet import log, names
from fleet.clock import Clock
from fleet.clusters.discovered import Place
from fleet.hub.asking import Asking
from fleet.hub.desired import RENDER_WORD
from fleet.hub.record import Record
from fleet.mailbox import Mailbox
from fleet.metrics import Metrics
from fleet.model import (
    ApplicationKey,
    Drift,
    Fault,
    Gone,
    Health,
    Hold,
    Holding,
    ObjectRef,
    Outcome,
    Reach,
    Recorded,
    Sync,
    TargetKey,
    Work,
)
from fleet.report import cluster_summary, happenings, standing, summary
from fleet.report.board import Board, Told
from fleet.report.cluster_summary import ClusterFacts, CredentialFacts
from fleet.report.events import Recorder
from fleet.report.happenings import Happening
from fleet.report.status import StatusWriter
from fleet.report.summary import Facts
from fleet.world.objects import World

GATHER: Final = 0.1  # seconds in which outcomes of one Application become one status
BUSY: Final = 3.0  # seconds for which statuses stand back behind a queue of passes
PATIENCE: Final = 1.0  # seconds before a status says that work is under way
_HELD: Final = frozenset({Hold.FOREIGN_HUB.value, *standing.STRANGE})


class Telling:
    """See the module."""

    def __init__(
        self, world: World, board: Board, statuses: StatusWriter, events: Recorder, clock: Clock
    ) -> None:
        self._world = world
        self._board = board
        self._statuses = statuses
        self._events = events
        self._clock = clock
        self._due: Mailbox[tuple[str, ApplicationKey], float] = Mailbox(clock, merge=min)
        self._servers: dict[str, tuple[str, str]] = {}
        self._registration_faults: dict[str, Fault] = {}
        self.records: Mapping[ApplicationKey, Record] = {}
        self.asking: Asking | None = None
        self.metrics: Metrics | None = None
        self.namespace = names.HUB_NAMESPACE
        self.wake: Callable[[ApplicationKey], None] = lambda _: None
        self.withdrew: Callable[[TargetKey], None] = lambda _: None
        self.offered: Callable[[TargetKey], Work | None] = lambda _: None
        self.busy: Callable[[], bool] = lambda: False
        self.identity: Callable[[str], tuple[str, str]] = lambda _: ("", "")
        self.credential: Callable[[str], CredentialFacts] = lambda _: CredentialFacts()
        self.taken_over: Callable[[str], str] = lambda _: ""
        self.asked: Callable[[str], tuple[Holding, ...]] = lambda _: ()
        self.arrived: Callable[[str], None] = lambda _: None
        self.heard_cluster: Callable[[str], None] = lambda _: None
        self.departed: Callable[[str], None] = lambda _: None
        self.discovered_cluster: Callable[[str], None] = lambda _: None
        board.on_application(lambda key: self.application(key, GATHER))
        board.on_cluster(self.cluster)

    # --- what workers report ----------------------------------------------------------------------------

    def outcome(self, outcome: Outcome) -> None:
        """How a target stands now."""
        key, cluster = outcome.target
        before = next((o for o in self._board.outcomes(key) if o.target.cluster == cluster), None)
        self._board.put(outcome)
        known = self._world.applications.get(key)
        was = str(known.status.get("sync", "Unknown")) if known is not None else "Unknown"
        for happening in happenings.transitions(before, outcome, was=Sync(was)):
            self.happened(key, happening)
        record = self.records.get(key)
        if record is not None and self.asking is not None and self.asking.answered(record, outcome):
            self.wake(key)

    def recorded(self, recorded: Recorded) -> None:
        """What a parent on a cluster says was to be applied."""
        self._board.record(recorded)

    def reach(self, reach: Reach) -> None:
        """Whether a cluster answers."""
        before = self._board.reach_of(reach.cluster)
        self._board.reach(reach)
        key = ApplicationKey(self.namespace, reach.cluster)
        known = self._world.clusters.get(key)
        if known is not None:
            about = ObjectRef(names.GROUP, names.CLUSTER, *key)
            if before is None and reach.reachable and _said_reachable(known.status):
                before = reach
            for happening in happenings.reached(before, reach):
                self._events.record(about, known.uid, happening)
        if before is None or (before.reachable, before.reason) != (reach.reachable, reach.reason):
            known_at_once = reach.reachable or reach.reason in standing.STRANGE
            delay = GATHER if known_at_once else standing.GRACE
            for outcome in self._board.cluster(reach.cluster):
                self.application(outcome.target.application, self._clock.jitter(delay + 0.5, 0.0))
            for application, record in self.records.items():
                if reach.cluster in record.leaving:
                    self.wake(application)

    def healed(self, target: TargetKey, found: Drift) -> None:
        """Drift was put back."""
        if self.metrics is not None:
            self.metrics.healed()
            self.metrics.drifted()
        self.happened(
            target.application,
            Happening(happenings.NORMAL, "DriftHealed", happenings.healed(found), target.cluster),
        )

    def withdrawn(self, outcome: Outcome, state: Gone) -> None:
        """How far a withdrawal has come."""
        if state is Gone.DONE:
            self.withdrew(outcome.target)
        elif outcome.faults or outcome.holds:
            self._board.put(outcome)

    def met(self, cluster: str) -> None:
        """The cluster answers, is the one that is meant, and its Lease is ours."""
        self.arrived(cluster)

    def heard(self, cluster: str) -> None:
        """It is known now what the cluster holds, or that it does not answer."""
        self.heard_cluster(cluster)

    def discovered(self, cluster: str) -> None:
        """What the cluster serves is something else than before."""
        self.discovered_cluster(cluster)

    def left(self, cluster: str) -> None:
        """The Lease of the cluster is given back: nothing of the hub is there any more."""
        self.departed(cluster)

    def passed(self, seconds: float, *, well: bool) -> None:
        """A whole pass has ended."""
        if self.metrics is not None:
            self.metrics.passed(seconds, well=well)

    # --- what the hub reports ---------------------------------------------------------------------------

    def happened(self, key: ApplicationKey, happening: Happening) -> None:
        """An Event on an Application."""
        known = self._world.applications.get(key)
        if known is not None:
            self._events.record(ObjectRef(names.GROUP, names.APPLICATION, *key), known.uid, happening)

    def barred(self, target: TargetKey, reason: Fault) -> None:
        """A Project lets nothing be sent to a cluster: what is there stays as it is, and nobody compares it."""
        before = next((one for one in self._board.outcomes(target.application) if one.target == target), None)
        hold = Holding(Hold.PROJECT, reason.text)
        self._board.put(
            Outcome(
                target=target,
                revisions=(),
                sync=Sync.UNKNOWN,
                health=before.health if before is not None else Health.MISSING,
                holds=(hold,),
                at=before.at if before is not None and before.holds == (hold,) else self._clock.now(),
            )
        )

    def refused(self, ref: ObjectRef, uid: str, reason: str, text: str) -> None:
        """An Event on a Secret that cannot be used."""
        self._events.record(ref, uid, Happening(happenings.WARNING, reason, text))

    def unlisted(self, place: Place, reason: str) -> None:
        """A namespace whose registrations cannot be listed."""
        log.get("fleethub.registrations").warning(
            "Secrets cannot be listed", form=place.form, namespace=place.namespace, reason=reason
        )

    def registered(self, name: str, server: str, version: str, problem: Fault | None) -> None:
        """How a cluster's registration stands: its server and the version of its Secret, or why it is no use."""
        self._servers[name] = (server, version)
        if problem is None:
            self._registration_faults.pop(name, None)
        else:
            self._registration_faults[name] = problem
        self.cluster(name)

    def reconciled(self, key: ApplicationKey) -> None:
        """A look at the Application has come to its end."""
        record = self.records.get(key)
        if record is not None:
            state = record.rendered.key if record.rendered is not None else ""
            self._board.reconciled(key, Told(record.faults, record.holds, state))
        self.application(key)

    def application(self, key: ApplicationKey, delay: float = PATIENCE) -> None:
        """Have the Application's status computed, soon."""
        due = self._clock.boottime() + delay
        self._due.put((names.APPLICATION, key), due, not_before=due)

    def cluster(self, name: str) -> None:
        """Have the Cluster's status computed."""
        if name != names.HUB_CLUSTER:
            self._due.put((names.CLUSTER, ApplicationKey(self.namespace, name)), 0.0)

    def stray(self, kind: str, key: ApplicationKey) -> None:
        """A Cluster or Project in a namespace where it does not count."""
        self._due.put((kind, key), 0.0)

    async def run(self) -> None:
        """Compute and put statuses for ever."""
        while True:
            claim = await self._due.take()
            try:
                kind, key = claim.key
                now = self._clock.boottime()
                if kind == names.APPLICATION and self.busy() and now - claim.value < BUSY:
                    # What is applied comes first: a status in between would cost as much as an object.
                    self._due.put(claim.key, claim.value, not_before=now + GATHER)
                elif kind == names.APPLICATION:
                    self.put(key)
                elif kind == names.CLUSTER:
                    self._put_cluster(key)
                else:
                    self._put_project(key)
            finally:
                self._due.done(claim)

    def settle(self) -> None:
        """Put every status that is still due; at the end."""
        for key in list(self.records):
            self.put(key)

    def put(self, key: ApplicationKey, *, awaited: bool = False) -> None:
        """Compute and put an Application's status now; ``awaited``: also before its first look has come to its end."""
        known = self._world.applications.get(key)
        record = self.records.get(key)
        if known is None or record is None:
            return
        unseen = record.told is None and not known.deleting and not awaited
        if unseen and known.status.get("conditions"):
            return  # after a start nothing is known yet that would be better than what stands there
        facts = self.facts(key, record)
        if known.model is None:
            # Of no version that was ever valid: what is wrong, and what was known.
            status = summary.refused(
                known.status, known.generation, facts.faults, facts.holds, now=self._clock.now()
            )
        else:
            turn = standing.turns(facts.reaches.values(), self._clock.now())
            if turn is not None:
                # Whatever brought this look forward, time alone makes a silent cluster Unknown later.
                self.application(key, turn + 0.5)
            status = summary.status(
                known.model.model_copy(
                    update={
                        "metadata": known.model.metadata.model_copy(
                            update={"generation": known.generation, "deleting": known.deleting}
                        )
                    }
                ),
                facts,
                now=self._clock.now(),
                previous=self._statuses.previous(names.APPLICATION, key) or known.status,
            )
        self._statuses.put(names.APPLICATION, key, status, uid=known.uid)

    def facts(self, key: ApplicationKey, record: Record) -> Facts:
        """What an Application's status is made of."""
        known = self._board.outcomes(key)
        outcomes = tuple(o for o in known if o.target.cluster in record.served)
        leaving = (o for o in known if o.target.cluster in record.leaving - set(record.served))
        revision = record.revisions[0].commit if record.revisions else ""
        return Facts(
            targets=record.served,
            outcomes=outcomes,
            reaches={
                name: reach for name in record.served if (reach := self._board.reach_of(name)) is not None
            },
            pending=self._pending(key, record, outcomes),
            joined=frozenset(record.served) - record.stood,
            faults=record.faults,
            holds=tuple(dict.fromkeys((*record.holds, *(hold for o in leaving for hold in o.holds)))),
            revision=revision,
            render=record.rendered.key[:RENDER_WORD] if record.rendered is not None else "",
            renderer=record.rendered.renderer if record.rendered is not None else "",
            last_sync=record.last_sync,
            confirmed=_confirmed(record),
        )

    def _pending(self, key: ApplicationKey, record: Record, outcomes: tuple[Outcome, ...]) -> frozenset[str]:
        """Clusters whose newest offer has not been answered by a pass yet."""
        answered = {outcome.target.cluster: outcome for outcome in outcomes}
        waiting = set()
        for name in record.served:
            work = self.offered(TargetKey(key, name))
            if work is None or name not in answered:
                continue
            # Another image in the Application's own options changes what is rendered, and no revision.
            other = answered[name].findings.render not in ("", work.rendered.key)
            if other or answered[name].revisions != work.revisions:
                waiting.add(name)
        return frozenset(waiting)

    def cluster_facts(self, name: str) -> ClusterFacts:
        """What a Cluster's status is made of."""
        problem = self._registration_faults.get(name)
        server, version = self._servers.get(name, ("", ""))
        reach = self._board.reach_of(name) if problem is None else None
        holds = self.asked(name)
        if reach is not None and reach.reason in _HELD:
            holds = (Holding(Hold(reach.reason), reach.text), *holds)
        identity, other = self.identity(name)
        return ClusterFacts(
            reach=reach,
            identity=identity,
            server=server,
            registration=version,
            other=other,
            taken_over=self.taken_over(name),
            faults=(problem,) if problem is not None else (),
            holds=holds,
            credential=self.credential(name),
        )

    async def record(self, cluster: str) -> bool:
        """Have a Cluster's status written now; whether it stands there."""
        key = ApplicationKey(self.namespace, cluster)
        self._put_cluster(key, urgent=True)
        return await self._statuses.written(names.CLUSTER, key)

    def _put_cluster(self, key: ApplicationKey, *, urgent: bool = False) -> None:
        known = self._world.clusters.get(key)
        if known is None or known.model is None:
            return
        facts = self.cluster_facts(key.name)
        said = facts.faults or any(holding.hold is Hold.CLEANED for holding in facts.holds)
        if facts.reach is None and not said and known.status.get("conditions") and not urgent:
            # After a start: what was known stays until the worker has tried; where the hub has left, none will.
            return
        if key.namespace != self.namespace:
            facts = ClusterFacts(faults=(_stray(key, self.namespace),))
        status = cluster_summary.cluster_status(
            known.model,
            facts,
            now=self._clock.now(),
            previous=self._statuses.previous(names.CLUSTER, key) or known.status,
        )
        self._statuses.put(names.CLUSTER, key, status, uid=known.uid, urgent=urgent)

    def _put_project(self, key: ApplicationKey) -> None:
        known = self._world.projects.get(key)
        if known is not None and key.namespace != self.namespace:
            faults = (_stray(key, self.namespace),)
            status = summary.refused(known.status, known.generation, faults, now=self._clock.now())
            self._statuses.put(names.PROJECT, key, status, uid=known.uid)


def _confirmed(record: Record) -> Mapping[str, Any] | None:
    found = record.confirmed
    if found is None:
        return None
    return {"digest": found.digest, "purpose": found.purpose, "clusters": list(found.clusters)}


def _said_reachable(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions") or ()
    return any(one.get("type") == "Reachable" and one.get("status") == "True" for one in conditions)


def _stray(key: ApplicationKey, namespace: str) -> Fault:
    text = f"counts only in namespace {namespace}, the hub's own; here ({key.namespace}) not"
    return Fault(None, "WrongNamespace", text)
