"""Errands of one connection: what is taken from the queue is carried out, and what came of it is told.

Contract: one errand of a target at a time. What fails is a fault of its target, tried again after its policy's
delays; nothing that nobody foresaw ends another target's work. What arrives while a pass runs, and that it waited
for, has it run again: nobody says so twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from fleet.clock import Clock
from fleet.errors import FleetError, fault
from fleet.mailbox import Claim
from fleet.model import Drift, Gone, GroupKind, Hold, Holding, Lane, Mode, Outcome, Sync, TargetKey, Work
from fleet.redact import words
from fleet.worker import discovering, heal, outcome, passes, rebuild, recover, resolving, withdrawal
from fleet.worker.ends import Unforeseen
from fleet.worker.held import Held
from fleet.worker.plan import wanted
from fleet.worker.pruning import Precious
from fleet.worker.report import Knowledge, Report
from fleet.worker.taking import Box, Taking
from fleet.worker.work import Errand, Leave, delay, failed, goes_on, yields
from fleet.worker.yielding import Yielding

SEAL_AFTER = 3.0
BUSY = 3  # passes at once
LEAVE_AGAIN = 5.0
WAITS = frozenset({Hold.WAVE, Hold.CLAIM, Hold.PRUNE_WAITS})  # health or a change ends these


class Around(Protocol):
    """What errands need of the connection that they run on."""

    paused: bool

    def follow_kinds(self, target: TargetKey) -> None:
        """Follow the kinds that the target's parent names."""

    async def first_lists(self, kinds: Callable[[], Iterable[GroupKind]], *until: asyncio.Task[None]) -> None:
        """Wait until these kinds are listed, or cannot be."""

    def stir_target(self, target: TargetKey) -> None:
        """Fold the target anew, soon."""

    def refold(self, key: TargetKey, held: Held) -> None:
        """Fold the target anew, now."""

    def sealed(self) -> None:
        """A parent names fewer kinds: those that none names are followed no more."""


class Errands:
    """See the module."""

    def __init__(
        self,
        taking: Taking,
        held: dict[TargetKey, Held],
        box: Box,
        report: Report,
        knowledge: Knowledge,
        around: Around,
    ) -> None:
        self.member = taking.member
        self._taking = taking
        self._held = held
        self._box = box
        self._report = report
        self._knowledge = knowledge
        self._around = around
        self._clock: Clock = taking.member.clock
        self._passing = 0
        self.over = False  # no further errand is begun on this connection
        self._yielding = Yielding()

    @property
    def busy(self) -> bool:
        """Whether more than a few passes are under way."""
        return self._passing > BUSY

    async def serve(self, lanes: int) -> None:
        """Take errands of the first lanes, and carry them out, as long as the connection lasts."""
        while not self.over:
            await self._carry_out(await self._box.take(lanes))

    async def serve_quietly(self) -> None:
        """Take errands of all lanes, seals only while they need not stand back, as long as the connection lasts."""
        while not self.over:
            if self.busy:
                self._yielding.urgent(self._clock.boottime())
            now = self._clock.boottime()
            free = self._yielding.free(now)
            if free > now:
                claim = await self._box.take_by(free, Lane.SEAL)
            else:
                claim = await self._box.take()
            if claim is None:
                continue
            if yields(claim.value):
                now = self._clock.boottime()
                if (free := self._yielding.free(now)) > now:
                    # Something urgent came while this waited, or another has just gone.
                    self._box.put(claim.key, claim.value, lane=Lane.SEAL, not_before=free)
                    self._box.done(claim)
                    continue
                self._yielding.sealing(now)
            await self._carry_out(claim)

    async def _carry_out(self, claim: Claim[TargetKey, Errand]) -> None:
        if claim.lane == Lane.URGENT:
            self._yielding.urgent(self._clock.boottime())
        try:
            await self._errand(claim)
        finally:
            self._box.done(claim)

    async def _errand(self, claim: Claim[TargetKey, Errand]) -> None:
        held = self._held.get(claim.key)
        if held is None:
            return
        try:
            if isinstance(claim.value, Leave):
                await self._leave(claim.value, held)
            elif (work := self._due(claim.value, held)) is not None:
                await self._work(work, held, claim)
        except FleetError as error:
            self._failed(claim, held, fault(error).text, error)
        except Exception as error:  # noqa: BLE001 (one target's fault must not end the others')
            self._failed(claim, held, words(error), None)

    def _due(self, work: Work, held: Held) -> Work | None:
        """The errand without heals whose time has not come: these wait on."""
        if work.only is None:
            return work
        now, rest = heal.due(work, held, self._clock.boottime())
        if rest is not None:
            self._box.put(work.target.key, rest[0], lane=Lane.URGENT, not_before=rest[1])
        return now

    async def _work(self, work: Work, held: Held, claim: Claim[TargetKey, Errand]) -> None:
        if held.scoped is not None and any(problem.transient for problem in held.scoped.faults):
            # A kind is not served: it may be by now.
            await discovering.again(self.member)
            held.scoped = None
            self._taking.take_up(held)
        if held.leave is not None or held.work is None:
            return
        if work.mode is Mode.SEAL:
            await self._seal(held.work, held)
            return
        narrow = work.only is not None
        if not await self._stamped(work, held) or held.work is None:
            return
        work = replace(
            held.work,
            only=work.only,
            mode=recover.mode(work, held, self.member, paused=self._around.paused),
            asked_by=work.asked_by,
        )
        begun = self._clock.boottime()
        lost = rebuild.lost(work, held, self.member, stood=self._knowledge.stood(claim.key))
        if lost and not narrow and not self._around.paused:
            await self._rebuild(work, held)
        if held.scoped is None:
            return
        if self._known_settled(work, held):
            recover.adopt(work, self.member)
        unrendered, detained = self._knowledge.unrendered(work), self._knowledge.detains(work)
        silent, news = frozenset(self.member.silent), self.member.news
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
                recover.spares(work, held, self.member),
            )
        finally:
            self._passing -= 1
        self._around.follow_kinds(claim.key)
        record = self.member.parents.get(claim.key)
        if record is not None:
            self._report.recorded(record.recorded)
        overtaken = not narrow and claim.superseded.is_set() and self._box.pending(claim.key)
        if overtaken or self._held.get(claim.key) is not held:
            # What it came to is nobody's news, and what it found drifted is not remembered.
            held.begun = held.begun or not (found.faults or work.mode is Mode.COMPARE)
            return
        if narrow:
            self._healed(work, held, found)
            return
        self._report.passed(self._clock.boottime() - begun, well=not found.faults)
        self._ended(work, held, found)
        await self._seal_now(work, held, found)
        closed = unrendered is not None and self._knowledge.unrendered(work) is None
        freed = detained is not None and self._knowledge.detains(work) is None
        heard = bool(silent - self.member.silent.keys()) or self.member.news != news
        looked = bool(guarded) and self._knowledge.guards(work, guarded[-1]) is None
        if held.waits and (closed or freed or heard or looked):
            # What the pass waited for came while it ran: nobody will say so again.
            self._box.put(work.target.key, held.work or work, lane=work.lane)

    async def _stamped(self, work: Work, held: Held) -> bool:
        """Have the desired set say which versions it stands for; False where nothing is wanted any more."""
        while held.leave is None and held.work is not None:
            if held.scoped is None:
                self._taking.take_up(held)
            before = held.scoped
            if before is None:
                break
            found = await resolving.stamped(replace(held.work, only=work.only), before, self.member)
            if held.scoped is before:
                held.scoped = found
                break
        return held.leave is None and held.work is not None

    def _known_settled(self, work: Work, held: Held) -> bool:
        if held.begun or work.only is not None or work.asked_by is not None or work.mode is Mode.AUDIT:
            return False
        record = self.member.parents.get(work.target.key)
        return recover.settled(work, record.recorded if record else None, self.member)

    async def _rebuild(self, work: Work, held: Held) -> None:
        kinds = await rebuild.declare(work, self.member)
        held.rebuild = False
        self._around.follow_kinds(work.target.key)
        # What the set holds that Git no longer names is known only then.
        await self._around.first_lists(lambda: kinds)

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
        self._around.stir_target(work.target.key)

    def _ended(self, work: Work, held: Held, found: Outcome) -> None:
        held.begun = True
        if work.mode is Mode.AUDIT:
            held.audited = self._clock.boottime()
        self._removed(work.target.key, found)
        reported = heal.rested(found) if self._around.paused else found
        if work.asked_by is not None:
            held.asked = work.asked_by
            if held.work is not None:
                held.work = replace(held.work, asked_by=None)
        if held.asked is not None and not self._around.paused and not goes_on(work, found):
            reported = replace(reported, findings=replace(reported.findings, answered=held.asked))
            held.asked = None
        held.outcome = reported
        held.waits = any(hold.hold in WAITS for hold in reported.holds)
        heal.found(held, reported)
        named = wanted(held.scoped) if held.drifts and held.scoped is not None else frozenset()
        applied = work.mode in (Mode.APPLY, Mode.AUDIT)
        for drift in list(held.drifts.values()):
            if drift.ref not in named or (applied and not self._still(drift)):
                del held.drifts[drift.ref]
        unrest = held.drifts or held.fights
        if reported.findings.answered is not None or not unrest:
            self._report.outcome(reported)  # a target folded anew answers nobody
        if unrest:
            self._around.refold(work.target.key, held)
        if failed(found) or (held.waits and found.faults):
            self._again(work, held)
            return
        held.tries = 0
        if work.mode is Mode.COMPARE:
            if held.work is not None and not self._around.paused and recover.rotated(held, self.member):
                self._box.put(work.target.key, held.work, lane=Lane.URGENT)
        elif found.sync is Sync.SYNCED:
            self._seal_later(work)

    async def _seal(self, work: Work, held: Held) -> None:
        """Seal the parent now."""
        if self._around.paused:
            return  # the pass after the pause has it sealed
        if held.scoped is not None and await passes.seal(work, held.scoped, self.member):
            self._around.sealed()

    async def _seal_now(self, work: Work, held: Held, found: Outcome) -> None:
        """Where drift is not put back, a hub that dies must not take it for work that was left undone."""
        if (
            found.sync is Sync.SYNCED
            and work.mode is not Mode.COMPARE
            and not heal.reverts(work)
            and not self.busy
        ):
            await self._seal(work, held)

    def _seal_later(self, work: Work) -> None:
        """Have the parent record the members' entries, once things have been quiet for a moment."""
        seal = replace(work, mode=Mode.SEAL, lane=Lane.SEAL, only=None, asked_by=None)
        due = self._clock.boottime() + self._clock.jitter(SEAL_AFTER, 0.5)
        self._box.put(work.target.key, seal, lane=Lane.SEAL, not_before=due)

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
            found = withdrawal.refused(claim.value, problem, self.member)
            self._report.withdrawn(found, Gone.WAITING)
            self._leave_again(held)
            return
        found = outcome.broken(claim.value, problem, held.outcome, self.member)
        held.outcome = found
        self._report.outcome(found)
        self._again(claim.value, held)

    async def _leave(self, errand: Leave, held: Held) -> None:
        if held.leave is None:
            return
        if self._around.paused:
            self._report.withdrawn(withdrawal.held(errand, withdrawal.PAUSED, self.member), Gone.WAITING)
            return
        self._taking.let_go(errand.target)
        waits = self._knowledge.retains(errand.target)
        if waits is not None:
            held.waits = True
            self._report.withdrawn(withdrawal.held(errand, waits, self.member), Gone.WAITING)
            self._leave_again(held)
            return
        held.waits = False
        state, found = await withdrawal.run(
            errand,
            self.member,
            lambda: held.leave is not errand or self._around.paused,
            self._knowledge.spares,
            placed=self._knowledge.placed(errand.target),
        )
        self._around.follow_kinds(errand.target)
        self._report.withdrawn(found, state)
        if state is Gone.DONE:
            if held.leave is not None:
                self._held.pop(errand.target, None)
                self._box.forget(errand.target)
            return
        self._leave_again(held)

    def _leave_again(self, held: Held) -> None:
        """Try later; not where the target was offered anew meanwhile, which waits under the same key."""
        if held.leave is not None:
            due = self._clock.boottime() + LEAVE_AGAIN
            self._box.put(held.leave.target, held.leave, lane=Lane.COLD, not_before=due)
