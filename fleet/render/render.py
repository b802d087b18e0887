"""The one verb: a source at a commit, rendered, or found in the cache."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleet.errors import SourceError
from fleet.render.renderer import renderer_of

if TYPE_CHECKING:
    from fleet.model import Parameters, Rendered
    from fleet.render.cache import RenderCache
    from fleet.render.inputs import Inputs, Tree
    from fleet.render.renderer import Renderer
    from fleet.render.source import Source

_THREADS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="render")


async def render(source: Source, tree: Tree, parameters: Parameters, cache: RenderCache) -> Rendered:
    """What the source renders to; complete only if ``faults`` is empty.

    ``tree`` is this render's own, not yet looked into. ``reads`` of the answer is what this commit's look-ups
    were, also on a hit. Raises ``SourceError`` with ``reads`` set to what was looked up until then, absent
    paths with it: whoever failed for want of a path is woken when it appears. Raises ``InvalidObject`` for
    options that cannot be understood. Blocking work is one hop to a bounded pool of threads.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, rendered, source, tree, parameters, cache)


def rendered(source: Source, tree: Tree, parameters: Parameters, cache: RenderCache) -> Rendered:
    """`render` for a caller that is in a thread already."""
    renderer = renderer_of(source)
    try:
        inputs = renderer.collect(source, tree)
        found = key(renderer, source, inputs, parameters)

        def build() -> Rendered:
            return replace(renderer.build(inputs, source, tree, parameters), key=found)

        return replace(cache.obtain(found, build), reads=inputs.reads)
    except SourceError as error:
        error.reads = tree.reads
        raise


def key(renderer: Renderer, source: Source, inputs: Inputs, parameters: Parameters) -> str:
    """The digest of all that decides the result.

    The files' paths are in it since origins and faults name them; commit and repository are not: the content
    decides.
    """
    directory = source.directory
    parts = [
        f"{renderer.name}/{renderer.version}",
        f"{directory.recurse} {len(directory.include)} {directory.include}{directory.exclude}",
        parameters.digest,
    ]
    for file in inputs.files:
        parts += (file.path, file.name, file.oid)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
