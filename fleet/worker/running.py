"""The time between a connection and its loss: watches, passes, probes, renewals.

Contract: made anew with each Member. ``run`` returns when the connection is to be given up, by raising why.
What is queued outlives it; what was in flight is then unknown and is looked at afresh by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from fleet import ending
from fleet.clock import Clock
from fleet.errors import FleetError, Forbidden, Unreachable
from fleet.model import (
    Drift,
    GroupKind,
    Lane,
    Mode,
    ObjectRef,
    TargetKey,
    Work,
)
from fleet.sync import parent
from fleet.worker import (
    audit,
    calming,
    discovering,
    heal,
    outcome,
    probing,
)
from fleet.worker.ends import Replaced
from fleet.worker.errands import Errands
from fleet.worker.fencing import refused
from fleet.worker.held import Held
from fleet.worker.member import Member
from fleet.worker.member_lease import MemberLease
from fleet.worker.observe import Observer
from fleet.worker.report import Knowledge, Report
from fleet.worker.taking import Box, Taking

PASSES = 16
URGENT_PASSES = 2  # of these, so that a heal never waits for a cold start to end
QUIET_PASSES = 3  # of these, for audits and seals too: whole fleets of them leave a cluster free for a commit
SETTLE = 0.05  # seconds in which changes of health are gathered
FIRST_LISTS = 30.0


class Running:
    """One connected member at work."""

    def __init__(
        self,
        member: Member,
        held: dict[TargetKey, Held],
        box: Box,
        report: Report,
        knowledge: Knowledge,
        audit: float = 12 * 3600.0,
    ) -> None:
        self.member = member
        self._held = held
        self._box = box
        self._report = report
        self._knowledge = knowledge
        self._audit = audit
        self._clock: Clock = member.clock
        self._observer = Observer(member, self)
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._fresh = asyncio.Event()
        self._dirty: set[str] = set()
        self.paused = False
        self.taking = Taking(member, held, box, knowledge)
        self.errands = Errands(self.taking, held, box, report, knowledge, self)
        member.stands = lambda target: target.key in held and held[target.key].stands(target)
        member.paused = lambda: self.paused

    # --- lifetime -------------------------------------------------------------------------------------

    async def run(self, lease: MemberLease | None) -> None:
        """Work until the connection is lost; raises why."""
        for item in self.member.parents.values():
            self._report.recorded(item.recorded)
        self.taking.learn()
        tasks = [
            self._observer.parents(),
            asyncio.ensure_future(probing.watch_over(self.member, self.member.doubt, self._answered)),
        ]
        if lease is not None:
            tasks.append(asyncio.ensure_future(lease.keep(self.member.client.send)))
        for target in self.member.parents:
            self.follow_kinds(target)
        try:
            await self.first_lists(self._kinds, *tasks)
            self.taking.take_up_all()
            self._report.heard(self.member.name)
            soon = PASSES - URGENT_PASSES - QUIET_PASSES
            tasks += [asyncio.ensure_future(self.errands.serve_quietly()) for _ in range(QUIET_PASSES)]
            tasks += [asyncio.ensure_future(self.errands.serve(Lane.AUDIT)) for _ in range(soon)]
            tasks += [asyncio.ensure_future(self.errands.serve(Lane.COLD)) for _ in range(URGENT_PASSES)]
            tasks.append(asyncio.ensure_future(audit.keep(self._held, self._box, self._clock, self._audit)))
            tasks.append(asyncio.ensure_future(calming.keep(self._held, self._clock, self.stir_target)))
            done, _ = await asyncio.wait({*tasks, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            self.errands.over = True
            await ending.end((*tasks, *self._observer.close()))
            self._lost.cancel()
            self.member.forget()

    def give_up(self) -> None:
        """End this connection: another takes its place."""
        if not self._lost.done():
            self._lost.set_exception(Replaced("the connection is replaced"))

    async def first_lists(self, kinds: Callable[[], Iterable[GroupKind]], *until: asyncio.Task[None]) -> None:
        """Wait until every kind is listed, or cannot be; a kind that cannot holds back pruning alone."""
        deadline = self._clock.boottime() + FIRST_LISTS
        while self._observer.awaited(kinds()) and self._clock.boottime() < deadline:
            self._fresh.clear()
            if self._lost.done() or any(task.done() for task in until):
                return
            waiter = asyncio.ensure_future(self._fresh.wait())
            timer = asyncio.ensure_future(self._clock.sleep_until(deadline))
            try:
                waits: set[asyncio.Future[Any]] = {waiter, timer, self._lost, *until}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
                timer.cancel()

    def _kinds(self) -> frozenset[GroupKind]:
        """All kinds that parents name."""
        return frozenset(kind for item in self.member.parents.values() for kind in item.kinds)

    def follow_kinds(self, target: TargetKey) -> None:
        """Follow the kinds that the target's parent names."""
        record = self.member.parents.get(target)
        if record is not None:
            self._observer.follow(record.kinds)

    async def _answered(self) -> None:
        """The server lives: groups that did not answer before may do so by now."""
        if self.member.discovery.stale and await discovering.again(self.member):
            self._served_again()

    def _served_again(self) -> None:
        """Groups whose own server was gone answer again: follow their kinds, and look at what waited."""
        for target in self.member.parents:
            self.follow_kinds(target)
        self.member.news += 1
        self.taking.wake_waiting()

    # --- what watches bring ---------------------------------------------------------------------------

    def drifted(self, set_id: str, found: Drift) -> None:
        """Put a member back, or show that it drifted."""
        self.taking.lost(set_id, found.ref)
        held = self.taking.keeper(set_id, found.ref)
        if held is None:
            return
        if found.manager and not found.at:
            # The server gives no time to a change by the scale subresource: when we saw it is near enough.
            found = replace(found, at=heal.stamp(self._clock.now()))
        held.drifts[found.ref] = found
        # Of what a Project refuses by now, nothing is written: the fault of the last whole pass says so.
        walled = found.ref in refused(held.scoped.faults) if held.scoped is not None else False
        planned = None if self.paused or walled else heal.plan(held, found, self._clock.boottime())
        self._heal(set_id, planned)

    def added(self, set_id: str, ref: ObjectRef) -> None:
        """Show what people added to a member, or take it away."""
        held = self.taking.keeper(set_id, ref)
        if held is not None:
            found = self.member.sightings.foreign(ref)
            walled = ref in refused(held.scoped.faults) if held.scoped is not None else False
            off = self.paused or walled
            self._heal(set_id, None if off else heal.strip(held, found, self._clock.boottime()))

    def _heal(self, set_id: str, planned: tuple[Work, float] | None) -> None:
        if planned is not None:
            work, due = planned
            self._box.put(work.target.key, work, lane=Lane.URGENT, not_before=due)
        self._stir(set_id)

    def stirred(self, set_id: str) -> None:
        """Fold the target anew, soon."""
        self._stir(set_id)

    def parent_changed(self, target: TargetKey) -> None:
        """Follow the kinds that a parent names now; make again one that somebody deleted."""
        if target in self.member.parents:
            self.follow_kinds(target)
            return
        held = self._held.get(target)
        if held is None or held.work is None or held.leave is not None or held.rebuild:
            return
        if held.begun and held.work.mode is not Mode.COMPARE:
            held.rebuild = True
            self._box.put(target, held.work, lane=Lane.URGENT)

    def silent(self, error: FleetError | None) -> None:
        """A stream is silent: ask whether the server lives."""
        if error is not None:
            self._fresh.set()
            if isinstance(error, Unreachable | Forbidden):
                self.member.doubt.set()

    def listed(self) -> None:
        """A kind is complete: what waited for it may go on."""
        self.member.news += 1
        self._fresh.set()
        for key, held in self._held.items():
            if held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.waits and held.work is not None:
                self._box.put(key, held.work, lane=held.work.lane)

    def rewound(self) -> None:
        """The cluster was restored from a backup: begin anew, as after a start (H14)."""
        self.give_up()

    def late(self, ref: object, held: object) -> None:
        """Hand to the observer what waited for an answer; see Ledger."""
        self._observer.late(ref, held)  # type: ignore[arg-type]

    def stir_target(self, target: TargetKey) -> None:
        """Fold the target anew, soon."""
        self._stir(parent.set_id(target, self.member.identity.namespace))

    def _stir(self, set_id: str) -> None:
        if not self._dirty:
            asyncio.get_running_loop().call_later(SETTLE, self._fold)
        self._dirty.add(set_id)

    def _fold(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for set_id in dirty:
            found = self.taking.of(set_id)
            if found is None:
                continue
            key, held = found
            if held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.outcome is not None and held.work is not None and held.scoped is not None:
                self.refold(key, held)

    def sealed(self) -> None:
        """A parent names fewer kinds: those that none names are followed no more."""
        self._observer.leave(self._kinds())

    def refold(self, key: TargetKey, held: Held) -> None:
        """Fold the target anew, now."""
        if held.outcome is None or held.work is None or held.scoped is None:
            return
        shown, extra = heal.seen(held, paused=self.paused)
        expected = outcome.expected(held.work, held.scoped, self.member)
        added = outcome.additions(held.work, parent.set_id(key, self.member.identity.namespace), self.member)
        self._report.outcome(outcome.revised(held.outcome, added, expected, shown, extra, self.member))
        if held.waits and self._quiet(key):
            self._box.put(key, held.work, lane=held.work.lane)

    def _quiet(self, key: TargetKey) -> bool:
        """Whether no pass of the target is under way or due: a seal that waits is none."""
        waiting = self._box.waiting(key)
        seal = isinstance(waiting, Work) and waiting.mode is Mode.SEAL
        return not self._box.held(key) and (waiting is None or seal)
