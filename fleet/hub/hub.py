"""The hub: everything wired together, and its tasks. No rule stands here.

Contract: ``Hub.run`` takes the Lease, lifts the barrier of the lists, and works until it is cancelled or loses
the Lease, which it says by raising. ``saw`` and ``gone`` are for whoever watches the hub's objects.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fleet import log, names
from fleet.clusters import discovered
from fleet.clusters.kubeconfig import Allowed
from fleet.errors import FleetError, NotFound
from fleet.git.github_app import Apps
from fleet.hub import keeping, measuring, waking
from fleet.hub.asking import Asking
from fleet.hub.capabilities import Capabilities
from fleet.hub.changes import Changes
from fleet.hub.clearing import Clearing
from fleet.hub.desired import Desired
from fleet.hub.expected import Expected
from fleet.hub.fences import Fences
from fleet.hub.finalizer import Finalizer
from fleet.hub.grounds import Grounds
from fleet.hub.guarding import Guard
from fleet.hub.identities import Identities
from fleet.hub.knowing import Knowing
from fleet.hub.lease import Authority
from fleet.hub.lineage import Lineage
from fleet.hub.passwords import Passwords
from fleet.hub.readers import Readers
from fleet.hub.reconcile import Reconciler
from fleet.hub.rendering import Rendering
from fleet.hub.roster import Roster
from fleet.hub.seams import Seams
from fleet.hub.secrets import Secrets
from fleet.hub.takeovers import TakeOvers
from fleet.hub.telling import Telling
from fleet.hub.waking import Waking
from fleet.hub.withdraw import Withdrawals
from fleet.kube import decode, paths, trusted
from fleet.kube.budget import Budget
from fleet.kube.connection import Connection
from fleet.mailbox import Mailbox
from fleet.metrics import Metrics
from fleet.model import ApplicationKey, ObjectRef, TargetKey, Thresholds
from fleet.outward import DIRECT, Outward
from fleet.ownership.foreign import Hands
from fleet.redact import words
from fleet.render.cache import RenderCache
from fleet.render.confine.confinement import Confinement
from fleet.render.confine.strength import SAID
from fleet.render.ground import RemoteChart
from fleet.render.render import Tools
from fleet.render.renderer import Renderers
from fleet.render.shelf import Shelf
from fleet.report.board import Board
from fleet.report.events import Recorder
from fleet.report.status import StatusWriter
from fleet.settings import Settings
from fleet.worker.worker import Ground, Reached
from fleet.world import relist
from fleet.world.charts import Charts
from fleet.world.discovered import Discovered
from fleet.world.objects import World
from fleet.world.registrations import Registrations
from fleet.world.repositories import Fetched, Repositories, Repository
from fleet.world.resources import NAMESPACES

RECONCILERS: Final = 8


class Hub:
    """See the module."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        seams: Seams | None = None,
        metrics: Metrics | None = None,
        out: Outward = DIRECT,
    ) -> None:
        self.settings = settings
        self.out = out
        self.connection = connection
        self.seams = seams or Seams()
        self.metrics = metrics or Metrics()
        self.clock = self.seams.clock()
        self.namespace = settings.namespace
        self.identity = f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"
        self.budget = Budget(settings.in_flight, settings.in_flight_cluster)
        self.authority = Authority(self.namespace, self.identity, settings.lease_duration, self.clock)
        self.client = self.seams.client(
            connection,
            names.HUB_CLUSTER,
            self.budget,
            lambda: self.authority.may_write(names.HUB_CLUSTER),
            self._observer(names.HUB_CLUSTER),
            self.clock,
        )
        self.world = World()
        self.board = Board(self.clock.now)
        self.statuses = StatusWriter(self.client.send, self.clock)
        self.events = Recorder(self.client.send, self.clock)
        self.cache = RenderCache(
            settings.render_cache, Shelf(Path(settings.data) / "renders", settings.render_disk)
        )
        self.confinement = Confinement([Path(one) for one in settings.programs])
        self.changes = Changes()
        self.readers = Readers()
        self.ready = False
        self.passwords = Passwords(self.client.send, self.namespace, self.clock)
        self._queue: Mailbox[ApplicationKey, None] = Mailbox(self.clock)

    def _wire(self, hub_uid: str) -> None:
        """Make the parts that need to know who the hub is, and connect them."""
        settings = self.settings
        git = self.seams.git(Path(settings.data) / "home")
        self._git = git
        allow_git = tuple(settings.allow_git)
        apps = Apps(self.clock, git, allow_git, self.out)
        self.repositories = Repositories(
            lambda url, folder: self.seams.mirror(url, folder, git, allow_git, self.out, apps),
            Path(settings.data) / "mirrors",
            self.clock,
            settings.poll_interval,
        )
        self.telling = Telling(self.world, self.board, self.statuses, self.events, self.clock)
        self.expected = Expected(self.world, self.changes)
        self.finalizer = Finalizer(self.client.send, self.world)
        self.guard = Guard(
            self.world, self.finalizer, Thresholds(settings.guard_percent, settings.guard_count)
        )
        self.knowing = Knowing(self.world, self.changes, self.expected, self.guard, self.finalizer)
        self.identities = Identities(self.world)
        self.take_overs = TakeOvers(self.world)
        self.secrets = Secrets(self.client, self.world, self.board, settings, self.clock, self.out)
        ground = Ground(
            client=lambda connection, name, permit: self.seams.client(
                connection, name, self.budget, permit, self._observer(name), self.clock
            ),
            clock=self.clock,
            report=self.telling,
            knowledge=self.knowing,
            may_write=lambda name: self.authority.may_write(name) and self.identities.may_write(name),
            admit=self.identities.admit,
            hub=hub_uid,
            audit=settings.audit_interval,
            hands=Hands(settings.interactive_manager),
            resolver=self.secrets,
        )
        self.roster = Roster(ground, self.namespace)
        self.guard.roster = self.secrets.roster = self.roster
        self.withdrawals = Withdrawals(
            self.world, self.roster, self.finalizer, self.guard, self.board, self.clock
        )
        self.lineage = Lineage(self.world, self.namespace, self.roster.parent_of)
        self.fences = Fences(self.world, self.lineage, self.roster, self.namespace)
        self.clearing = Clearing(
            self.world, self.roster, self.finalizer, self.changes, self.expected, self.board
        )
        self.asking = Asking()
        self.charts = Charts(
            self.seams.door(allow_git, self.out),
            Path(settings.data) / "charts",
            self.clock,
            settings.poll_interval,
        )
        self.capabilities = Capabilities(self.roster)
        self.rendering = Rendering(
            Grounds(self.repositories, self.charts),
            Tools(self.cache, Renderers(frozenset(settings.kustomize_option))),
            self.confinement.confined,
        )
        self.desired = Desired(self.world, self.rendering, self.readers, self.changes)
        self.reconciler = Reconciler(
            self.world,
            self.desired,
            self.changes,
            self.roster,
            self.finalizer,
            self.withdrawals,
            self.guard,
            self.asking,
            self.expected,
            self.fences,
        )
        allowed = Allowed(frozenset(settings.allow_exec), frozenset(settings.allow_proxy), trusted.exec_token)
        self.discovered = Discovered(self.client, discovered.places(settings.discover), self.clock)
        self.registrations = Registrations(
            self.client, self.world, self.namespace, allowed, self.clock, self.discovered
        )
        self.waking = Waking(
            waking.Owners(
                self.namespace,
                self.out,
                self.world,
                self.board,
                self.statuses,
                self.telling,
                self.lineage,
                self.fences,
                self.identities,
                self.clearing,
                self.finalizer,
                self.registrations,
                self.roster,
                self.take_overs,
                self.reconciler.records,
                self.wake,
            )
        )
        self._connect()

    def _connect(self) -> None:
        """Who decides is told of what concerns it."""
        settings = self.settings
        self.withdrawals.grace = settings.grace
        self.withdrawals.thresholds = self.reconciler.thresholds = self.guard.thresholds
        self.withdrawals.namespace = self.namespace
        self.withdrawals.tell = self.telling.happened
        self.withdrawals.later = lambda key, due: self._queue.put(key, None, not_before=due)
        self.reconciler.namespace = self.namespace
        self.reconciler.tell = self.telling.reconciled
        self.reconciler.gone = self._gone
        self.fences.barred = self.telling.barred
        self.fences.records = self.reconciler.records
        self.withdrawals.account = self.fences.account
        self.reconciler.settled = self._settled
        self.reconciler.accepts = "*" if settings.accept_renderer_changes else ""
        self.reconciler.version = self.secrets.version = self.capabilities.version
        self.rendering.capabilities = self.capabilities.of
        self.knowing.unready = self.reconciler.unready
        self.telling.discovered_cluster = self._discovered
        self.charts.moved = self._chart_moved
        self.charts.in_use = self._charts_in_use
        self.charts.use_credentials(self.registrations.openers)
        self.reconciler.again = lambda key, seconds: self._queue.put(
            key, None, not_before=self.clock.boottime() + seconds
        )
        self.withdrawals.cleaning = self.clearing.cleaning
        self.withdrawals.first = self.identities.first
        self.withdrawals.unlooked = self.changes.unlooked
        self.knowing.records = self.guard.records = self.reconciler.records
        self.guard.write = self._write_status
        self.guard.wake = self.wake
        self.knowing.namespace = self.namespace
        self.asking.write = self._write_status
        self.changes.released = self.roster.release
        self.changes.freed = self.wake
        self.changes.parents = self.expected.waiting
        self.repositories.moved = self._moved
        self.repositories.moving = self.changes.begin
        self.repositories.told = self._fetched
        self.repositories.recorded = self._recorded
        self.repositories.use_credentials(self.registrations.openers)
        self.registrations.refused = self.telling.refused
        self.discovered.silent = self.telling.unlisted
        self.registrations.changed_cluster = self.waking.cluster
        self.registrations.changed_repository = self._credentials_changed
        self.world.subscribe(self.waking.changed)
        self.world.subscribe(self.secrets.saw)
        self.secrets.sealing.refused = self.telling.refused
        self.world.completed = self._lifted
        self.world.read_status = self.statuses.seen
        self._connect_tellers()

    def _connect_tellers(self) -> None:
        """Who tells is given what it tells of."""
        self.telling.records = self.reconciler.records
        self.telling.asking = self.asking
        self.telling.metrics = self.metrics
        self.telling.namespace = self.namespace
        self.telling.wake = self.wake
        self.telling.withdrew = self._withdrew
        self.telling.offered = self.roster.offered
        self.telling.busy = self._busy
        self.telling.identity = lambda name: (self.identities.identity(name), self.identities.other(name))
        self.telling.taken_over = self.take_overs.used
        self.telling.asked = self.clearing.holds
        self.telling.arrived = self.waking.arrived
        self.telling.heard_cluster = lambda _: self.roster.release()
        self.telling.departed = self.clearing.left
        self.identities.namespace = self.take_overs.namespace = self.clearing.namespace = self.namespace
        self.identities.record = self.telling.record
        self.identities.again = self.waking.reconnect
        self.clearing.records = self.reconciler.records
        self.clearing.tell = self.telling.cluster
        self.clearing.rehire = self.waking.rehire
        self.events.busy = self._busy

    # --- lifetime ---------------------------------------------------------------------------------------

    async def run(self, watch: Callable[[], asyncio.Future[Any]] | None = None, url: str = "") -> None:
        """Work until cancelled; ``watch`` starts whoever feeds ``saw`` and ``gone``."""
        try:
            await self._run(watch, url)
        finally:
            await self.client.close()
            await asyncio.to_thread(self.confinement.stop)

    async def _run(self, watch: Callable[[], asyncio.Future[Any]] | None, url: str) -> None:
        if url:
            self.authority.annotations = {names.URL: url}
        hub_uid = await self._namespace_uid()
        self._wire(hub_uid)
        strength = await asyncio.to_thread(self.confinement.start)
        log.get("fleethub.hub").info("renderers are confined", by=SAID[strength])
        await self.authority.acquire(self.client.send)
        await self.passwords.read()
        self.roster.hire(names.HUB_CLUSTER, Reached(self.connection))
        measuring.measure(
            self.metrics,
            measuring.Owners(
                self.world, self.board, self.roster, self.statuses, self.cache, self.clearing, self.clock
            ),
        )
        tasks: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self.authority.keep(self.client.send)),
            asyncio.ensure_future(self.clock.watch_lag()),
            asyncio.ensure_future(self.statuses.run()),
            asyncio.ensure_future(self.events.run()),
            asyncio.ensure_future(self.telling.run()),
            asyncio.ensure_future(self.registrations.follow()),
            asyncio.ensure_future(self.registrations.write()),
            asyncio.ensure_future(self.discovered.follow()),
            asyncio.ensure_future(self.passwords.keep()),
            asyncio.ensure_future(relist.keep(self.client.send, self.world, self.clock)),
            asyncio.ensure_future(self.clearing.run(self.clock)),
        ]
        tasks += [asyncio.ensure_future(self._reconcile()) for _ in range(RECONCILERS)]
        tasks += [asyncio.ensure_future(one) for one in self.secrets.tasks()]
        if watch is not None:
            tasks.append(watch())
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
            raise FleetError("a task of the hub ended by itself")
        finally:
            await self._stop(tasks)

    async def _stop(self, tasks: list[asyncio.Future[Any]]) -> None:
        self.ready = False
        keep, _, writer, *_ = tasks
        for task in tasks:
            if task not in (keep, writer):
                task.cancel()
        await self.roster.close()
        await self.repositories.close()
        await self.charts.close()
        await asyncio.to_thread(self._git.close)
        await self.secrets.close()
        if not writer.done():
            self.telling.settle()
            await self.statuses.flush(2.0)
        keep.cancel()
        writer.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(FleetError):
            await self.authority.release(self.client.send)

    async def _namespace_uid(self) -> str:
        ref = ObjectRef("", "Namespace", "", self.namespace)
        try:
            answer = await self.client.send(paths.get_meta(NAMESPACES, ref))
        except NotFound:
            raise FleetError(
                f"the hub has no namespace {self.namespace}: run 'fleethub install' first"
            ) from None
        return decode.meta(answer.body, NAMESPACES).uid

    def _lifted(self) -> None:
        """The lists are complete: all who follow a repository are one change until each has rendered."""
        self.secrets.sealing.cluster_changed()
        by_repository: dict[str, set[ApplicationKey]] = {}
        leaving: set[ApplicationKey] = set()
        for key, known in self.world.applications.items():
            if known.deleting:
                leaving.add(key)  # of whatever it holds, somebody who has not rendered yet may be the heir
            elif known.model is not None:
                for source in known.model.spec.all_sources:
                    by_repository.setdefault(source.repo_url, set()).add(key)
        begun = {key for key, record in self.reconciler.records.items() if record.begun}
        for repo, keys in by_repository.items():
            self.changes.first(repo, keys, begun, leaving)
        for key in self.world.applications:
            self.wake(key)
        self.registrations.lifted()
        self.identities.lifted()
        self.clearing.wake()
        self.roster.release()
        self.ready = True

    # --- what wakes whom --------------------------------------------------------------------------------

    def saw(self, kind: str, body: Mapping[str, Any]) -> None:
        """An object of the hub's kinds was seen."""
        self.world.saw(kind, body)

    def gone(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """An object of the hub's kinds was deleted."""
        self.world.gone(kind, ApplicationKey(namespace, name), uid)

    def wake(self, key: ApplicationKey) -> None:
        """Have the Application reconciled."""
        self._queue.put(key, None)

    def looking(self, key: ApplicationKey) -> bool:
        """Whether the Application is being reconciled, or is to be without delay."""
        return self._queue.imminent(key)

    def _credentials_changed(self) -> None:
        self.repositories.nudge_all()
        self.charts.nudge()

    async def _moved(self, repository: Repository) -> None:
        """Refs or the error of a repository changed: find whom that concerns."""
        try:
            concerned = await self.knowing.concerned(repository, self.readers)
        except asyncio.CancelledError:
            self.changes.arrive(repository.url, ())
            raise
        # What fails otherwise is looked at again; until then nobody prunes that it may concern.
        self.changes.arrive(repository.url, concerned.changed)
        for key in concerned.changed:
            self.expected.outrun(key)
        for key in concerned.changed | concerned.waiting:
            self.wake(key)

    def _fetched(self, fetched: Fetched) -> None:
        self.metrics.fetched(fetched.seconds, fetched=fetched.fetched, well=fetched.well)

    def _recorded(self, url: str) -> frozenset[str] | None:
        """Commits of a repository that are to be kept; None while not all are known."""
        workers = self.roster.workers()
        if not self.ready or any(worker.running is None for worker in workers):
            return None
        return keeping.commits(url, self.board.snapshot().recorded.values(), self.reconciler.records.values())

    def _withdrew(self, target: TargetKey) -> None:
        async def done() -> None:
            try:
                await self.withdrawals.done(target)
            except FleetError:
                self._queue.put(target.application, None, not_before=self.clock.boottime() + 1.0)
                return
            self.wake(target.application)
            self.clearing.wake()

        self._spawn(done())

    def _discovered(self, cluster: str) -> None:
        """What a cluster serves is known, or is something else: who renders by that looks again."""
        if not self.capabilities.moved(cluster):
            return
        waiting = self.reconciler.unready.get(cluster, set())
        for key, record in self.reconciler.records.items():
            bound = record.rendered is not None and not record.rendered.general and cluster in record.served
            if key in waiting or bound:
                self.wake(key)

    def _chart_moved(self, chart: RemoteChart) -> None:
        """A range means another version, or a registry answers, or does not."""
        for key, record in self.reconciler.records.items():
            if chart in record.charts:
                self.wake(key)

    def _charts_in_use(self) -> frozenset[RemoteChart]:
        return frozenset().union(*(record.charts for record in self.reconciler.records.values()))

    def _settled(self) -> None:
        """An Application has rendered and offered: an app of apps may have waited for it."""
        worker = self.roster.get(names.HUB_CLUSTER)
        if worker is not None:
            worker.release()

    def _gone(self, key: ApplicationKey) -> None:
        self.board.gone(key)
        self.guard.forget(key)
        self.statuses.forget(names.APPLICATION, key)

    async def _write_status(self, key: ApplicationKey) -> None:
        self.telling.put(key)
        await self.statuses.written(names.APPLICATION, key)

    async def _reconcile(self) -> None:
        while True:
            claim = await self._queue.take()
            try:
                await self.reconciler.reconcile(claim.key, claim.superseded)
            except Exception as error:  # noqa: BLE001 (one Application's fault must not end the others')
                self.metrics.unforeseen(words(error))
                self._queue.put(claim.key, None, not_before=self.clock.boottime() + 10.0)
            finally:
                self._queue.done(claim)

    def _busy(self) -> bool:
        """Whether passes wait for their turn."""
        return any(worker.busy() for worker in self.roster.workers())

    def _observer(self, cluster: str) -> Callable[[str, int, float], None]:
        return self.metrics.observer(cluster)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    _spawned: set[asyncio.Future[Any]] = set()  # noqa: RUF012 (tasks are hashed by identity; kept from collection)
