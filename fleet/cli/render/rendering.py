"""One command's renders: the stages of the hub, put together without one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fleet.charts.door import Door
from fleet.cli.render.repositories import LocalGrounds, Places
from fleet.clock import Clock
from fleet.git.github_app import Apps
from fleet.git.mirror import Mirror
from fleet.git.process import Git
from fleet.hub.rendering import Question, Rendering, wanted_of
from fleet.render.cache import RenderCache
from fleet.render.confine.confinement import Confinement
from fleet.render.render import Tools
from fleet.render.renderer import Renderers
from fleet.world.charts import Charts
from fleet.world.repositories import Repositories

if TYPE_CHECKING:
    from fleet.api.application import Application
    from fleet.cli.render.workingtree import Clone
    from fleet.facts import Facts
    from fleet.model import Parameters, Rendered
    from fleet.outward import Outward

INTERVAL = 3600.0


class Asked(NamedTuple):
    """What is rendered from: clones by canonical URL, one for all others, prefixes that are allowed, options."""

    clones: Mapping[str, Clone]
    every: Clone | None
    allow: tuple[str, ...]
    options: frozenset[str]
    programs: tuple[Path, ...]
    charts: Path
    out: Outward


@contextlib.asynccontextmanager
async def opened(asked: Asked) -> AsyncIterator[Rendering]:
    """The stages, for the length of a command; what they need on disk is gone afterwards, but for charts."""
    with tempfile.TemporaryDirectory(prefix="fleethub-command-") as folder:
        clock, git = Clock(), Git(Path(folder) / "home")
        apps = Apps(clock, git, asked.allow, asked.out)
        far = Repositories(
            lambda url, place: Mirror(url, place, git, asked.allow, out=asked.out, apps=apps),
            Path(folder) / "mirrors",
            clock,
            INTERVAL,
        )
        charts = Charts(
            lambda credential, everywhere: Door(asked.allow, asked.out, credential, everywhere),
            asked.charts,
            clock,
            INTERVAL,
        )
        confinement = Confinement(asked.programs)
        confinement.start()
        try:
            yield Rendering(
                LocalGrounds(Places(far, asked.clones, asked.every), charts),
                Tools(RenderCache(), Renderers(asked.options)),
                confinement.confined,
            )
        finally:
            await charts.close()
            await far.close()
            confinement.stop()
            for clone in (*asked.clones.values(), *([asked.every] if asked.every is not None else [])):
                clone.close()
            git.close()


async def render(
    rendering: Rendering, application: Application, facts: Facts, parameters: Parameters
) -> Rendered:
    """What one Application renders to for one cluster. Raises FleetError."""
    rendering.capabilities = lambda _: parameters
    asked = Question(application, {facts.name: facts})
    resolved = await rendering.grounds.resolve(wanted_of(application), asked.turn)
    found = await rendering.render(asked, resolved)
    return found.by_cluster[facts.name]
