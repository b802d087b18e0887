"""From an Application's source to what it renders to, and the commit at which that last changed.

Contract: raises FleetError for what cannot be resolved or rendered; what was looked up on the way is recorded
all the same, so that the commit that mends it wakes the Application. The revision of an Application is that of
its inputs: a commit that touches none of them leaves it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet import names
from fleet.api.application import Application
from fleet.errors import FleetError, RevisionNotFound, fault
from fleet.git.refs import commit_hash
from fleet.hub.changes import Changes
from fleet.hub.readers import Following, Readers
from fleet.hub.record import Record
from fleet.model import ApplicationKey, Parameters, Rendered, Revision
from fleet.render import render
from fleet.render.cache import RenderCache
from fleet.render.ground import Trees
from fleet.render.program import Programs
from fleet.render.source import Directory, Source
from fleet.world.objects import World
from fleet.world.repositories import Repositories, Repository

RENDER_WORD = 16


@dataclass(frozen=True, slots=True)
class Sought:
    """What belongs on an Application's clusters; ``overtaken`` where the name means another commit by now."""

    revision: Revision
    rendered: Rendered
    overtaken: bool = False


class Desired:
    """Computes desired states and keeps the readers' index true."""

    def __init__(
        self,
        world: World,
        repositories: Repositories,
        readers: Readers,
        changes: Changes,
        cache: RenderCache,
        programs: Programs,
    ) -> None:
        self._world = world
        self._repositories = repositories
        self._readers = readers
        self._changes = changes
        self._cache = cache
        self._programs = programs

    async def compute(self, key: ApplicationKey, application: Application, record: Record) -> Sought:
        """The desired state at the revision that the Application follows."""
        source = application.spec.source
        repository = self._repositories.get(source.repo_url)
        self._readers.follow(key, Following(source.repo_url, source.target_revision))
        known = self._world.applications.get(key)
        refresh = known.annotations.get(names.REFRESH, "") if known is not None else ""
        if refresh != record.refreshed:
            # A look at the repository, now; what it brings wakes whom it concerns.
            record.refreshed = refresh
            if record.begun:
                repository.nudge()
        if repository.error is not None and repository.refs is not None:
            # The last good state is kept and stays offered; the condition says why nothing newer comes.
            record.faults += (fault(repository.error),)
        revision = await self._resolve(repository, source.target_revision)
        if not record.begun:
            self._changes.join(source.repo_url, key)
        try:
            rendered = await self._render(repository, revision, application)
        except FleetError as error:
            self._readers.looked(key, getattr(error, "reads", ()))
            raise
        self._readers.computed(key, revision.commit, rendered.reads)
        kept = self._kept(key, record, rendered, revision)
        record.rendered, record.revision = rendered, kept
        return Sought(kept, rendered, _overtaken(repository, source.target_revision, revision.commit))

    async def at(self, application: Application, commit: str) -> Sought:
        """The state at one commit, for a sync that was asked for."""
        repository = self._repositories.get(application.spec.source.repo_url)
        revision = await self._resolve(repository, commit)
        return Sought(revision, await self._render(repository, revision, application))

    async def is_at(self, application: Application, commit: str, sought: Sought) -> bool:
        """Whether the state at a commit is the one that the Application follows now."""
        if commit == sought.revision.commit:
            return True
        try:
            return (await self.at(application, commit)).rendered.key == sought.rendered.key
        except FleetError:
            return False

    def forget(self, key: ApplicationKey) -> None:
        """The Application is gone, or is going."""
        self._readers.forget(key)
        self._repositories.retain(self._readers.repositories())

    async def _resolve(self, repository: Repository, name: str) -> Revision:
        try:
            return repository.resolve(name)
        except RevisionNotFound:
            if not commit_hash(name) or repository.refs is None:
                raise
            await repository.bring(name)
            return repository.resolve(name)

    async def _render(self, repository: Repository, revision: Revision, application: Application) -> Rendered:
        given = application.spec.source
        directory = Directory(given.directory.recurse, given.directory.include, given.directory.exclude)
        source = Source(repository.url, revision, given.path, directory)
        ground = Trees(repository.tree(revision.commit))
        return await render.render(source, ground, Parameters(), self._cache, self._programs)

    def _kept(self, key: ApplicationKey, record: Record, rendered: Rendered, now: Revision) -> Revision:
        if record.rendered is not None and record.revision is not None:
            same = record.rendered.key == rendered.key and record.revision.repo == now.repo
            return record.revision._replace(ref=now.ref) if same else now
        known = self._world.applications.get(key)
        status = known.status if known is not None else {}
        if status.get("render") == rendered.key[:RENDER_WORD] and status.get("revision"):
            return Revision(now.repo, str(status["revision"]), now.ref)
        return now


def _overtaken(repository: Repository, name: str, commit: str) -> bool:
    """Whether commits came while it was rendered: they were held against what it read before."""
    try:
        return repository.resolve(name).commit != commit
    except FleetError:
        return True
