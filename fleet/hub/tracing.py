"""The facts of a trace, gathered from what the owners know: how far an Application, or a commit, has come.

Contract: nothing is decided here and nothing is asked of a server. What concerns one Application is taken in one
breath, and between some of them the loop may turn. Of Git only the mirrors are asked, for a commit, in the threads of
their room: before that what it changed, after it which of the commits in the facts contain it. Bounded by the
Applications that the commit concerns, and their targets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from fleet.errors import SourceError, fault
from fleet.git import history
from fleet.hub.hub import Hub
from fleet.hub.record import Record
from fleet.model import ApplicationKey, Health, Lane, TargetKey
from fleet.report import trace
from fleet.report.since import Stamp, Stamps
from fleet.report.stages import (
    ApplicationFacts,
    ClusterFacts,
    CommitFacts,
    Desired,
    Ill,
    Places,
    Source,
    TargetFacts,
    Trace,
    Waiting,
)
from fleet.sync.sets import set_id
from fleet.worker.worker import Worker
from fleet.world.repositories import Repository

HANDS: Final = 5  # targets in hand that are named
BREATH: Final = 50  # Applications after which the loop may turn


class Tracing:
    """See the module."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def application(self, key: ApplicationKey) -> Trace | None:
        """How far an Application's newest commit has come; None where there is no such Application."""
        facts = _Gathering(self._hub).application(key) if self._hub.ready else None
        return trace.of_application(facts) if facts is not None else None

    async def commit(self, name: str) -> Trace:
        """How far a commit has come; ``name`` is its hash, or enough of its beginning."""
        hub = self._hub
        repositories = hub.repositories.known() if hub.ready else ()
        hits = await asyncio.gather(*(history.find(one.mirror, name) for one in repositories))
        found = [(one, hit) for one, commits in zip(repositories, hits, strict=True) for hit in commits]
        sources = tuple(self._sources(repositories))
        if len({commit for _, commit in found}) != 1:
            known = tuple(CommitFacts(commit, repository.url) for repository, commit in found)
            return trace.of_commit(name, known, (), sources)
        concerned = {one.url: await self._concerned(one, commit) for one, commit in found}
        facts, unlisted = await self._facts(concerned)
        known = tuple(
            [
                CommitFacts(
                    commit,
                    one.url,
                    await history.containing(one.mirror, commit, _tips(one.url, facts)),
                    concerned[one.url],
                )
                for one, commit in found
            ]
        )
        return await asyncio.to_thread(trace.of_commit, name, known, facts, sources, unlisted)

    async def _concerned(self, repository: Repository, commit: str) -> frozenset[ApplicationKey]:
        """Who reads what the commit changed, and of whom that cannot be told."""
        readers = self._hub.readers
        try:
            change = await history.introduced(repository.mirror, commit)
        except SourceError:
            return self._followers(repository.url)
        followers = self._followers(repository.url)
        unknown = {key for key in followers if not readers.reads(key)}
        return frozenset(readers.touched(repository.url, change) | unknown)

    def _followers(self, repo: str) -> frozenset[ApplicationKey]:
        """Whose source it is, those too that may not read it."""
        return frozenset(
            key
            for key, known in self._hub.world.applications.items()
            if known.model is not None
            and not known.deleting
            and repo in {one.repo_url for one in known.model.spec.all_sources}
        )

    async def _facts(
        self, concerned: Mapping[str, frozenset[ApplicationKey]]
    ) -> tuple[tuple[ApplicationFacts, ...], int]:
        """The facts of whom the commit concerns, of some of whom it does not, and how many those are besides."""
        keys = sorted(key for found in concerned.values() for key in found)
        others = sorted(frozenset().union(*map(self._followers, concerned)) - set(keys))
        gathering, found = _Gathering(self._hub), []
        for number, key in enumerate((*keys, *others[: trace.UNCONCERNED]), 1):
            facts = gathering.application(key)
            if facts is not None:
                found.append(facts)
            if number % BREATH == 0:
                await asyncio.sleep(0)
        return tuple(found), len(others[trace.UNCONCERNED :])

    def _sources(self, repositories: Iterable[Repository]) -> Iterator[Source]:
        readers = self._hub.readers
        for repository in repositories:
            keys = (key for one in readers.groups(repository.url) for key in readers.members(one))
            yield _source(repository, seeker=str(min(keys, default="")))


class _Gathering:
    """The facts of one question: every queue and every cluster is looked at once."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._places: dict[str, Places] = {}
        self._clusters: dict[str, ClusterFacts] = {}
        self._repositories = {one.url: one for one in hub.repositories.known()}

    def application(self, key: ApplicationKey) -> ApplicationFacts | None:
        """All about one Application, in one breath."""
        hub = self._hub
        known = hub.world.applications.get(key)
        if known is None:
            return None
        # Not the record's own: a reconcile that is under way is writing those.
        told = hub.board.told(key)
        record = hub.reconciler.records.get(key)
        spec = known.model.spec if known.model is not None else None
        first = spec.all_sources[0] if spec is not None else None
        repository = self._repositories.get(first.repo_url) if first is not None else None
        source = Source(first.repo_url if first is not None else "")
        if repository is not None and first is not None:
            source = _source(repository, first.target_revision, str(key))
        born = known.model.metadata.created if known.model is not None else 0.0
        since = self._honest(hub.board.since(key), born)
        return ApplicationFacts(
            key,
            source,
            self._desired(key, record, repository, since.state),
            tuple(
                self._target(TargetKey(key, name), born)
                for name in (record.served if record is not None else ())
            ),
            told.faults,
            told.holds,
            since,
            known.deleting,
        )

    def _desired(
        self, key: ApplicationKey, record: Record | None, repository: Repository | None, since: Stamp
    ) -> Desired:
        hub = self._hub
        coming = repository is not None and hub.changes.coming(repository.url)
        rendered = record.rendered if record is not None else None
        return Desired(
            hub.readers.computed_from(key),
            record.revisions[0] if record is not None and record.revisions else None,
            rendered.faults if rendered is not None else (),
            tuple(sorted(hub.readers.reads(key))),
            hub.looking(key) or coming,
            since,
        )

    def _target(self, key: TargetKey, born: float) -> TargetFacts:
        hub = self._hub
        outcome = hub.board.outcome(key)
        recorded = hub.board.recorded(key)
        worker = hub.roster.get(key.cluster)
        ill = outcome is not None and outcome.health is not Health.HEALTHY
        return TargetFacts(
            self._cluster(key.cluster),
            outcome,
            self._place(worker, key),
            recorded.revisions[0].commit if recorded is not None and recorded.revisions else "",
            tuple(_ill(worker, key)) if worker is not None and ill else (),
            self._honest(hub.board.since(key), born),
        )

    def _cluster(self, name: str) -> ClusterFacts:
        found = self._clusters.get(name)
        if found is None:
            known = self._hub.world.clusters.get(ApplicationKey(self._hub.namespace, name))
            paused = known is not None and known.model is not None and known.model.spec.paused
            told = self._hub.telling.cluster_facts(name)
            reach = self._hub.board.reach_of(name)
            found = self._clusters[name] = ClusterFacts(name, reach, paused, told.faults, told.holds)
        return found

    def _place(self, worker: Worker | None, key: TargetKey) -> Waiting | None:
        if worker is None:
            return None
        if key.cluster not in self._places:
            self._places[key.cluster] = self._line_up(worker)
        return self._places[key.cluster].get(key)

    def _line_up(self, worker: Worker) -> Places:
        """The place of every target in a worker's queue."""
        queue, clock = worker.queue(), self._hub.clock
        hands, places, ahead = queue.held[:HANDS], {}, 0
        for lane, keys in zip(Lane, queue.ready, strict=True):
            for key in keys:
                places[key] = Waiting(lane.name.lower(), ahead, hands)
                ahead += 1
        for key, due in queue.delayed.items():
            places[key] = Waiting("", due=clock.now() + max(0.0, due - clock.boottime()))
        for key in queue.held:
            places[key] = Waiting("", busy=True)
        return places

    def _honest(self, stamps: Stamps, born: float) -> Stamps:
        """What came after the start was not there before it."""
        if born + 1.0 < self._hub.board.started:  # API servers tell whole seconds
            return stamps
        faults, holds, state = (
            replace(stamp, early=False) for stamp in (stamps.faults, stamps.holds, stamps.state)
        )
        return Stamps(faults, holds, state)


def _ill(worker: Worker, key: TargetKey) -> list[Ill]:
    """The desired objects that are not healthy, the worst first."""
    if worker.running is None:
        return []
    member = worker.running.member
    own = set_id(key, member.identity.namespace)
    found = []
    for ref in worker.wanted(key):
        seen = member.sightings.get(ref)
        if seen is None:
            found.append(Ill(ref, Health.MISSING))
        elif seen.set_id == own and seen.health is not Health.HEALTHY:
            found.append(Ill(ref, seen.health, seen.message))
    return sorted(found, key=lambda one: (-one.health, one.ref))


def _source(repository: Repository, name: str | None = None, seeker: str = "") -> Source:
    head, problem = "", repository.error
    if name is not None and repository.refs is not None:
        try:
            head = repository.resolve(name).commit
        except SourceError as error:
            problem = problem or error
    return Source(
        repository.url,
        name or "",
        head,
        repository.looked,
        repository.how.value,
        repository.due,
        fault(problem) if problem is not None else None,
        repository.failing,
        seeker,
    )


def _tips(repo: str, facts: Iterable[ApplicationFacts]) -> frozenset[str]:
    """All commits that the facts name."""
    found = set()
    for one in facts:
        if one.source.repo == repo:
            found |= {one.source.head, one.desired.computed}
            for target in one.targets:
                outcome = target.outcome
                found.add(target.recorded)
                found |= {revision.commit for revision in outcome.revisions} if outcome is not None else set()
    return frozenset(found - {""})
