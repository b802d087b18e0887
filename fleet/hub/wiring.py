"""How the parts of a hub are connected: who decides is told of what concerns it, who tells is given what it tells of.

Contract: ``connect`` is called once, when all parts are made. No rule stands here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fleet import names
from fleet.git.keep import Named
from fleet.hub.parts import Parts
from fleet.model import ApplicationKey, TargetKey
from fleet.render.ground import RemoteChart
from fleet.world.repositories import Fetched, Repository


@dataclass(frozen=True, slots=True)
class Answers:
    """What the hub does when a part has something to tell; see its methods of these names."""

    busy: Callable[[], bool]
    chart_moved: Callable[[RemoteChart], None]
    charts_in_use: Callable[[], frozenset[RemoteChart]]
    credentials_changed: Callable[[], None]
    learned: Callable[[str], None]
    fetched: Callable[[Fetched], None]
    lifted: Callable[[], None]
    moved: Callable[[Repository], Awaitable[None]]
    recorded: Callable[[str], Named | None]
    settled: Callable[[], None]
    withdrew: Callable[[TargetKey], None]
    write_status: Callable[[ApplicationKey], Awaitable[None]]
    forget: Callable[[ApplicationKey], None]


def connect(parts: Parts, answers: Answers) -> None:
    """Who decides is told of what concerns it."""
    settings = parts.settings
    parts.withdrawals.grace = settings.grace
    parts.withdrawals.thresholds = parts.reconciler.thresholds = parts.guard.thresholds
    parts.withdrawals.namespace = parts.namespace
    parts.withdrawals.tell = parts.telling.happened
    parts.withdrawals.later = lambda key, due: parts.queue.put(key, None, not_before=due)
    parts.reconciler.namespace = parts.namespace
    parts.reconciler.tell = parts.telling.reconciled
    parts.reconciler.gone = answers.forget
    parts.fences.barred = parts.telling.barred
    parts.fences.records = parts.reconciler.records
    parts.withdrawals.account = parts.fences.account
    parts.reconciler.settled = answers.settled
    parts.reconciler.accepts = "*" if settings.accept_renderer_changes else ""
    parts.reconciler.version = parts.secrets.version = parts.capabilities.version
    parts.rendering.capabilities = parts.capabilities.of
    parts.unready.release = parts.roster.release
    parts.telling.discovered_cluster = answers.learned
    parts.charts.moved = answers.chart_moved
    parts.charts.in_use = answers.charts_in_use
    parts.charts.use_credentials(parts.registrations.openers)
    parts.reconciler.again = lambda key, seconds: parts.queue.put(
        key, None, not_before=parts.clock.boottime() + seconds
    )
    parts.withdrawals.cleaning = parts.clearing.cleaning
    parts.withdrawals.first = parts.identities.first
    parts.withdrawals.unlooked = parts.changes.unlooked
    parts.knowing.records = parts.guard.records = parts.withdrawals.records = parts.reconciler.records
    parts.guard.write = answers.write_status
    parts.guard.wake = parts.wake
    parts.knowing.namespace = parts.namespace
    parts.asking.write = answers.write_status
    parts.changes.released = parts.roster.release
    parts.changes.freed = parts.wake
    parts.changes.parents = parts.expected.waiting
    parts.repositories.moved = answers.moved
    parts.repositories.moving = parts.changes.begin
    parts.repositories.told = answers.fetched
    parts.repositories.recorded = answers.recorded
    parts.repositories.use_credentials(parts.registrations.openers)
    parts.registrations.refused = parts.telling.refused
    parts.discovered.silent = parts.telling.unlisted
    parts.registrations.changed_cluster = parts.waking.cluster
    parts.registrations.changed_repository = answers.credentials_changed
    parts.world.subscribe(parts.waking.changed)
    parts.world.subscribe(parts.secrets.saw)
    parts.secrets.sealing.refused = parts.telling.refused
    parts.world.completed = answers.lifted
    parts.world.stands = parts.finalizer.stands
    parts.world.read_status = parts.statuses.seen
    _connect_tellers(parts, answers)


def _connect_tellers(parts: Parts, answers: Answers) -> None:
    """Who tells is given what it tells of."""
    parts.expected.passed = lambda root: parts.board.outcome(TargetKey(root, names.HUB_CLUSTER))
    parts.expected.written = parts.roster.written
    parts.board.on_application(parts.expected.heard)
    parts.world.subscribe(parts.expected.saw)
    parts.telling.records = parts.reconciler.records
    parts.telling.asking = parts.asking
    parts.telling.metrics = parts.metrics
    parts.telling.namespace = parts.namespace
    parts.telling.wake = parts.wake
    parts.telling.withdrew = answers.withdrew
    parts.telling.offered = parts.roster.offered
    parts.telling.busy = answers.busy
    parts.telling.identity = lambda name: (parts.identities.identity(name), parts.identities.other(name))
    parts.telling.taken_over = parts.take_overs.used
    parts.telling.asked = parts.clearing.holds
    parts.telling.arrived = parts.waking.arrived
    parts.telling.heard_cluster = lambda _: parts.roster.release()
    parts.telling.departed = parts.clearing.left
    parts.identities.namespace = parts.take_overs.namespace = parts.clearing.namespace = parts.namespace
    parts.identities.record = parts.telling.record
    parts.identities.again = parts.waking.reconnect
    for owner in (parts.renewals, parts.revocations):
        owner.namespace = parts.namespace
        owner.open = parts.open
        owner.identity = parts.identities.identity
    parts.renewals.door = parts.door
    parts.renewals.tell = parts.telling.cluster
    parts.revocations.moved = parts.waking.cluster
    parts.telling.credential = parts.credential
    parts.clearing.records = parts.reconciler.records
    parts.clearing.tell = parts.telling.cluster
    parts.clearing.rehire = parts.waking.rehire
    parts.events.busy = answers.busy
