"""From an Application's sources to what they render to on each of its clusters, and since which commit.

Contract: raises FleetError for what cannot be resolved, or renders nowhere; what was looked up on the way is
recorded all the same, so that the commit that mends it wakes the Application. Clusters for which all parameters
come out equal share one render; where it fails for some alone, the others get theirs. The revision of an
Application is that of its inputs: a commit that touches none of them leaves it as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fleet import names
from fleet.api.application import Application
from fleet.errors import FleetError, SourceError, fault
from fleet.facts import Facts
from fleet.hub.changes import Changes
from fleet.hub.grounds import Grounds, Refuse, Resolved, Wanted
from fleet.hub.readers import Following, Readers
from fleet.hub.record import Record
from fleet.model import ApplicationKey, Fault, Parameters, Read, Rendered, Revision
from fleet.render import together
from fleet.render.ground import Unfetched
from fleet.render.program import Programs
from fleet.render.render import Tools, render
from fleet.render.substitute import substituted
from fleet.variants.variant import Variant, variant
from fleet.world.objects import World

RENDER_WORD = 16
NOWHERE = Facts("")
ROUNDS = 50  # times that one render may ask for something else that is to be fetched


@dataclass(frozen=True, slots=True)
class Sought:
    """What belongs on an Application's clusters.

    ``whole`` stands for all of it: its key, faults and look-ups are those of every cluster's render. ``waiting``
    are clusters for which nothing can be rendered yet, since what they serve is not known; ``failed`` those
    whose render failed, with why. ``overtaken``: a name means another commit by now.
    """

    revisions: tuple[Revision, ...]
    whole: Rendered
    by_cluster: Mapping[str, Rendered]
    waiting: frozenset[str] = frozenset()
    failed: tuple[Fault, ...] = ()
    overtaken: bool = False


@dataclass(slots=True)
class Question:
    """One question: for whom, on which clusters, with which facts, and what may be fetched for it."""

    application: Application
    facts: Mapping[str, Facts]
    refuse: Refuse = lambda _: None
    superseded: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Found:
    """What the variants came to so far."""

    by_cluster: dict[str, Rendered] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    errors: dict[str, FleetError] = field(default_factory=dict)


class Desired:
    """Computes desired states and keeps the readers' index true."""

    def __init__(
        self,
        world: World,
        grounds: Grounds,
        readers: Readers,
        changes: Changes,
        tools: Tools,
        programs: Callable[[], Programs],
    ) -> None:
        self._world = world
        self._grounds = grounds
        self._readers = readers
        self._changes = changes
        self._tools = tools
        self._programs = programs
        self.capabilities: Callable[[str], Parameters | None] = lambda _: Parameters()

    async def compute(self, key: ApplicationKey, asked: Question, record: Record) -> Sought:
        """The desired state at the revisions that the Application follows."""
        wanted = wanted_of(asked.application)
        self._readers.follow(key, self._followed(wanted, record))
        self._refresh(key, record)
        resolved = await self._grounds.resolve(wanted)
        record.faults += tuple(fault(error) for error in self._grounds.errors(resolved))
        if not record.begun:
            for following in resolved.followings():
                self._changes.join(following.repo, key)
        try:
            found = await self._render(asked, resolved)
        except FleetError as error:
            record.remote = frozenset(resolved.awaited)
            self._readers.follow(key, resolved.followings())
            self._readers.looked(key, getattr(error, "reads", ()))
            raise
        record.remote = frozenset(resolved.awaited)
        record.charts = resolved.used_charts()
        self._readers.follow(key, resolved.followings())
        whole = together.whole(found.by_cluster)
        reads = whole.reads | _reads(found.errors.values())
        if found.errors:
            self._readers.looked(key, reads)
        else:
            self._readers.computed(key, resolved.commits(), reads)
        kept = self._kept(key, record, whole, resolved.revisions)
        record.rendered, record.revisions = whole, kept
        return Sought(
            kept,
            whole,
            found.by_cluster,
            frozenset(found.waiting),
            _failed(found.errors),
            self._grounds.stale(resolved),
        )

    async def at(self, asked: Question, commit: str) -> Sought:
        """The state at one commit of the first source, for a sync that was asked for."""
        resolved = await self._grounds.resolve(wanted_of(asked.application), first=commit)
        found = await self._render(asked, resolved)
        return Sought(
            resolved.revisions,
            together.whole(found.by_cluster),
            found.by_cluster,
            frozenset(found.waiting),
            _failed(found.errors),
        )

    async def is_at(self, asked: Question, commit: str, sought: Sought) -> bool:
        """Whether the state at a commit is the one that the Application follows now."""
        if commit == sought.revisions[0].commit:
            return True
        try:
            return (await self.at(asked, commit)).whole.key == sought.whole.key
        except FleetError:
            return False

    def forget(self, key: ApplicationKey) -> None:
        """The Application is gone, or is going."""
        self._readers.forget(key)
        self._grounds.repositories.retain(self._readers.repositories())

    def _followed(self, wanted: Iterable[Wanted], record: Record) -> Iterable[Following]:
        """What it follows by its own word, and what its renders asked for until now."""
        return Resolved(tuple(wanted), (), awaited=set(record.remote)).followings()

    def _refresh(self, key: ApplicationKey, record: Record) -> None:
        """Look at the repositories now, where a person asks; what that brings wakes whom it concerns."""
        known = self._world.applications.get(key)
        refresh = known.annotations.get(names.REFRESH, "") if known is not None else ""
        if refresh == record.refreshed:
            return
        record.refreshed = refresh
        if record.begun:
            for following in self._readers.followed(key):
                self._grounds.repositories.get(following.repo).nudge()
            self._grounds.charts.nudge(record.charts)

    async def _render(self, asked: Question, resolved: Resolved) -> _Found:
        """What each cluster's variant comes to. Raises where none comes to anything."""
        groups: dict[Variant, list[str]] = {}
        found = _Found()
        for cluster, facts in asked.facts.items():
            try:
                one = variant(asked.application, facts, resolved.revisions)
            except FleetError as error:
                found.errors[cluster] = error
            else:
                groups.setdefault(one, []).append(cluster)
        if not asked.facts:
            # Nowhere placed: it is rendered all the same, so that what is wrong with it is known.
            groups[variant(asked.application, NOWHERE, resolved.revisions)] = [""]
        await asyncio.gather(
            *(self._variant(asked, resolved, (one, named), found) for one, named in groups.items())
        )
        if found.errors and not found.by_cluster:
            first = next(iter(found.errors.values()))
            if isinstance(first, SourceError):
                first.reads = _reads(found.errors.values())
            raise first
        return found

    async def _variant(
        self, asked: Question, resolved: Resolved, group: tuple[Variant, list[str]], found: _Found
    ) -> None:
        one, clusters = group
        made: dict[str, Rendered] = {}  # by what the clusters serve
        general: Rendered | None = None
        for cluster in clusters:
            if general is not None:
                found.by_cluster[cluster] = general
                continue
            parameters = self.capabilities(cluster) if cluster else Parameters()
            given = parameters or Parameters()
            try:
                if given.digest not in made:
                    made[given.digest] = await self._one(asked, resolved, one, given)
            except FleetError as error:
                found.errors[cluster] = error
                continue
            rendered = made[given.digest]
            if rendered.general:
                general = rendered
            elif parameters is None:
                found.waiting.add(cluster)
                continue
            found.by_cluster[cluster] = rendered

    async def _one(
        self, asked: Question, resolved: Resolved, variant: Variant, parameters: Parameters
    ) -> Rendered:
        """One variant, for clusters that serve the same; what it lacks is fetched on the way."""
        for _ in range(ROUNDS):
            try:
                return await self._sources(asked, resolved, variant, parameters)
            except Unfetched as error:
                missing = error.wanted
            await self._grounds.fetch(resolved, missing)
        raise SourceError(f"it asks for more than {ROUNDS} remote folders and charts")

    async def _sources(
        self, asked: Question, resolved: Resolved, variant: Variant, parameters: Parameters
    ) -> Rendered:
        programs = self._programs()

        async def rendered() -> Rendered:
            parts = []
            for number, source in enumerate(variant.sources):
                if source is not None:
                    ground = self._grounds.ground(resolved, number, asked.refuse)
                    part = await render(source, ground, parameters, self._tools, programs)
                    filled = source.directory.substitute and variant.facts is not None
                    parts.append(substituted(part, variant.facts) if filled and variant.facts else part)
            return await together.combined(parts, variant.patches, self._tools.cache, programs)

        task = asyncio.ensure_future(rendered())
        waiter = asyncio.ensure_future(asked.superseded.wait())
        try:
            while not task.done():
                await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
                if waiter.done() and not task.done():
                    if self._grounds.stale(resolved):
                        programs.call_off()
                    await asyncio.wait({task})
            return await task
        finally:
            waiter.cancel()
            if not task.done():
                programs.call_off()
                task.cancel()

    def _kept(
        self, key: ApplicationKey, record: Record, whole: Rendered, now: tuple[Revision, ...]
    ) -> tuple[Revision, ...]:
        if record.rendered is not None and record.revisions:
            repos = tuple(one.repo for one in record.revisions)
            if record.rendered.key == whole.key and repos == tuple(one.repo for one in now):
                return tuple(
                    was._replace(ref=one.ref) for was, one in zip(record.revisions, now, strict=True)
                )
            return now
        known = self._world.applications.get(key)
        status = known.status if known is not None else {}
        if status.get("render") == whole.key[:RENDER_WORD] and status.get("revision"):
            first = now[0]._replace(commit=str(status["revision"]))
            return (first, *now[1:])
        return now


def wanted_of(application: Application) -> tuple[Wanted, ...]:
    """The sources of an Application as it names them."""
    return tuple(
        Wanted(
            one.repo_url,
            one.target_revision,
            one.chart or "",
            one.ref or "",
            one.helm is not None and one.helm.pass_credentials,
        )
        for one in application.spec.all_sources
    )


def _reads(errors: Iterable[FleetError]) -> frozenset[Read]:
    return frozenset(read for error in errors for read in getattr(error, "reads", ()))


def _failed(errors: Mapping[str, FleetError]) -> tuple[Fault, ...]:
    """One fault for clusters that fail alike, which it names."""
    named: dict[Fault, list[str]] = {}
    for cluster, error in errors.items():
        named.setdefault(fault(error), []).append(cluster)
    return tuple(
        Fault(
            one.ref, one.reason, f"on {', '.join(sorted(clusters)[:5])}: {one.text}", one.field, one.transient
        )
        for one, clusters in named.items()
    )
