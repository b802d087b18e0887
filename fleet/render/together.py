"""Several renders as one: of the sources of an Application, and of all its clusters.

Contract: of two sources that make the same object the later wins, as in Argo CD, and a warning says so; within
one source it is a fault. The key of what is put together names all that went into it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fleet.model import Rendered
from fleet.render.patch import patched
from fleet.render.render import Slowly, by_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fleet.model import Manifest, ObjectRef
    from fleet.render.cache import RenderCache
    from fleet.render.program import Programs
    from fleet.render.source import Patch

MOST_SAID = 10


async def combined(
    parts: Sequence[Rendered],
    patches: tuple[Patch, ...],
    cache: RenderCache,
    programs: Programs,
    slowly: Slowly = by_program,
) -> Rendered:
    """The sources of one Application as one render, with the patches of its overrides on top.

    Raises what a program raises; ``slowly`` is as in `render`.
    """
    whole = parts[0] if len(parts) == 1 else merged(parts)
    if not patches:
        return whole
    return await slowly(partial(patched, whole, patches, cache, programs))


def merged(parts: Sequence[Rendered]) -> Rendered:
    """The sources of one Application as one render."""
    chosen: dict[ObjectRef, Manifest] = {}
    said: list[str] = []
    for part in parts:
        for manifest in part.manifests:
            before = chosen.pop(manifest.ref, None)
            if before is not None:
                said.append(
                    f"{manifest.ref} comes from {before.origin.path} and from {manifest.origin.path}: the later source wins"
                )
            chosen[manifest.ref] = manifest
    if len(said) > MOST_SAID:
        said = [*said[:MOST_SAID], f"and {len(said) - MOST_SAID} objects more come from two sources"]
    return Rendered(
        key=_name(part.key for part in parts),
        manifests=tuple(chosen.values()),
        faults=tuple(fault for part in parts for fault in part.faults),
        reads=frozenset(read for part in parts for read in part.reads),
        renderer=", ".join(dict.fromkeys(part.renderer for part in parts if part.renderer)),
        warnings=(*(warning for part in parts for warning in part.warnings), *said),
        inputs=_name(part.inputs for part in parts),
        output=_name(part.output for part in parts),
        general=all(part.general for part in parts),
    )


def whole(by_cluster: Mapping[str, Rendered]) -> Rendered:
    """What stands for the renders of all clusters: the one, where they are all alike."""
    distinct = {one.key: one for one in by_cluster.values()}
    if len(distinct) == 1:
        (only,) = distinct.values()
        reads = frozenset(read for one in by_cluster.values() for read in one.reads)
        return only if reads == only.reads else replace(only, reads=reads)
    renders = [distinct[key] for key in sorted(distinct)]
    return Rendered(
        key=_name(one.key for one in renders),
        manifests=renders[0].manifests if renders else (),
        faults=tuple(dict.fromkeys(fault for one in renders for fault in one.faults)),
        reads=frozenset(read for one in by_cluster.values() for read in one.reads),
        renderer=", ".join(dict.fromkeys(one.renderer for one in renders if one.renderer)),
        warnings=tuple(dict.fromkeys(warning for one in renders for warning in one.warnings)),
        inputs=_name(one.inputs for one in renders),
        output=_name(one.output for one in renders),
        general=all(one.general for one in renders),
    )


def _name(keys: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(keys).encode()).hexdigest()
