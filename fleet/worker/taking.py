"""Which set is whose on a connection, and what each target claims there.

Contract: memory alone, made anew with each connection; methods never await, so that an offer is scoped and its
claims are registered in one breath. Whoever may have something now that was refused to it looks again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fleet.clock import Clock
from fleet.mailbox import Mailbox
from fleet.model import ChangeId, Lane, Mode, ObjectRef, TargetKey
from fleet.sync import parent
from fleet.worker import heal
from fleet.worker.fencing import scoped
from fleet.worker.held import Held
from fleet.worker.member import Member
from fleet.worker.plan import claimable, wanted
from fleet.worker.report import Knowledge
from fleet.worker.work import Errand, merge, replaces, yields

Box = Mailbox[TargetKey, Errand]


def box(clock: Clock) -> Box:
    """A cluster's queue of errands, empty."""
    return Mailbox(clock, lanes=len(Lane), merge=merge, replaces=replaces, yields=yields)


class Taking:
    """See the module; ``sets`` has the target of each set's id."""

    def __init__(self, member: Member, held: dict[TargetKey, Held], box: Box, knowledge: Knowledge) -> None:
        self.member = member
        self._held = held
        self._box = box
        self._knowledge = knowledge
        self.sets: dict[str, TargetKey] = {}
        self._kept: dict[ObjectRef, ChangeId] = {}

    def of(self, set_id: str) -> tuple[TargetKey, Held] | None:
        """The target whose set this is, where it was offered or leaves."""
        key = self.sets.get(set_id)
        held = self._held.get(key) if key is not None else None
        return (key, held) if key is not None and held is not None else None

    def learn(self) -> None:
        """Whose the sets are that are here, and who of them has not said yet what it wants."""
        place = self.member.identity.namespace
        self.sets = {parent.set_id(key, place): key for key in {*self.member.parents, *self._held}}
        silent = {}
        for set_id, key in self.sets.items():
            held = self._held.get(key)
            unheard = held is None or (held.work is None and held.leave is None)
            if unheard and self._knowledge.exists(key.application):
                silent[set_id] = key
        self.member.silent = silent

    def take_up_all(self) -> None:
        """Have everything looked at afresh that was asked for."""
        for key, held in self._held.items():
            held.connected_anew()
            if held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.work is not None:
                self.take_up(held)
                self._box.put(key, held.work, lane=held.work.lane)

    def take_up(self, held: Held) -> None:
        """Scope an offer and register what it claims, in one breath."""
        work = held.work
        if work is None:
            return
        if held.scoped is None:
            member = self.member
            held.scoped = scoped(work, member.discovery, member.identity.namespace, member.namespaces)
        key = work.target.key
        refs = claimable(held.scoped)
        if work.mode is Mode.COMPARE:
            # Nothing has been asked to let go of what the set holds.
            refs |= self.member.sightings.members(parent.set_id(key, self.member.identity.namespace))
        before = self.member.claims.of(key)
        self._inherit(self.member.claims.register(key, work.target.born, refs))
        self._abandon(before - refs, key, work.change)
        self.sets[parent.set_id(key, self.member.identity.namespace)] = key
        self._heard(key)

    def let_go(self, target: TargetKey) -> None:
        """The target claims nothing any more."""
        before = self.member.claims.of(target)
        self._inherit(self.member.claims.drop(target))
        self._abandon(before, target)
        self._heard(target)

    def suspend(self, target: TargetKey) -> None:
        """Nothing is written for the target for now: what it holds here stays its own."""
        if target in self.member.parents:
            self.member.silent[parent.set_id(target, self.member.identity.namespace)] = target
        self._inherit(self.member.claims.drop(target))

    def keeper(self, set_id: str, ref: ObjectRef) -> Held | None:
        """The target of that set, where it means to hold the object."""
        _, held = self.of(set_id) or (None, None)
        if held is None or held.work is None or held.leave is not None or held.scoped is None:
            return None
        return held if ref in wanted(held.scoped) else None

    def wake_waiting(self) -> None:
        """Have everybody look again whose last pass waited for something."""
        for key, held in self._held.items():
            if held.waits and held.work is not None:
                self._box.put(key, held.work, lane=held.work.lane)

    def _heard(self, target: TargetKey) -> None:
        """The target has said what it wants, or that it wants nothing: nobody waits for its word any more."""
        if self.member.silent.pop(parent.set_id(target, self.member.identity.namespace), None) is not None:
            self.wake_waiting()

    def _inherit(self, heirs: frozenset[TargetKey]) -> None:
        """What somebody let go of may be theirs now, who were refused it until now."""
        for key in heirs:
            held = self._held.get(key)
            # Also where its first pass is under way, which was refused already.
            if held is not None and held.work is not None and held.leave is None:
                self._box.put(key, held.work, lane=held.work.lane)

    def lost(self, set_id: str, ref: ObjectRef) -> None:
        """What left a set, or went, by nobody's doing of ours: whose it is now, and whose it was, look again."""
        seen = self.member.sightings.get(ref)
        now = seen.set_id if seen is not None else ""
        heir = self.member.claims.holder(ref, now)
        before = self.sets.get(set_id)
        if heir is None or before is None or now == set_id or heir == before:
            return
        for key in (heir, before):
            held = self._held.get(key)
            if held is None or held.work is None or held.leave is not None:
                continue
            if heal.reverts(held.work) or held.work.mode is Mode.COMPARE:
                self._box.put(key, held.work, lane=held.work.lane)
            elif key == heir:
                # The rest of its drift is shown, and stays.
                narrow = replace(held.work, only=frozenset((ref,)), mode=Mode.APPLY, asked_by=None)
                self._box.put(key, narrow, lane=Lane.URGENT)

    def closed(self) -> None:
        """A change closed: what somebody let go of with it and nobody has claimed is for its keeper to remove."""
        for ref, change in list(self._kept.items()):
            if not self._knowledge.open(change):
                del self._kept[ref]
                self.member.claims.unkeep(ref)
                self._abandon((ref,))

    def _abandon(
        self, refs: Iterable[ObjectRef], by: TargetKey | None = None, change: ChangeId | None = None
    ) -> None:
        """What nobody claims any more is for the target to remove in whose set it still is: it was to be handed over.

        Not before the change is complete with which it was let go of: the next may not have claimed it yet (H3).
        """
        for ref in refs:
            seen = self.member.sightings.get(ref)
            free = seen is not None and not self.member.claims.claimed(ref)
            key = self.sets.get(seen.set_id) if seen is not None and free else None
            held = self._held.get(key) if key is not None else None
            if key is None or held is None:
                continue
            if key != by and change is not None and self._knowledge.open(change):
                self._kept[ref] = change
                self.member.claims.keep(ref)
            elif held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.work is not None:
                self._box.put(key, held.work, lane=held.work.lane)
