"""One cluster's worker: what the hub asks of it, and its life of connections.

Contract: what the hub asks never awaits, ``stop`` apart.
What was asked before the cluster could be reached is done when it can be. A worker tells of its cluster at
once: reachable since, or not since, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fleet import ending
from fleet.clock import Clock
from fleet.errors import FleetError, Unreachable
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.mailbox import Queue
from fleet.model import Lane, Manifest, ObjectRef, Reach, TargetKey, Work
from fleet.ownership.foreign import Hands
from fleet.redact import words
from fleet.sync.scope import Placed
from fleet.worker import dooming, images, taking
from fleet.worker.connect import Admit, connect
from fleet.worker.dooming import Doomed
from fleet.worker.ends import Replaced
from fleet.worker.errands import BUSY
from fleet.worker.held import Held
from fleet.worker.ledger import Late
from fleet.worker.member_lease import ForeignHub, MemberLease
from fleet.worker.plan import wanted
from fleet.worker.report import Knowledge, Report
from fleet.worker.resolver import Nobody, Resolver
from fleet.worker.running import Running
from fleet.worker.taking import Box
from fleet.worker.work import Leave, same

FIRST_RETRY = 0.5
LAST_RETRY = 30.0
FIRST_ANSWER = 10.0  # seconds of failed tries after which a cluster counts as one that does not answer

ClientFactory = Callable[[Connection, str, Callable[[], bool]], Client]
"""From a connection, a cluster's name and its permit to the door."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How a cluster is reached.

    ``digest`` tells apart what two equal connections do not: how a plugin that gets the token is called.
    ``namespaces`` are all that it reaches, beside the hub's own there; None: the whole cluster.
    """

    connection: Connection
    digest: str = ""
    namespaces: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What every worker of a hub is given."""

    client: ClientFactory
    clock: Clock
    report: Report
    knowledge: Knowledge
    may_write: Callable[[str], bool]
    admit: Admit
    hub: str  # the UID of the hub's namespace, by which members know it
    own: str = ""  # the UID of the hub's own cluster, where its namespace is the one that members have
    audit: float = 12 * 3600.0
    hands: Hands = field(default_factory=Hands)
    resolver: Resolver = field(default_factory=Nobody)


class Worker:
    """See the module. ``place`` is the namespace of the inventory; the hub itself has no member Lease."""

    def __init__(self, name: str, reached: Reached, ground: Ground, place: str, *, leased: bool) -> None:
        self.name = name
        self._reached = reached
        self._ground = ground
        self._place = place
        self._clock = ground.clock
        self._held: dict[TargetKey, Held] = {}
        self._box: Box = taking.box(ground.clock)
        self._lease = MemberLease(ground.hub, place, ground.clock) if leased else None
        self._running: Running | None = None
        self._retry = asyncio.Event()
        self._paused = False
        self._leaving = self._stopping = False
        self._reach: Reach | None = None
        self._begun, self._heard = ground.clock.boottime(), False
        self._task = asyncio.ensure_future(self._supervise())

    # --- what the hub asks ------------------------------------------------------------------------------

    def offer(self, work: Work) -> None:
        """Make the work true; replaces what was asked of the target before."""
        held = self._held.setdefault(work.target.key, Held())
        held.leave = None
        if held.work is not None and same(held.work, work):
            # Said again, it is in no greater hurry than before.
            work = replace(work, lane=max(work.lane, held.work.lane))
        repeated = held.work is not None and same(held.work, work) and held.outcome is not None
        changed = held.work is None or held.work.rendered.key != work.rendered.key
        held.work = work if not repeated or held.work is None else replace(held.work, change=work.change)
        if not repeated:
            held.asked = None
        if changed or (held.scoped is not None and not repeated):
            held.scoped = None
            held.fights.clear()
            held.tries = 0
        if self._running is not None:
            self._running.taking.take_up(held)
        if not repeated or held.waits:
            self._box.put(work.target.key, work, lane=work.lane)

    def withdraw(self, leave: Leave) -> None:
        """Take a target off this cluster; the report says when its parent is gone."""
        target = leave.target
        held = self._held.setdefault(target, Held())
        if held.leave == leave and self._box.pending(target):
            return
        held.leave = leave
        held.work = None
        self._box.put(target, leave, lane=Lane.URGENT)

    def suspend(self, target: TargetKey) -> None:
        """Write nothing for the target from now on, and let nobody else take what it holds here."""
        held = self._held.get(target)
        if held is None or held.leave is not None:
            return
        del self._held[target]
        self._box.forget(target)
        if self._running is not None:
            self._running.taking.suspend(target)

    def drop(self, target: TargetKey) -> None:
        """Forget the target and leave all as it is on the cluster."""
        self._held.pop(target, None)
        self._box.forget(target)
        if self._running is not None:
            self._running.taking.let_go(target)

    def release(self, targets: frozenset[TargetKey] | None = None) -> None:
        """A change closed: targets that waited for it look again."""
        if self._running is not None:
            self._running.taking.closed()
        for key, held in self._held.items():
            if not held.waits or (targets is not None and key not in targets):
                continue
            if held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.work is not None:
                self._box.put(key, held.work, lane=held.work.lane)

    def again(self, target: TargetKey) -> None:
        """Look at a target again, without a new offer."""
        held = self._held.get(target)
        if held is not None and held.work is not None and held.leave is None:
            self._box.put(target, held.work, lane=Lane.URGENT)

    def swap(self, reached: Reached) -> None:
        """Use another credential or address from now on."""
        if reached == self._reached:
            return
        self._reached = reached
        self.reconnect()

    def reconnect(self) -> None:
        """Begin anew: what was learned when it connected, or could not, does not hold any more."""
        self._retry.set()
        if self._running is not None:
            self._running.give_up()

    def leave(self) -> None:
        """Give back the cluster's Lease, say so in the report, and stay away for good."""
        self._leaving = True
        if self._running is not None:
            self._running.give_up()

    def pause(self, *, paused: bool) -> None:
        """Write nothing to the cluster, or go on."""
        if paused == self._paused:
            return
        self._paused = paused
        if self._running is not None:
            self._running.paused = paused
        for key, held in self._held.items():
            held.begun = False  # a pause is no word to revert what drifted where self-heal is off
            if held.leave is not None:
                self._box.put(key, held.leave, lane=Lane.URGENT)
            elif held.work is not None:
                self._box.put(key, held.work, lane=held.work.lane)

    def take_over(self) -> None:
        """A person says that the hub whose Lease stands on the cluster is gone."""
        if self._lease is not None and self._running is None:
            self._lease.take_over()
            self._retry.set()

    async def stop(self) -> None:
        """Let go of the cluster; what is in flight is given up."""
        self._stopping = True
        await ending.end([self._task])

    # --- what others may know ---------------------------------------------------------------------------

    @property
    def running(self) -> Running | None:
        """The connection at work, for those who show it."""
        return self._running

    def depth(self) -> tuple[int, ...]:
        """How many targets wait in each lane."""
        return self._box.depth()

    def queue(self) -> Queue[TargetKey]:
        """Who waits for a pass in which order, and who is in one."""
        return self._box.queue()

    def targets(self) -> frozenset[TargetKey]:
        """Targets that were offered or leave."""
        return frozenset(self._held)

    def waits(self, target: TargetKey) -> bool:
        """Whether work of the target waits or is in hand."""
        return self._box.pending(target)

    def passes(self, target: TargetKey) -> bool:
        """Whether work of the target is in hand."""
        return self._box.held(target)

    def wanted(self, target: TargetKey) -> frozenset[ObjectRef]:
        """What the target means to hold here, as far as it is scoped."""
        held = self._held.get(target)
        return wanted(held.scoped) if held is not None and held.scoped is not None else frozenset()

    def workloads(self, target: TargetKey) -> tuple[Placed, ...] | None:
        """What of the target's desired set runs pods; None before it is scoped."""
        held = self._held.get(target)
        if held is None or held.scoped is None:
            return None
        kinds = images.WORKLOADS
        return tuple(one for one in held.scoped.manifests if (one.ref.group, one.ref.kind) in kinds)

    def secrets(self, target: TargetKey) -> tuple[Manifest, ...]:
        """What stands for Secrets in the target's desired set, as far as it is scoped."""
        held = self._held.get(target)
        scoped = held.scoped if held is not None else None
        return (
            tuple(one.manifest for one in scoped.manifests if one.manifest.form) if scoped is not None else ()
        )

    def stands(self, target: TargetKey, ref: ObjectRef) -> bool:
        """Whether the live object is one of the target's, as it was sent last."""
        seen = self._running.member.sightings.get(ref) if self._running is not None else None
        held = self._held.get(target)
        return seen is not None and seen.entry is not None and seen.entry == seen.sent and held is not None

    def stale(self, target: TargetKey) -> Doomed | None:
        """What pruning would remove of the target here, as far as that is known."""
        held, running = self._held.get(target), self._running
        if held is None or held.scoped is None or running is None:
            return None
        return dooming.stale(target, held.scoped, running.member)

    def leaving(self, target: TargetKey) -> Doomed | None:
        """What the withdrawal of the target would remove here, as far as that is known."""
        running = self._running
        return dooming.leaving(target, running.member) if running is not None else None

    def unheard(self, target: TargetKey) -> bool:
        """Whether it is not known yet what the target has here: the first connection is under way, or its lists."""
        held = self._held.get(target)
        listing = self._running is not None and held is not None and held.scoped is None
        return not self._heard or listing

    def busy(self) -> bool:
        """Whether more than a few targets are in a pass, or wait for nothing but their turn."""
        return self._running is not None and (
            self._running.errands.busy or self._box.ready(Lane.AUDIT) > BUSY
        )

    def idle(self) -> bool:
        """Whether nothing waits and nothing is in hand."""
        return self._box.idle()

    # --- life -------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        tries = 0
        while True:
            self._retry.clear()
            client = self._ground.client(self._reached.connection, self.name, self._permit)
            try:
                begun = self._clock.boottime()
                await self._connected(client)
            except Replaced:
                tries = 0
                if self._leaving and await self._left(client):
                    return
            except FleetError as error:
                if self._clock.boottime() - begun > LAST_RETRY:
                    tries = 0
                self._unreached(error)
            except Exception as error:  # noqa: BLE001 (a cluster's worker outlives what nobody foresaw)
                self._unreached(Unreachable(words(error)))
            finally:
                self._running = None
                if self._lease is not None:
                    self._lease.drop()
                await client.close(for_good=self._stopping)
            pause = min(LAST_RETRY, FIRST_RETRY * 2**tries)
            tries = min(tries + 1, 10)
            await self._pause(self._clock.jitter(pause, 0.3))

    async def _connected(self, client: Client) -> None:
        member = await connect(
            self.name,
            client,
            self._place,
            self._lease,
            self._late,
            self._clock,
            self._ground.admit,
            self._ground.own,
            namespaces=self._reached.namespaces,
        )
        if self._retry.is_set() or self._leaving:
            raise Replaced("what it connected with counts no more")
        member.hands, member.resolver = self._ground.hands, self._ground.resolver
        self._ground.report.met(self.name)
        self._tell(Reach(self.name, True, self._clock.now(), self._clock.now(), member.discovery.version))
        running = Running(
            member, self._held, self._box, self._ground.report, self._ground.knowledge, self._ground.audit
        )
        running.paused = self._paused
        self._running = running
        member.rediscovered = lambda: self._ground.report.discovered(self.name)
        member.rediscovered()
        await running.run(self._lease)

    async def _left(self, client: Client) -> bool:
        """Give the Lease back; False where that failed, and somebody has to ask again."""
        self._leaving = False
        if self._lease is not None:
            try:
                await self._lease.give_back(client.send)
            except FleetError as error:
                self._unreached(error)
                return False
        self._ground.report.left(self.name)
        return True

    async def _pause(self, seconds: float) -> None:
        waiter = asyncio.ensure_future(self._retry.wait())
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({waiter, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            timer.cancel()

    def _permit(self) -> bool:
        return self._ground.may_write(self.name) and (self._lease is None or self._lease.held())

    def _late(self, ref: ObjectRef, held: Late) -> None:
        if self._running is not None:
            self._running.late(ref, held)

    def _unreached(self, error: FleetError) -> None:
        last = self._reach
        seen = last.seen if last is not None and not last.reachable else 0.0
        if last is not None and last.reachable:
            seen = self._clock.now()
        reachable = isinstance(error, ForeignHub)
        same_as_before = last is not None and (last.reachable, last.reason) == (reachable, error.reason)
        since = last.since if last is not None and same_as_before else self._clock.now()
        self._tell(Reach(self.name, reachable, since, seen, "", error.reason, error.text))

    def _tell(self, reach: Reach) -> None:
        self._reach = reach
        self._ground.report.reach(reach)
        if reach.reachable:
            self._heard = True
        elif not self._heard and self._clock.boottime() - self._begun > FIRST_ANSWER:
            self._heard = True
            self._ground.report.heard(self.name)
