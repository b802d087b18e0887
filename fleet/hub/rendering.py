"""What an Application's sources render to on each of its clusters, with whatever is fetched for it on the way.

Contract: clusters whose parameters come out equal share one render; what fails for some clusters is their error, the
others get theirs. Raises FleetError where it renders for none. A render that names mean something else for by now is
called off when somebody asks for a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakValueDictionary

from fleet.api.application import Application
from fleet.errors import FleetError, SourceError
from fleet.facts import Facts
from fleet.hub.grounds import Grounds, Refuse, Resolved, Wanted
from fleet.hub.turns import Turn
from fleet.model import Parameters, Read, Rendered
from fleet.render import together
from fleet.render.ground import Unfetched
from fleet.render.program import CalledOff, Programs
from fleet.render.render import Tools, by_program, render
from fleet.render.substitute import substituted
from fleet.variants.variant import Variant, variant

NOWHERE = Facts("")
SHARE = 4  # renders by programs that one namespace has at once, of the threads that there are for them
ROUNDS = 50  # times that one render may ask for something else that is to be fetched


@dataclass(slots=True)
class Question:
    """One question: for whom, on which clusters, with which facts, what may be fetched for it, and in whose turn."""

    application: Application
    facts: Mapping[str, Facts]
    refuse: Refuse = lambda _: None
    superseded: asyncio.Event = field(default_factory=asyncio.Event)
    turn: Turn = field(default_factory=Turn)


@dataclass(slots=True)
class Found:
    """What the variants came to so far."""

    by_cluster: dict[str, Rendered] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    errors: dict[str, FleetError] = field(default_factory=dict)


class Rendering:
    """See the module. ``programs`` makes the programs of one render, ``capabilities`` knows what a cluster serves."""

    def __init__(self, grounds: Grounds, tools: Tools, programs: Callable[[], Programs]) -> None:
        self.grounds = grounds
        self._tools = tools
        self._programs = programs
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self.capabilities: Callable[[str], Parameters | None] = lambda _: Parameters()

    async def render(self, asked: Question, resolved: Resolved) -> Found:
        """What each cluster's variant comes to. Raises where none comes to anything."""
        groups: dict[Variant, list[str]] = {}
        found = Found()
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
            first.reads = looked(found.errors.values())
            first.waiting = frozenset(found.waiting)
            raise first
        return found

    async def _variant(
        self, asked: Question, resolved: Resolved, group: tuple[Variant, list[str]], found: Found
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
            except CalledOff:
                raise
            except FleetError as error:
                found.errors[cluster] = error
                if parameters is None:
                    found.waiting.add(cluster)  # what the cluster serves may be all that was missing
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
            await self.grounds.fetch(resolved, missing, asked.turn)
        raise SourceError(f"it asks for more than {ROUNDS} remote folders and charts")

    async def _sources(
        self, asked: Question, resolved: Resolved, variant: Variant, parameters: Parameters
    ) -> Rendered:
        programs = self._programs()
        slowly = partial(self._in_turn, asked)

        async def rendered() -> Rendered:
            parts = []
            for number, source in enumerate(variant.sources):
                if source is not None:
                    ground = self.grounds.ground(resolved, number, asked.refuse)
                    part = await render(source, ground, parameters, self._tools, programs, slowly)
                    filled = source.directory.substitute and variant.facts is not None
                    parts.append(substituted(part, variant.facts) if filled and variant.facts else part)
            return await together.combined(parts, variant.patches, self._tools.cache, programs, slowly)

        task = asyncio.ensure_future(rendered())
        waiter = asyncio.ensure_future(asked.superseded.wait())
        try:
            while not task.done():
                await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
                if waiter.done() and not task.done():
                    if self.grounds.stale(resolved):
                        programs.call_off()
                    await asyncio.wait({task})
            return await task
        finally:
            waiter.cancel()
            if not task.done():
                programs.call_off()
                task.cancel()

    async def _in_turn(self, asked: Question, work: Callable[[], Rendered]) -> Rendered:
        """What a program may take a minute for, while others have this look's turn, in its namespace's share."""
        share = self._shares.setdefault(asked.application.metadata.namespace, asyncio.Semaphore(SHARE))

        async def shared() -> Rendered:
            async with share:
                return await by_program(work)

        return await asked.turn.aside(shared())


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


def looked(errors: Iterable[FleetError]) -> frozenset[Read]:
    """What was looked up before these errors."""
    return frozenset(read for error in errors for read in error.reads)
