"""The one verb: a source at a commit, rendered, or found in the cache."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleet.errors import SourceError
from fleet.render.renderer import PLAIN, renderer_of

if TYPE_CHECKING:
    from fleet.model import Parameters, Rendered
    from fleet.render.cache import RenderCache
    from fleet.render.ground import Ground
    from fleet.render.inputs import Inputs
    from fleet.render.program import Programs
    from fleet.render.source import Source

_THREADS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="render")


async def render(
    source: Source, ground: Ground, parameters: Parameters, cache: RenderCache, programs: Programs
) -> Rendered:
    """What the source renders to; complete only if ``faults`` is empty.

    The ``ground`` is this render's own, not yet looked into. ``reads`` of the answer is what this commit's look-ups
    were, also on a hit. Raises ``SourceError`` with ``reads`` set to what was looked up until then, absent
    paths with it: whoever failed for want of a path is woken when it appears. Raises ``InvalidObject`` for
    options that cannot be understood. Blocking work is one hop to a bounded pool of threads.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, rendered, source, ground, parameters, cache, programs)


def rendered(
    source: Source, ground: Ground, parameters: Parameters, cache: RenderCache, programs: Programs
) -> Rendered:
    """`render` for a caller that is in a thread already."""
    renderer = renderer_of(source)
    try:
        inputs = renderer.collect(source, ground)
        version = renderer.version(programs)
        found = key(f"{renderer.name} {version}", source, inputs, parameters)

        def build() -> Rendered:
            made = renderer.build(inputs, source, ground, parameters, programs)
            return replace(made, key=found, renderer="" if renderer.name == PLAIN else version)

        return replace(cache.obtain(found, build), reads=inputs.reads)
    except SourceError as error:
        error.reads = ground.reads()
        raise


def key(renderer: str, source: Source, inputs: Inputs, parameters: Parameters) -> str:
    """The digest of all that decides the result.

    The files' paths are in it since origins and faults name them; commit and repository are not: the content
    decides.
    """
    parts = [
        renderer,
        repr((source.directory, source.kustomize, source.helm)),
        parameters.digest if inputs.capabilities else "",
    ]
    for file in inputs.files:
        parts += (file.path, file.name, file.oid)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
