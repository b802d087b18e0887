"""What the web room asks of the hub: frozen views, checks, and whose webhook secret counts.

Contract: the API's ``Provider``. Nothing is decided and nothing awaited here; no view holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web

from fleet import names
from fleet.clusters.doctor import Finding
from fleet.errors import SourceError
from fleet.git import credentials, push
from fleet.hub import examining
from fleet.hub.hub import Hub
from fleet.hub.tracing import Tracing
from fleet.model import ApplicationKey, Health, TargetKey
from fleet.redact import words
from fleet.report.stages import Trace
from fleet.sync.sets import set_id
from fleet.web import certificate, delivered, probes, running, scrape, webhook
from fleet.web.api import routes as api
from fleet.web.api.provider import (
    ApplicationView,
    ClusterView,
    ImagesView,
    KeyView,
    QueueView,
    ResourceView,
    RingView,
    SecretView,
    SetView,
    SourceView,
    TargetView,
)
from fleet.worker.worker import Worker


class HubProvider:
    """See the module."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._tracing = Tracing(hub)

    def routes(self) -> list[Iterable[web.AbstractRouteDef]]:
        """All routes that the hub serves."""
        hub = self._hub
        return [
            probes.routes(lambda: "", self._unready, self._says),
            scrape.routes(hub.metrics.expose),
            webhook.routes(self._verify, self._nudge, hub.clock),
            certificate.routes(
                self._certificate, lambda: hub.secrets.sealing.keyring.rings() if hub.ready else ()
            ),
            api.routes(self, lambda: hub.passwords.token.encode() or None),
        ]

    def elsewhere(self) -> str | None:
        """Where the active process of this hub serves, if that is another one (empty: unknown)."""
        return self._hub.elsewhere

    def unforeseen(self, error: BaseException) -> None:
        """An error of a handler that nobody foresaw."""
        self._hub.metrics.unforeseen(words(error))

    # --- the API ----------------------------------------------------------------------------------------

    def now(self) -> float:
        """Wall time of the hub's clock."""
        return self._hub.clock.now()

    def applications(self) -> Sequence[ApplicationView]:
        """All Applications."""
        return [view for key in self._hub.world.applications if (view := self.application(key)) is not None]

    def application(self, key: ApplicationKey) -> ApplicationView | None:
        """One Application."""
        hub = self._hub
        known = hub.world.applications.get(key)
        if known is None:
            return None
        record = hub.reconciler.records.get(key) if hub.ready else None
        served = record.served if record is not None else ()
        outcomes = {outcome.target.cluster: outcome for outcome in hub.board.outcomes(key)}
        return ApplicationView(
            key=key,
            project=known.model.spec.project if known.model is not None else "",
            source=self._source(key),
            status=hub.statuses.previous(names.APPLICATION, key) or known.status,
            targets=tuple(
                TargetView(name, outcomes.get(name), hub.board.reach_of(name), self._queued(key, name))
                for name in sorted({*served, *outcomes})
            ),
            faults=record.faults if record is not None else (),
            holds=record.holds if record is not None else (),
            deleting=known.deleting,
        )

    def traced(self, key: ApplicationKey) -> ApplicationView | None:
        """One Application, with how far its newest commit has come."""
        view = self.application(key)
        return replace(view, trace=self._tracing.application(key)) if view is not None else None

    async def commit(self, name: str) -> Trace:
        """How far a commit has come."""
        return await self._tracing.commit(name)

    def resources(self, key: ApplicationKey) -> Sequence[ResourceView] | None:
        """The objects of one Application on all its clusters."""
        hub = self._hub
        if key not in hub.world.applications:
            return None
        return tuple(self._resources(key))

    async def images(self, key: ApplicationKey) -> Sequence[ImagesView] | None:
        """The images that one Application runs on all its clusters."""
        return await running.views(self._hub, key) if key in self._hub.world.applications else None

    def clusters(self) -> Sequence[ClusterView]:
        """All clusters."""
        return [
            view
            for key in self._hub.world.clusters
            if key.namespace == self._hub.namespace and (view := self.cluster(key.name)) is not None
        ]

    def cluster(self, name: str) -> ClusterView | None:
        """One cluster."""
        hub = self._hub
        key = ApplicationKey(hub.namespace, name)
        known = hub.world.clusters.get(key)
        if known is None:
            return None
        model = known.model
        return ClusterView(
            name=name,
            server=(model.spec.server or "") if model is not None else "",
            labels=dict(model.metadata.labels) if model is not None else {},
            status=hub.statuses.previous(names.CLUSTER, key) or known.status,
            reach=hub.board.reach_of(name),
            outcomes=tuple(
                one for one in hub.board.cluster(name) if one.target.application in hub.world.applications
            ),
            paused=model.spec.paused if model is not None else False,
            unclaimed=tuple(
                SetView(one.application, one.objects, one.told, one.held, one.asked)
                for one in (hub.clearing.unclaimed(name) if hub.ready else ())
            ),
        )

    def queue(self) -> Sequence[QueueView]:
        """The queue of every worker."""
        if not self._hub.ready:
            return ()
        return [self._queue(worker) for worker in self._hub.roster.workers()]

    def rings(self) -> Sequence[RingView]:
        """The rings, with the keys of each, and the clusters that it serves."""
        if not self._hub.ready:
            return ()
        sealing = self._hub.secrets.sealing
        clusters = [name for name in self._hub.roster.names() if name != names.HUB_CLUSTER]
        served = {name: sealing.serving(name) for name in sorted(clusters)}
        found = []
        for ring in sorted({*sealing.rings.selectors, *sealing.rings.faults, *sealing.keyring.rings()}):
            newest = sealing.keyring.newest(ring)
            keys = tuple(
                KeyView(key.secret, key.fingerprint, key.made, key.active, seals=key == newest)
                for key in sealing.keyring.all(ring)
            )
            serves = tuple(name for name, rings in served.items() if ring in rings)
            problem = sealing.rings.faults.get(ring, "")
            if not problem and ring not in sealing.rings.selectors:
                problem = "no cluster selector: it serves no cluster"
            found.append(
                RingView(ring, serves, keys, newest.certificate if newest is not None else "", problem)
            )
        return found

    def secrets(self, key: ApplicationKey | None = None) -> Sequence[SecretView] | None:
        """The Secrets that the hub makes."""
        if key is not None and key not in self._hub.world.applications:
            return None
        return tuple(delivered.views(self._hub, key))

    async def vault(self, project: str) -> Sequence[tuple[str, str, str]] | None:
        """What came of trying a Project's Vault."""
        return await self._hub.secrets.check(project) if self._hub.ready else None

    async def doctor(self, name: str) -> Sequence[Finding] | None:
        """What is the matter with a cluster."""
        return await examining.examine(self._hub, name) if self._hub.ready else None

    def unusable_keys(self) -> Mapping[str, str]:
        """Secrets that are labelled as sealing keys and open nothing, and why."""
        return self._hub.secrets.sealing.errors() if self._hub.ready else {}

    # --- inside -----------------------------------------------------------------------------------------

    def _unready(self) -> str:
        hub = self._hub
        if hub.elsewhere is None:
            return "" if hub.ready else "the hub's lists are not complete yet"
        return "the API server of the hub does not answer" if hub.authority.blind else ""

    def _says(self) -> Mapping[str, str]:
        active = self._hub.elsewhere
        return {"status": "ok"} if active is None else {"status": "standby", "active": active}

    def _certificate(self, ring: str) -> str:
        newest = self._hub.secrets.sealing.keyring.newest(ring) if self._hub.ready else None
        return newest.certificate if newest is not None else ""

    def _source(self, key: ApplicationKey) -> SourceView:
        known = self._hub.world.applications[key]
        if known.model is None:
            return SourceView()
        source = known.model.spec.all_sources[0]
        head = ""
        for repository in self._hub.repositories.known() if self._hub.ready else ():
            if repository.url == source.repo_url:
                try:
                    head = repository.resolve(source.target_revision).commit
                except SourceError:
                    head = ""
        return SourceView(source.repo_url, source.path, source.target_revision, head)

    def _queue(self, worker: Worker) -> QueueView:
        queue, breaker = worker.queue(), ""
        if worker.running is None:
            reach = self._hub.board.reach_of(worker.name)
            breaker = reach.reason if reach is not None and reach.reason else "Connecting"
        return QueueView(worker.name, worker.depth(), len(queue.held), len(queue.delayed), breaker)

    def _queued(self, key: ApplicationKey, cluster: str) -> str:
        worker = self._hub.roster.get(cluster) if self._hub.ready else None
        target = TargetKey(key, cluster)
        if worker is None or not worker.waits(target):
            return ""
        return "running" if worker.passes(target) else "waiting"

    def _resources(self, key: ApplicationKey) -> Iterator[ResourceView]:
        hub = self._hub
        for worker in hub.roster.workers() if hub.ready else ():
            at_work = worker.running
            target = TargetKey(key, worker.name)
            if at_work is None or target not in worker.targets():
                continue
            member = at_work.member
            own = set_id(target, member.identity.namespace)
            refs = set(member.sightings.members(own)) | set(worker.wanted(target))
            for ref in sorted(refs):
                seen = member.sightings.get(ref)
                if seen is None or seen.set_id != own:
                    yield ResourceView(worker.name, ref, Health.MISSING)
                else:
                    yield ResourceView(
                        worker.name,
                        ref,
                        seen.health,
                        seen.message,
                        seen.deleting,
                        member.sightings.foreign(ref),
                    )

    def _verify(self, headers: Any, body: bytes) -> push.PushEvent:
        return push.verify(headers, body, self._secrets)

    def _secrets(self, url: str) -> tuple[bytes, ...]:
        known = self._hub.registrations.credentials() if self._hub.ready else ()
        return credentials.signing(url, known, self._hub.passwords.webhook)

    def _nudge(self, event: push.PushEvent) -> int:
        woken = self._hub.repositories.nudge(event) if self._hub.ready else 0
        self._hub.metrics.webhook("accepted")
        return woken
