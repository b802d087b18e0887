"""Which files differ between two commits, by comparing their trees.

Contract: descends only into directories whose hash differs, through the process that is open anyway; no git is
started. Links are files here: what they lead to is their reader's to follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.git.objects import Objects
from fleet.git.tree import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.git.mirror import Mirror


@dataclass(frozen=True, slots=True)
class Changed:
    """Files added, changed or removed; ``reshaped`` are those that came, went or changed their type."""

    paths: frozenset[str]
    reshaped: frozenset[str]


async def changed(mirror: Mirror, old: str, new: str) -> Changed:
    """What differs from ``old`` to ``new``. Raises `SourceError` where one of them is not in the mirror."""
    return await mirror.local(lambda: _changed(mirror.objects, old, new))


def _changed(objects: Objects, old: str, new: str) -> Changed:
    paths: set[str] = set()
    reshaped: set[str] = set()
    for path, before, after in _walk(objects, objects.root(old), objects.root(new), ""):
        paths.add(path)
        if before is None or after is None or before >> 12 != after >> 12:
            reshaped.add(path)
    return Changed(frozenset(paths), frozenset(reshaped))


def _walk(
    objects: Objects, old: str | None, new: str | None, above: str
) -> Iterator[tuple[str, int | None, int | None]]:
    """Pairs of modes of all files that differ below two directories; None where there is none."""
    if old == new:
        return
    before = objects.listing(old) if old is not None else {}
    after = objects.listing(new) if new is not None else {}
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        path = f"{above}{name}"
        old_tree = was[1] if was is not None and was[0] == DIRECTORY else None
        new_tree = now[1] if now is not None and now[0] == DIRECTORY else None
        if old_tree is not None or new_tree is not None:
            yield from _walk(objects, old_tree, new_tree, f"{path}/")
        old_file = was[0] if was is not None and old_tree is None else None
        new_file = now[0] if now is not None and new_tree is None else None
        if old_file is not None or new_file is not None:
            yield path, old_file, new_file
