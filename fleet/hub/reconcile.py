"""The first of the two stories: one Application, from Git to its targets.

Place, resolve, render, hold the finalizer, offer to each cluster's worker, settle the changes that waited for
it. Level-triggered: whatever woke it, everything is read. What fails is a fault of the Application; its last
good state stays offered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from fleet import names
from fleet.api.application import Application
from fleet.api.cluster import Cluster
from fleet.errors import FleetError, InvalidObject, RepositoryUnreachable, RepositoryUnread, fault
from fleet.facts import Facts
from fleet.hub.asking import Asking
from fleet.hub.changes import Changes
from fleet.hub.children import admitted
from fleet.hub.desired import RENDER_WORD, Desired, Sought
from fleet.hub.expected import Expected
from fleet.hub.fences import Fences, Verdict
from fleet.hub.finalizer import Finalizer
from fleet.hub.guarding import DELETION, Guard
from fleet.hub.record import Look, Record
from fleet.hub.rendering import Question
from fleet.hub.requests import Asked
from fleet.hub.roster import Roster
from fleet.hub.turns import Turn
from fleet.hub.unready import Unready
from fleet.hub.withdraw import Withdrawals
from fleet.model import (
    ApplicationKey,
    ChangeId,
    Lane,
    Mode,
    Policy,
    Rendered,
    Target,
    TargetKey,
    Thresholds,
    Work,
)
from fleet.names import APPLYSET_PART_OF as PART_OF
from fleet.names import HUB_CLUSTER
from fleet.placement.place import namespace, place
from fleet.placement.policy import policy
from fleet.render.program import CalledOff
from fleet.sync.sets import set_id
from fleet.variants.variant import filled_namespace, skipped
from fleet.world.objects import Known, World

PARTLY = 10.0  # seconds until what failed for some clusters by something that may pass is tried again
TRIES = 6  # as often what may pass is tried before deletions no longer wait for it

Tell = Callable[[ApplicationKey], None]


class Reconciler:
    """Owner of what is remembered of Applications; see the module."""

    def __init__(
        self,
        world: World,
        desired: Desired,
        changes: Changes,
        roster: Roster,
        finalizer: Finalizer,
        withdrawals: Withdrawals,
        guard: Guard,
        asking: Asking,
        expected: Expected,
        unready: Unready,
        fences: Fences,
    ) -> None:
        self._world = world
        self._desired = desired
        self._changes = changes
        self._roster = roster
        self._finalizer = finalizer
        self._withdrawals = withdrawals
        self._guard = guard
        self._asking = asking
        self._expected = expected
        self._unready = unready
        self.fences = fences
        self.records: dict[ApplicationKey, Record] = {}
        self.namespace = ""
        self.thresholds = Thresholds()
        self.tell: Tell = lambda _: None
        self.gone: Tell = lambda _: None
        self.accepts = ""
        self.version: Callable[[str], str] = lambda _: ""
        self.settled: Callable[[], None] = lambda: None
        self.again: Callable[[ApplicationKey, float], None] = lambda _key, _seconds: None

    async def reconcile(
        self, key: ApplicationKey, superseded: asyncio.Event | None = None, turn: Turn | None = None
    ) -> None:
        """Look at one Application and do what follows; ``superseded`` says that somebody woke it meanwhile."""
        known = self._world.applications.get(key)
        if known is None:
            self._forget(key)
            return
        record = self._record(key, known.uid)
        if known.model is not None and not known.deleting and self.fences.judge(key, record).waits:
            return  # the barrier wakes everybody
        record.look = Look()
        self._expected.came(key)
        try:
            ended = True
            # Also where it is only compared, or nothing of it can be read: what is there must not be forgotten.
            await self._finalizer.hold(key)
            if known.deleting:
                self._unready.put(key, frozenset())
                self._desired.forget(key)
                self._expected.forget(key)
                self._changes.settle(key)
                await self._guard.confirm(key, record, DELETION)
                self._leaves(key, known)
                heirs = self._changes.leaves(key) or ()
                await self._withdrawals.deleted(key, known, record, tuple(map(self._expected.tell, heirs)))
            elif known.model is None:
                self._unready.put(key, frozenset())
                record.look.faults = (fault(known.error),) if known.error is not None else ()
            else:
                ended = await self._live(
                    key, known, known.model, (record, superseded or asyncio.Event(), turn or Turn())
                )
            if ended:
                self._looked(key)
            record.tries = 0
        except CalledOff:
            return  # it is looked at anew: whatever called it off woke it
        except RepositoryUnread as error:
            if known.status.get("conditions"):
                return  # after a start: what was known stays until the repository has been asked
            record.look.faults += (fault(error),)
        except FleetError as error:
            self._failed(key, record, error)
        record.told = record.look
        self.tell(key)

    async def _live(
        self,
        key: ApplicationKey,
        known: Known[Application],
        application: Application,
        given: tuple[Record, asyncio.Event, Turn],
    ) -> bool:
        """Whether it came to its end, and need not be looked at anew at once."""
        record, superseded, turn = given
        if known.error is not None:
            record.look.faults += (fault(known.error),)
        placed = place(application, self._clusters())
        record.look.faults += placed.faults
        selected = tuple(
            name
            for name in placed.names
            if not self._withdrawals.cleaning(name) and not skipped(application, self._facts(name))
        )
        record.served = await self._withdrawals.unselected(key, application, record, selected)
        if not self._within(key, record):
            return True
        repositories = [one.repo_url for one in application.spec.all_sources if one.chart is None]
        arriving = max(filter(None, map(self._changes.arriving, repositories)), default=None, key=_serial)
        asking = Question(
            application,
            {name: self._facts(name) for name in record.served},
            self.fences.refuse(key),
            superseded,
            turn,
        )
        sought = await self._desired.compute(key, asking, record)
        if sought.overtaken:
            self.again(key, 0.0)
        mode, asked = Mode.APPLY, await self._asked(key, known, record, (asking, sought))
        automated = application.spec.sync_policy.automated is not None
        if asked is not None and asked.commit and not automated:
            sought = await self._desired.at(asking, asked.commit)
        elif not automated:
            mode = Mode.COMPARE
        by_cluster, whole = dict(sought.by_cluster), sought.whole
        if HUB_CLUSTER in by_cluster:
            lineage = self.fences.lineage
            whole = admitted(
                by_cluster[HUB_CLUSTER], namespace(application), lineage.chain(key), lineage.unheld
            )
            by_cluster[HUB_CLUSTER] = whole
        record.look.faults += sought.failed + (whole.faults if not record.served else ())
        self._unready.put(key, sought.waiting | self._unready.of(key))
        closed = frozenset(self.fences.judge(key, record).barred)
        if mode is Mode.APPLY:
            await self._finalizer.hold(key, frozenset(record.served) - closed)
        state = whole.key[:RENDER_WORD]
        confirmed = await self._guard.confirm(key, record, state)
        change = self._changes.of(key) or arriving
        verdict = self.fences.judge(key, record)
        if closed != verdict.barred.keys() or not verdict.stands:
            self.again(key, 0.0)  # a Project moved while we waited, and what is placed is recorded first
            return False
        work = Work(
            target=Target(
                TargetKey(key, ""),
                namespace(application),
                Policy(),
                born=application.metadata.created,
                confirmed=confirmed,
                state=state,
            ),
            revisions=sought.revisions,
            rendered=whole,
            change=change,
            mode=mode,
            lane=Lane.URGENT if record.begun else Lane.COLD,
            asked_by=asked.request if asked is not None else None,
            prune_asked=asked.prune if asked is not None else False,
        )
        self._offer(work, application, record, (verdict, by_cluster, known.annotations))
        self._partly(key, sought)  # what it claims stands by now
        record.spec = application.spec
        if not whole.faults and not sought.failed:
            if not record.begun and self._finalizer.placed(key) - set(record.served):
                # Clusters that were lost before this start: now that it has rendered, they may be let go of.
                self.again(key, 0.0)
            record.begun = True
            record.generation = known.generation
            if self._made(key, application, whole, Mode.COMPARE if HUB_CLUSTER in closed else mode):
                self._changes.settle(key)
        self.settled()
        return True

    def _partly(self, key: ApplicationKey, sought: Sought) -> None:
        """Some clusters may lack their render: for one that is not reached yet, or by something that may pass."""
        passing = any(one.transient for one in sought.failed)
        self._unready.put(key, sought.waiting | (self._unready.of(key) if passing else frozenset()))
        self._reached(key, sought.waiting)
        if passing:
            self.again(key, PARTLY)

    def _failed(self, key: ApplicationKey, record: Record, error: FleetError) -> None:
        record.look.faults += (fault(error),)
        passing = error.transient and not isinstance(error, RepositoryUnreachable)
        kept = self._unready.of(key)
        if not passing or record.tries >= TRIES:
            # What it would claim where the cluster's answers are known, nobody waits for any more.
            kept = frozenset(name for name in kept if not self.version(name))
            self._looked(key)
        self._unready.put(key, error.waiting | kept)
        self._reached(key, error.waiting)
        if passing:
            record.tries += 1
            self.again(key, min(60.0, 0.5 * 2.0 ** min(record.tries, 10)))

    def _looked(self, key: ApplicationKey) -> None:
        """It has said what it claims, or says nothing for now; a root only when its children have come (H3)."""
        if not self._expected.coming(key):
            self._changes.looked(key)

    def _record(self, key: ApplicationKey, uid: str) -> Record:
        """What is remembered of the Application; one that was deleted and made anew in one moment begins anew."""
        record = self.records.get(key)
        if record is not None and record.uid != uid:
            self._forget(key)
            record = None
        if record is None:
            record = self.records[key] = Record(uid=uid, stood=self._finalizer.placed(key))
        return record

    def _within(self, key: ApplicationKey, record: Record) -> bool:
        """Whether its Projects let it be read and sent at all; what they bar is let go of as it stands."""
        verdict = self.fences.close(key, record)
        if not verdict.stands:
            # It can neither claim nor wait: nobody's prune may hang on it.
            self._unready.put(key, frozenset())
            self._desired.forget(key)
            self._expected.forget(key)
            self._changes.settle(key)
            self.settled()
        return verdict.stands

    def _offer(
        self,
        work: Work,
        application: Application,
        record: Record,
        given: tuple[Verdict, Mapping[str, Rendered], Mapping[str, str]],
    ) -> None:
        """Offer each cluster that no Project bars what is rendered for it, with the walls that hold there.

        Where nothing could be rendered, the last offer stands.
        """
        verdict, by_cluster, annotations = given
        if work.asked_by is not None:
            # What no Project lets through has failed by that, or the request would never end.
            record.answered.update(dict.fromkeys(verdict.barred, False))
            if self._world.complete and self._asking.ended(record):
                # Whoever had not answered is served no more: nothing goes by that word from here on.
                self.again(work.target.key.application, 0.0)
        for name in record.served:
            rendered = by_cluster.get(name)
            if name in verdict.barred or rendered is None:
                continue
            kept = policy(application, verdict.walls(name), self.thresholds, self._cluster(name))
            target = replace(
                work.target,
                key=TargetKey(work.target.key.application, name),
                namespace=filled_namespace(application, self._facts(name)),
                policy=replace(kept, accepts=self.accepts or annotations.get(names.ACCEPT, "")),
            )
            asked_by = work.asked_by if name not in record.answered else None
            # A cluster that is new to it is no hurry: a commit or a heal there goes before (H23).
            lane = work.lane if name in record.offered else Lane.COLD
            self._roster.offer(replace(work, target=target, rendered=rendered, asked_by=asked_by, lane=lane))
        record.offered = frozenset(record.served) - verdict.barred.keys()

    async def _asked(
        self,
        key: ApplicationKey,
        known: Known[Application],
        record: Record,
        given: tuple[Question, Sought],
    ) -> Asked | None:
        """The sync that somebody asks for, where it can be carried out."""
        asking, sought = given
        try:
            asked = await self._asking.asked(key, known, record)
        except InvalidObject as error:
            record.look.faults += (fault(error),)
            return None
        model = known.model
        if asked is None or model is None or model.spec.sync_policy.automated is None:
            return asked
        if await self._desired.is_at(asking, asked.commit, sought):
            return asked
        record.look.faults += (self._asking.refuse(record, asked),)
        return None

    def _made(self, key: ApplicationKey, application: Application, rendered: Rendered, mode: Mode) -> bool:
        """Whether nothing that it is about to make could claim what others are about to prune."""
        record = self.records[key]
        if HUB_CLUSTER not in record.served or mode is not Mode.APPLY:
            self._expected.forget(key)
            return True
        made = self._expected.expect(key, rendered, namespace(application))
        for child in self._expected.missing(key):
            known = self._world.applications.get(child)
            if known is not None and known.deleting:
                self.again(child, 0.0)  # it waits for this root no more
        return made

    def _cluster(self, name: str) -> Cluster | None:
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        return known.model if known is not None else None

    def _facts(self, name: str) -> Facts:
        """What may be asked of a cluster by the Applications that go there."""
        model = self._cluster(name)
        if model is None:
            return Facts(name, version=self.version(name))
        return Facts(name, model.metadata.labels, model.metadata.annotations, self.version(name))

    def _reached(self, key: ApplicationKey, waiting: frozenset[str]) -> None:
        """A cluster that was reached while this rendered has woken nobody: it was not known yet who waits for it."""
        if any(self.version(name) for name in waiting):
            self.again(key, 0.0)

    def _leaves(self, key: ApplicationKey, known: Known[Application]) -> None:
        """A child that its root deletes leaves with the root's changes: what it holds may be meant for others."""
        labels = known.metadata.get("labels") or {}
        for root in self._changes.concerned() if PART_OF in labels else ():
            if labels[PART_OF] == set_id(TargetKey(root, HUB_CLUSTER), self.namespace):
                self._changes.leave(root, key)

    def _clusters(self) -> list[Cluster]:
        return [
            known.model
            for key, known in self._world.clusters.items()
            if key.namespace == self.namespace and known.model is not None and not known.deleting
        ]

    def _forget(self, key: ApplicationKey) -> None:
        record = self.records.pop(key, None)
        if record is not None:
            self._unready.put(key, frozenset())
        self._desired.forget(key)
        self._expected.forget(key)
        self._changes.settle(key)
        self._finalizer.forget(key)
        if record is not None:
            for name in {*record.served, *record.leaving}:
                self._roster.forget(TargetKey(key, name))
        self.gone(key)


def _serial(change: ChangeId) -> int:
    return change.serial
