"""The time between a connection and its loss: watches, passes, probes, renewals.

Contract: made anew with each Member. ``run`` returns when the connection is to be given up, by raising why.
What is queued outlives it; what was in flight is then unknown and is looked at afresh by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from fleet.clock import Clock
from fleet.errors import FleetError, Forbidden, Unreachable, fault
from fleet.mailbox import Claim, Mailbox
from fleet.model import (
    Drift,
    Gone,
    GroupKind,
    Hold,
    Holding,
    Lane,
    Mode,
    ObjectRef,
    Outcome,
    Sync,
    TargetKey,
    Work,
)
from fleet.redact import words
from fleet.sync import parent
from fleet.worker import (
    audit,
    calming,
    discovering,
    heal,
    outcome,
    passes,
    probing,
    rebuild,
    recover,
    withdrawal,
)
from fleet.worker.ends import Replaced, Unforeseen
from fleet.worker.fencing import refused, scoped
from fleet.worker.held import Held
from fleet.worker.member import Member
from fleet.worker.member_lease import MemberLease
from fleet.worker.observe import Observer
from fleet.worker.plan import claimable, wanted
from fleet.worker.pruning import Precious
from fleet.worker.report import Knowledge, Report
from fleet.worker.work import Errand, Leave, delay, failed, goes_on

PASSES = 16
URGENT_PASSES = 2  # of these, so that a heal never waits for a cold start to end
SETTLE = 0.05  # seconds in which changes of health are gathered
SEAL_AFTER = 3.0
BUSY = 3  # passes at once
LEAVE_AGAIN = 5.0
FIRST_LISTS = 30.0
WAITS = frozenset({Hold.WAVE, Hold.CLAIM, Hold.PRUNE_WAITS})  # health or a change ends these

Box = Mailbox[TargetKey, Errand]


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
        self._sets: dict[str, TargetKey] = {}
        self.paused = False
        self._passing = 0
        member.stands = lambda target: target.key in held and held[target.key].stands(target)

    # --- lifetime -------------------------------------------------------------------------------------

    async def run(self, lease: MemberLease | None) -> None:
        """Work until the connection is lost; raises why."""
        for item in self.member.parents.values():
            self._report.recorded(item.recorded)
        self._learn_sets()
        tasks = [
            self._observer.parents(),
            asyncio.ensure_future(probing.watch_over(self.member, self.member.doubt, self._answered)),
        ]
        if lease is not None:
            tasks.append(asyncio.ensure_future(lease.keep(self.member.client.send)))
        for target in self.member.parents:
            self._follow_kinds(target)
        try:
            await self._first_lists(self._kinds, *tasks)
            self._take_up_all()
            tasks += [asyncio.ensure_future(self._serve(None)) for _ in range(PASSES - URGENT_PASSES)]
            tasks += [asyncio.ensure_future(self._serve(1)) for _ in range(URGENT_PASSES)]
            tasks.append(asyncio.ensure_future(audit.keep(self._held, self._box, self._clock, self._audit)))
            tasks.append(asyncio.ensure_future(calming.keep(self._held, self._clock, self._stir_target)))
            done, _ = await asyncio.wait({*tasks, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            self._observer.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._lost.cancel()

    def give_up(self) -> None:
        """End this connection: another takes its place."""
        if not self._lost.done():
            self._lost.set_exception(Replaced("the connection is replaced"))

    def _take_up_all(self) -> None:
        """Have everything looked at afresh that was asked for."""
        for key, held in self._held.items():
            held.connected_anew()
            if held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.work is not None:
                self.take_up(held)
                self._box.put(key, held.work, lane=held.work.lane)

    async def _first_lists(
        self, kinds: Callable[[], Iterable[GroupKind]], *until: asyncio.Task[None]
    ) -> None:
        """Wait until every kind is listed, or cannot be; a kind that cannot holds back pruning alone."""
        deadline = self._clock.boottime() + FIRST_LISTS
        while self._observer.awaited(kinds()) and self._clock.boottime() < deadline:
            self._fresh.clear()
            if self._lost.done() or any(task.done() for task in until):
                return
            own: list[asyncio.Future[Any]] = [
                asyncio.ensure_future(w) for w in (self._fresh.wait(), self._clock.sleep_until(deadline))
            ]
            try:
                await asyncio.wait({*own, self._lost, *until}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in own:
                    one.cancel()

    def _kinds(self) -> frozenset[GroupKind]:
        """All kinds that parents name."""
        return frozenset(kind for item in self.member.parents.values() for kind in item.kinds)

    def _follow_kinds(self, target: TargetKey) -> None:
        record = self.member.parents.get(target)
        if record is not None:
            self._observer.follow(record.kinds)

    def _learn_sets(self) -> None:
        place = self.member.identity.namespace
        self._sets = {parent.set_id(key, place): key for key in {*self.member.parents, *self._held}}
        silent = {}
        for set_id, key in self._sets.items():
            held = self._held.get(key)
            unheard = held is None or (held.work is None and held.leave is None)
            if unheard and self._knowledge.exists(key.application):
                silent[set_id] = key
        self.member.silent = silent

    async def _answered(self) -> None:
        """The server lives: groups that did not answer before may do so by now."""
        if self.member.discovery.stale and await discovering.again(self.member):
            self._served_again()

    def _served_again(self) -> None:
        """Groups whose own server was gone answer again: follow their kinds, and look at what waited."""
        for target in self.member.parents:
            self._follow_kinds(target)
        self._wake_waiting()

    # --- what watches bring ---------------------------------------------------------------------------

    def drifted(self, set_id: str, found: Drift) -> None:
        """Put a member back, or show that it drifted."""
        held = self._keeper(set_id, found.ref)
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
        held = self._keeper(set_id, ref)
        if held is not None:
            found = self.member.sightings.foreign(ref)
            walled = ref in refused(held.scoped.faults) if held.scoped is not None else False
            off = self.paused or walled
            self._heal(set_id, None if off else heal.strip(held, found, self._clock.boottime()))

    def _keeper(self, set_id: str, ref: ObjectRef) -> Held | None:
        """The target of that set, where it means to hold the object."""
        key = self._sets.get(set_id)
        held = self._held.get(key) if key is not None else None
        if held is None or held.work is None or held.leave is not None or held.scoped is None:
            return None
        return held if ref in wanted(held.scoped) else None

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
            self._follow_kinds(target)
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

    def _stir_target(self, target: TargetKey) -> None:
        self._stir(parent.set_id(target, self.member.identity.namespace))

    def _stir(self, set_id: str) -> None:
        if not self._dirty:
            asyncio.get_running_loop().call_later(SETTLE, self._fold)
        self._dirty.add(set_id)

    def _fold(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for set_id in dirty:
            key = self._sets.get(set_id)
            held = self._held.get(key) if key is not None else None
            if key is None or held is None:
                continue
            if held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.outcome is not None and held.work is not None and held.scoped is not None:
                self._refold(key, held)

    def _refold(self, key: TargetKey, held: Held) -> None:
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

    # --- passes ---------------------------------------------------------------------------------------

    def take_up(self, held: Held) -> None:
        """Scope an offer and register what it claims, in one breath."""
        work = held.work
        if work is None:
            return
        if held.scoped is None:
            held.scoped = scoped(work, self.member.discovery, self.member.identity.namespace)
        key = work.target.key
        refs = claimable(held.scoped)
        if work.mode is Mode.COMPARE:
            # Nothing has been asked to let go of what the set holds.
            refs |= self.member.sightings.members(parent.set_id(key, self.member.identity.namespace))
        before = self.member.claims.of(key)
        self._inherit(self.member.claims.register(key, work.target.born, refs))
        self._abandon(before - refs)
        self._sets[parent.set_id(key, self.member.identity.namespace)] = key
        self._heard(key)

    def let_go(self, target: TargetKey) -> None:
        """The target claims nothing any more."""
        before = self.member.claims.of(target)
        self._inherit(self.member.claims.drop(target))
        self._abandon(before)
        self._heard(target)

    def suspend(self, target: TargetKey) -> None:
        """Nothing is written for the target for now: what it holds here stays its own."""
        if target in self.member.parents:
            self.member.silent[parent.set_id(target, self.member.identity.namespace)] = target
        self._inherit(self.member.claims.drop(target))

    def _heard(self, target: TargetKey) -> None:
        """The target has said what it wants, or that it wants nothing: nobody waits for its word any more."""
        if self.member.silent.pop(parent.set_id(target, self.member.identity.namespace), None) is not None:
            self._wake_waiting()

    def _inherit(self, heirs: frozenset[TargetKey]) -> None:
        """What somebody let go of may be theirs now, who were refused it until now."""
        for key in heirs:
            held = self._held.get(key)
            # Also where its first pass is under way, which was refused already.
            if held is not None and held.work is not None and held.leave is None:
                self._box.put(key, held.work, lane=held.work.lane)

    def _abandon(self, refs: Iterable[ObjectRef]) -> None:
        """What nobody claims any more is for the target to remove in whose set it still is: it was to be handed over."""
        for ref in refs:
            seen = self.member.sightings.get(ref)
            free = seen is not None and not self.member.claims.claimed(ref)
            key = self._sets.get(seen.set_id) if seen is not None and free else None
            held = self._held.get(key) if key is not None else None
            if key is not None and held is not None and held.work is not None and held.leave is None:
                self._box.put(key, held.work, lane=held.work.lane)

    def _wake_waiting(self) -> None:
        for key, held in self._held.items():
            if held.waits and held.work is not None:
                self._box.put(key, held.work, lane=held.work.lane)

    async def _serve(self, lanes: int | None) -> None:
        while True:
            claim = await self._box.take(lanes)
            try:
                await self._errand(claim)
            finally:
                self._box.done(claim)

    @property
    def busy(self) -> bool:
        """Whether more than a few passes are under way."""
        return self._passing > BUSY

    async def _errand(self, claim: Claim[TargetKey, Errand]) -> None:
        held = self._held.get(claim.key)
        if held is None:
            return
        try:
            if isinstance(claim.value, Leave):
                await self._leave(claim.value, held)
            else:
                await self._work(claim.value, held, claim)
        except FleetError as error:
            self._failed(claim, held, fault(error).text, error)
        except Exception as error:  # noqa: BLE001 (one target's fault must not end the others')
            self._failed(claim, held, words(error), None)

    async def _work(self, work: Work, held: Held, claim: Claim[TargetKey, Errand]) -> None:
        if held.scoped is not None and any(problem.transient for problem in held.scoped.faults):
            # A kind is not served: it may be by now.
            await discovering.again(self.member)
            held.scoped = None
            self.take_up(held)
        if held.leave is not None or held.work is None:
            return
        if work.mode is Mode.SEAL:
            await self._seal(held.work, held)
            return
        narrow = work.only is not None
        if held.scoped is None:
            self.take_up(held)
        work = replace(
            held.work,
            only=work.only,
            mode=recover.mode(work, held, self.member, paused=self.paused),
            asked_by=work.asked_by,
        )
        begun = self._clock.boottime()
        lost = rebuild.lost(work, held, self.member, stood=self._knowledge.stood(claim.key))
        if lost and not narrow and not self.paused:
            await self._rebuild(work, held)
        if held.scoped is None:
            return
        if self._known_settled(work, held):
            recover.adopt(work, self.member)
        unrendered, detained = self._knowledge.unrendered(work), self._knowledge.detains(work)
        silent = frozenset(self.member.silent)
        guarded: list[Precious] = []

        def guards(asked: Work, precious: Precious) -> Holding | None:
            reason = self._knowledge.guards(asked, precious)
            if reason is not None and reason.hold is Hold.PRUNE_WAITS:
                guarded.append(precious)
            return reason

        self._passing += 1
        try:
            found = await passes.run(
                work,
                held.scoped,
                self.member,
                claim.superseded,
                unrendered,
                self._knowledge.detains,
                guards,
            )
        finally:
            self._passing -= 1
        self._follow_kinds(claim.key)
        record = self.member.parents.get(claim.key)
        if record is not None:
            self._report.recorded(record.recorded)
        overtaken = not narrow and claim.superseded.is_set() and self._box.pending(claim.key)
        if overtaken or self._held.get(claim.key) is not held:
            held.begun = held.begun or not found.faults  # what it came to is nobody's news
            return
        if narrow:
            self._healed(work, held, found)
            return
        self._report.passed(self._clock.boottime() - begun, well=not found.faults)
        self._ended(work, held, found)
        closed = unrendered is not None and self._knowledge.unrendered(work) is None
        freed = detained is not None and self._knowledge.detains(work) is None
        heard = bool(silent - self.member.silent.keys())
        looked = bool(guarded) and self._knowledge.guards(work, guarded[-1]) is None
        if held.waits and (closed or freed or heard or looked):
            # What the pass waited for came while it ran: nobody will say so again.
            self._box.put(work.target.key, held.work or work, lane=work.lane)

    def _known_settled(self, work: Work, held: Held) -> bool:
        if held.begun or work.only is not None or work.asked_by is not None or work.mode is Mode.AUDIT:
            return False
        record = self.member.parents.get(work.target.key)
        return recover.settled(work, record.recorded if record else None, self.member)

    async def _rebuild(self, work: Work, held: Held) -> None:
        kinds = await rebuild.declare(work, self.member)
        held.rebuild = False
        if kinds is not None:
            self._follow_kinds(work.target.key)
            # What the set holds that Git no longer names is known only then.
            await self._first_lists(lambda: kinds)

    def _removed(self, target: TargetKey, found: Outcome) -> None:
        for one in found.findings.removed:
            self._report.healed(target, heal.addition(one))

    def _healed(self, work: Work, held: Held, found: Outcome) -> None:
        self._removed(work.target.key, found)
        for ref in work.only or ():
            drift = held.drifts.get(ref)
            if drift is None or self._still(drift):
                continue
            del held.drifts[ref]
            if found.counts.created or found.counts.changed:
                self._report.healed(work.target.key, drift)
        if any(hold.hold in WAITS for hold in found.holds):
            # The next wave goes on when health moves, by a whole pass.
            held.waits = True
        if found.faults:
            self._again(work, held)
        else:
            # The heal moved our entry's time: a seal from before it would make a restart look at all objects.
            self._seal_later(work)
        self._stir_target(work.target.key)

    def _ended(self, work: Work, held: Held, found: Outcome) -> None:
        held.begun = True
        self._removed(work.target.key, found)
        reported = heal.rested(found) if self.paused else found
        if work.asked_by is not None:
            held.asked = work.asked_by
            if held.work is not None:
                held.work = replace(held.work, asked_by=None)
        if held.asked is not None and not self.paused and not goes_on(work, found):
            reported = replace(reported, findings=replace(reported.findings, answered=held.asked))
            held.asked = None
        held.outcome = reported
        held.waits = any(hold.hold in WAITS for hold in reported.holds)
        named = wanted(held.scoped) if held.drifts and held.scoped is not None else frozenset()
        applied = work.mode in (Mode.APPLY, Mode.AUDIT)
        for drift in list(held.drifts.values()):
            if drift.ref not in named or (applied and not self._still(drift)):
                del held.drifts[drift.ref]
        self._refold(work.target.key, held) if held.drifts or held.fights else self._report.outcome(reported)
        if failed(found) or (held.waits and found.faults):
            self._again(work, held)
            return
        held.tries = 0
        if found.sync is Sync.SYNCED and work.mode is not Mode.COMPARE:
            self._seal_later(work)

    async def _seal(self, work: Work, held: Held) -> None:
        """Seal the parent now, unless there is much to apply: a seal only saves a restart some requests."""
        if self.paused:
            return  # the pass after the pause has it sealed
        if self.busy:
            self._seal_later(work)
        elif held.scoped is not None and await passes.seal(work, held.scoped, self.member):
            self._observer.leave(self._kinds())

    def _seal_later(self, work: Work) -> None:
        """Have the parent record the members' entries, once things have been quiet for a moment."""
        seal = replace(work, mode=Mode.SEAL, lane=Lane.AUDIT, only=None, asked_by=None)
        due = self._clock.boottime() + self._clock.jitter(SEAL_AFTER, 0.5)
        self._box.put(work.target.key, seal, lane=Lane.AUDIT, not_before=due)

    def _still(self, drift: Drift) -> bool:
        seen = self.member.sightings.get(drift.ref)
        return seen is None or seen.sent is None or seen.entry != seen.sent

    def _again(self, work: Work, held: Held) -> None:
        held.tries += 1
        seconds = self._clock.jitter(delay(work.target.policy.retry, held.tries), 0.2)
        again = held.work if work.only is None else work
        if again is not None and held.leave is None:
            self._box.put(work.target.key, again, lane=Lane.COLD, not_before=self._clock.boottime() + seconds)

    def _failed(
        self, claim: Claim[TargetKey, Errand], held: Held, text: str, error: FleetError | None
    ) -> None:
        if self._held.get(claim.key) is not held:
            return
        problem = fault(error) if error is not None else fault(Unforeseen(text))
        if isinstance(claim.value, Leave):
            found = withdrawal.refused(claim.key, problem, self.member)
            self._report.withdrawn(found, Gone.WAITING)
            self._leave_again(claim.value, held)
            return
        found = outcome.broken(claim.value, problem, held.outcome, self.member)
        held.outcome = found
        self._report.outcome(found)
        self._again(claim.value, held)

    async def _leave(self, errand: Leave, held: Held) -> None:
        if held.leave is None:
            return
        if self.paused:
            self._report.withdrawn(withdrawal.paused(errand.target, self.member), Gone.WAITING)
            return
        self.let_go(errand.target)
        state, found = await withdrawal.run(
            errand,
            self.member,
            lambda: held.leave is None or self.paused,
            self._knowledge.spares,
        )
        self._report.withdrawn(found, state)
        if state is Gone.DONE:
            if held.leave is not None:
                self._held.pop(errand.target, None)
                self._box.forget(errand.target)
            return
        self._leave_again(errand, held)

    def _leave_again(self, errand: Leave, held: Held) -> None:
        """Try later; not where the target was offered anew meanwhile, which waits under the same key."""
        if held.leave is not None:
            due = self._clock.boottime() + LEAVE_AGAIN
            self._box.put(errand.target, errand, lane=Lane.COLD, not_before=due)
