"""Which files differ between two commits, by comparing their trees.

Contract: descends only into directories whose hash differs, through the process that is open anyway; no git
is started. Links are files here: what they lead to is their reader's to follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.errors import SourceError
from fleet.git.tree import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.git.mirror import Mirror
    from fleet.git.objects import Objects

# A tree may name one subtree a thousand times: what is compared is bounded, not what is stored.
MOST_PATHS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Changed:
    """Files added, changed or removed; ``reshaped`` are those that came, went or changed their type."""

    paths: frozenset[str]
    reshaped: frozenset[str]


class _Pair(NamedTuple):
    """A path and its mode and oid on both sides; None where it is not."""

    path: str
    before: tuple[int, str] | None
    after: tuple[int, str] | None


async def changed(mirror: Mirror, old: str, new: str) -> Changed:
    """What differs from ``old`` to ``new``.

    Raises `SourceError` where one of them is not in the mirror, or too much differs to be named: then
    everything may have changed.
    """
    return await mirror.local(lambda: between(mirror.objects, old, new))


def between(objects: Objects, old: str | None, new: str) -> Changed:
    """As ``changed``, blocking; without ``old``, all that ``new`` has came with it."""
    paths: set[str] = set()
    reshaped: set[str] = set()
    before_root = objects.root(old) if old is not None else None
    for path, before, after in _files(objects, before_root, objects.root(new)):
        paths.add(path)
        if before is None or after is None or before[0] >> 12 != after[0] >> 12:
            reshaped.add(path)
        if len(paths) > MOST_PATHS:
            raise SourceError(f"more than {MOST_PATHS} files differ between {old} and {new}")
    return Changed(frozenset(paths), frozenset(reshaped))


def _files(objects: Objects, old: str | None, new: str) -> Iterator[_Pair]:
    """All files that differ, a path that is a directory on one side as absent there."""
    folders = [_Pair("", (DIRECTORY, old) if old is not None else None, (DIRECTORY, new))]
    seen = 0
    while folders:
        above, old_tree, new_tree = folders.pop()
        seen += 1
        if seen > MOST_PATHS:
            raise SourceError(f"more than {MOST_PATHS} folders differ")
        before = objects.listing(old_tree[1]) if old_tree else {}
        after = objects.listing(new_tree[1]) if new_tree else {}
        for name in {**before, **after}:
            was, now = before.get(name), after.get(name)
            if was == now:
                continue
            path = f"{above}{name}"
            was_tree = was if was and was[0] == DIRECTORY else None
            now_tree = now if now and now[0] == DIRECTORY else None
            if was_tree or now_tree:
                folders.append(_Pair(f"{path}/", was_tree, now_tree))
            was_file = was if was is not was_tree else None
            now_file = now if now is not now_tree else None
            if was_file or now_file:
                yield _Pair(path, was_file, now_file)
