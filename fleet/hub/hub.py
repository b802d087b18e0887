"""The hub: its tasks, and who wakes whom. No rule stands here.

Contract: ``Hub.run`` takes the Lease, lifts the barrier of the lists, and works until it is cancelled or loses
the Lease, which it says by raising. ``saw`` and ``gone`` are for whoever watches the hub's objects.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from fleet import ending, log, names
from fleet.errors import FleetError, NotFound
from fleet.git.keep import Named
from fleet.hub import keeping, measuring, renewals, revocations, turns, wiring
from fleet.hub.parts import Parts
from fleet.hub.turns import Asked, Turn
from fleet.kube import decode, paths
from fleet.model import ApplicationKey, ObjectRef, TargetKey
from fleet.redact import words
from fleet.render.confine.strength import SAID
from fleet.render.ground import RemoteChart
from fleet.worker.worker import Reached
from fleet.world import relist
from fleet.world.repositories import Fetched, Repository
from fleet.world.resources import NAMESPACES


class Hub(Parts):
    """See the module."""

    ready = False

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
        shared = self.namespace == names.MEMBER_NAMESPACE
        self.make(await self._uid(self.namespace), await self._uid("kube-system") if shared else "")
        self._connect()
        strength = await asyncio.to_thread(self.confinement.start)
        logger = log.get("fleethub.hub")
        logger.info("renderers are confined", by=SAID[strength])
        await self.authority.acquire(
            self.client.send, lambda holder: logger.info("another is active", holder=holder)
        )
        logger.info("active", holder=self.identity)
        await self.passwords.read()
        self.roster.hire(names.HUB_CLUSTER, Reached(self.connection))
        measuring.measure(
            self.metrics,
            measuring.Owners(
                self.world,
                self.board,
                self.roster,
                self.statuses,
                self.cache,
                self.clearing,
                self.clock,
                self.secrets,
            ),
        )
        tasks: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self.authority.keep(self.client.send)),
            asyncio.ensure_future(self.clock.watch_lag()),
            asyncio.ensure_future(self.statuses.run()),
            asyncio.ensure_future(self.events.run()),
            asyncio.ensure_future(self.telling.run()),
            asyncio.ensure_future(self.registrations.follow()),
            asyncio.ensure_future(self.discovered.follow()),
            asyncio.ensure_future(self.registrations.write()),
            asyncio.ensure_future(self.passwords.keep()),
            asyncio.ensure_future(relist.keep(self.client.send, self.world, self.clock)),
            asyncio.ensure_future(self.clearing.run(self.clock)),
            asyncio.ensure_future(turns.serve(self.queue, self._reconcile)),
        ]
        tasks += [asyncio.ensure_future(self.renewals.run()) for _ in range(renewals.TASKS)]
        # Several: one that does not answer delays no other that is to be taken back.
        tasks += [asyncio.ensure_future(self.revocations.run()) for _ in range(revocations.TASKS)]
        tasks += [asyncio.ensure_future(one) for one in self.secrets.tasks()]
        if watch is not None:
            tasks.append(watch())
        try:
            await _first_end(tasks)
        except BaseException:
            # Who calls it off once more must not have the Lease kept, the last statuses lost, and the reason hidden.
            with contextlib.suppress(asyncio.CancelledError):
                await ending.whole(self._stop(tasks))
            raise

    def _connect(self) -> None:
        wiring.connect(
            self,
            wiring.Answers(
                busy=self.busy,
                chart_moved=self.chart_moved,
                charts_in_use=self.charts_in_use,
                credentials_changed=self.credentials_changed,
                learned=self.learned,
                fetched=self.fetched,
                lifted=self.lifted,
                moved=self.moved,
                recorded=self.recorded,
                settled=self.settled,
                withdrew=self.withdrew,
                write_status=self.write_status,
                forget=self.forget,
            ),
        )

    async def _stop(self, tasks: list[asyncio.Future[Any]]) -> None:
        self.ready = False
        keep, _, writer, *_ = tasks
        for task in tasks:
            if task not in (keep, writer):
                task.cancel()
        await self.roster.close()
        await self.repositories.close()
        await self.charts.close()
        await asyncio.to_thread(self.git.close)
        await self.secrets.close()
        if not writer.done():
            self.telling.settle()
            await self.statuses.flush(2.0)
        await ending.end(tasks)
        with contextlib.suppress(FleetError):
            await self.authority.release(self.client.send)

    async def _uid(self, namespace: str) -> str:
        ref = ObjectRef("", "Namespace", "", namespace)
        try:
            answer = await self.client.send(paths.get_meta(NAMESPACES, ref))
        except NotFound:
            raise FleetError(f"the hub has no namespace {namespace}: run 'fleethub install' first") from None
        return decode.meta(answer.body, NAMESPACES).uid

    @property
    def elsewhere(self) -> str | None:
        """Where the active process of this hub serves (empty: unknown), while this one waits; None: here.

        What was heard too long ago counts no more: the address may be another's by now, and tokens go there.
        """
        if not self.authority.waiting_for:
            return None
        return "" if self.authority.blind else self.authority.active

    def lifted(self) -> None:
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

    def looking(self, key: ApplicationKey) -> bool:
        """Whether the Application is being reconciled, or is to be without delay."""
        return self.queue.imminent(key)

    def credentials_changed(self) -> None:
        """Whoever was refused tries anew."""
        self.repositories.nudge_all()
        self.charts.nudge()

    async def moved(self, repository: Repository) -> None:
        """Refs or the error of a repository changed: find whom that concerns."""
        try:
            concerned = await self.knowing.concerned(repository, self.readers)
        except asyncio.CancelledError:
            self.changes.arrive(repository.url, (), read=False)
            raise
        # What fails otherwise is looked at again; until then nobody prunes that it may concern.
        self.changes.arrive(repository.url, concerned.changed, read=repository.refs is not None)
        for key in concerned.changed:
            self.expected.outrun(key)
        for key in concerned.changed | concerned.waiting:
            self.wake(key)

    def fetched(self, fetched: Fetched) -> None:
        """Count a fetch."""
        self.metrics.fetched(fetched.seconds, fetched=fetched.fetched, well=fetched.well)

    def recorded(self, url: str) -> Named | None:
        """Commits of a repository that are to be kept; None before the lists are complete."""
        if not self.ready:
            return None
        known = self.board.snapshot().recorded.values()
        # One cluster that never answers must not leave the others' commits to a force-push.
        whole = all(worker.running is not None for worker in self.roster.workers())
        return Named(keeping.commits(url, known, self.reconciler.records.values()), whole)

    def withdrew(self, target: TargetKey) -> None:
        """A target has been cleared."""

        async def done() -> None:
            try:
                await self.withdrawals.done(target)
            except FleetError:
                self.queue.put(target.application, None, not_before=self.clock.boottime() + 1.0)
                return
            self.wake(target.application)
            self.clearing.wake()

        self._spawn(done())

    def learned(self, cluster: str) -> None:
        """What a cluster serves is known, or is something else: who renders by that looks again."""
        moved = self.capabilities.moved(cluster)
        if self.capabilities.of(cluster) is not None:
            # Also where it serves what it did: they found it away.
            for key in self.unready.at(cluster):
                self.wake(key)
        for key, record in self.reconciler.records.items() if moved else ():
            if record.rendered is not None and not record.rendered.general and cluster in record.served:
                self.wake(key)

    def chart_moved(self, chart: RemoteChart) -> None:
        """A range means another version, or a registry answers, or does not."""
        for key, record in self.reconciler.records.items():
            if chart in record.charts:
                self.wake(key)

    def charts_in_use(self) -> frozenset[RemoteChart]:
        """Charts that some Application renders."""
        return frozenset().union(*(record.charts for record in self.reconciler.records.values()))

    def settled(self) -> None:
        """An Application has rendered and offered: an app of apps may have waited for it."""
        worker = self.roster.get(names.HUB_CLUSTER)
        if worker is not None:
            worker.release()

    def forget(self, key: ApplicationKey) -> None:
        """An Application is gone."""
        self.board.gone(key)
        self.guard.forget(key)
        self.statuses.forget(names.APPLICATION, key)

    async def write_status(self, key: ApplicationKey) -> None:
        """Write an Application's status and wait until it stands."""
        self.telling.put(key, awaited=True)
        await self.statuses.written(names.APPLICATION, key)

    async def _reconcile(self, claim: Asked, turn: Turn) -> None:
        try:
            await self.reconciler.reconcile(claim.key, claim.superseded, turn)
        except Exception as error:  # noqa: BLE001 (one Application's fault must not end the others')
            self.metrics.unforeseen(words(error))
            self.queue.put(claim.key, None, not_before=self.clock.boottime() + 10.0)

    def busy(self) -> bool:
        """Whether passes wait for their turn."""
        return any(worker.busy() for worker in self.roster.workers())

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    _spawned: set[asyncio.Future[Any]] = set()  # noqa: RUF012 (tasks are hashed by identity; kept from collection)


async def _first_end(tasks: list[asyncio.Future[Any]]) -> None:
    """Wait for what never comes where all is well: raise why one of them has ended."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        await task
    raise FleetError("a task of the hub ended by itself")
