"""The one verb: a source at a commit, rendered, or found in the cache."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from fleet.errors import FleetError
from fleet.render.renderer import PLAIN, Renderers

if TYPE_CHECKING:
    from fleet.model import Parameters, Rendered
    from fleet.render.cache import RenderCache
    from fleet.render.ground import Ground
    from fleet.render.inputs import Inputs
    from fleet.render.program import Programs
    from fleet.render.renderer import Renderer
    from fleet.render.source import Source


@dataclass(frozen=True, slots=True)
class Tools:
    """What renders are made with: the cache, and the renderers."""

    cache: RenderCache
    renderers: Renderers = field(default_factory=Renderers)


THREADS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="render")
# A program takes up to a minute, by whatever somebody wrote for it: plain YAML waits for none.
PROGRAMS: Final = ThreadPoolExecutor(max_workers=8, thread_name_prefix="render-program")

Slowly = Callable[[Callable[[], "Rendered"]], Awaitable["Rendered"]]


async def by_program(work: Callable[[], Rendered]) -> Rendered:
    """Do what may start a program."""
    return await asyncio.get_running_loop().run_in_executor(PROGRAMS, work)


async def render(
    source: Source,
    ground: Ground,
    parameters: Parameters,
    tools: Tools,
    programs: Programs,
    slowly: Slowly = by_program,
) -> Rendered:
    """What the source renders to; complete only if ``faults`` is empty.

    The ``ground`` is this render's own, not yet looked into. ``reads`` of the answer is what this commit's look-ups
    were, also on a hit. Raises ``SourceError`` with ``reads`` set to what was looked up until then, absent
    paths with it: whoever failed for want of a path is woken when it appears. Raises ``InvalidObject`` for
    options that cannot be understood. Blocking work is one hop to a bounded pool of threads; what needs a program
    is another one, which ``slowly`` makes when it likes.
    """
    loop = asyncio.get_running_loop()
    plain = await loop.run_in_executor(THREADS, _plain, source, ground, parameters, tools, programs)
    if plain is not None:
        return plain
    return await slowly(partial(rendered, source, ground, parameters, tools, programs))


def _plain(
    source: Source, ground: Ground, parameters: Parameters, tools: Tools, programs: Programs
) -> Rendered | None:
    """`rendered`, or None where that needs a program."""
    with contextlib.suppress(FleetError):  # raised again below
        if tools.renderers.of(source, ground).name != PLAIN:
            return None
    return rendered(source, ground, parameters, tools, programs)


def rendered(
    source: Source, ground: Ground, parameters: Parameters, tools: Tools, programs: Programs
) -> Rendered:
    """`render` for a caller that is in a thread already."""
    try:
        renderer = tools.renderers.of(source, ground)
        inputs = renderer.collect(source, ground)
        version = renderer.version(programs)
        given = digest(renderer, source, inputs, parameters)
        key = hashlib.sha256(f"{version}\0{given}".encode()).hexdigest()

        def build() -> Rendered:
            made = renderer.build(inputs, source, ground, parameters, programs)
            return replace(
                made,
                key=key,
                inputs=given,
                output=output(made),
                general=not inputs.capabilities,
                renderer="" if renderer.name == PLAIN else version,
            )

        return replace(tools.cache.obtain(key, build, lasting=renderer.name != PLAIN), reads=inputs.reads)
    except FleetError as error:
        error.reads = ground.reads()
        raise


def digest(renderer: Renderer, source: Source, inputs: Inputs, parameters: Parameters) -> str:
    """The digest of all that decides the result, but for the renderer's version.

    The files' paths are in it since origins and faults name them; commit and repository are not: the content
    decides.
    """
    parts = [
        renderer.name,
        repr(renderer.decides(source)),
        parameters.digest if inputs.capabilities else "",
    ]
    for file in inputs.files:
        parts += (file.path, file.name, file.oid)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def output(made: Rendered) -> str:
    """The digest of what came out."""
    found = hashlib.sha256()
    for manifest in made.manifests:
        found.update(manifest.body)
        found.update(b"\0")
    for fault in made.faults:
        found.update(f"{fault.ref} {fault.reason}\0".encode())
    return found.hexdigest()
