"""Which of a stranger's paths stand in the way of a refused apply (D2, "List keys").

Contract: pure; from the field that the server named and the paths that we own, a test for paths. A stranger
who changed a port's number holds a list item that we never had, and the server refuses to see both; one who
gave a variable another source holds a field beside ours that excludes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.ownership.fieldpath import ITEM, is_item, pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.ownership.entries import Path

# `spec.strategy.rollingUpdate` may take its neighbours along, `spec.clusterIP` not all of the spec.
_SHORTEST_MAP: Final = 2


def within(field: str, ours: frozenset[Path]) -> Callable[[Path], bool]:
    """The test: in the innermost list or map of `field`; without one, in any list of which we own an item."""
    prefixes = {path[:length] for path in ours for length in range(1, len(path) + 1)}
    if not field:
        lists = {path[:-1] for path in prefixes if is_item(path[-1])}
        return lambda path: any(is_item(step) and path[:at] in lists for at, step in enumerate(path))
    scope, least = _scope(pattern(field))
    return lambda path: len(path) >= least and _matches(path, scope, prefixes)


def _scope(steps: Path) -> tuple[Path, int]:
    """The steps that a path must begin with, and how many it must have at least."""
    if ITEM in steps:
        last = len(steps) - 1 - steps[::-1].index(ITEM)
        if len(steps) - last <= _SHORTEST_MAP:
            # An item, or a field of one: the items of that list, so something below the list itself.
            return steps[:last], last + 1
        return steps[:-1], len(steps)
    if len(steps) > _SHORTEST_MAP:
        return steps[:-1], len(steps)
    return steps, len(steps)


def _matches(path: Path, scope: Path, prefixes: set[Path]) -> bool:
    for at, wanted in enumerate(scope):
        if wanted != ITEM:
            if path[at] != wanted:
                return False
        # An error says which item by its place; only items that we own something of can be meant.
        elif not is_item(path[at]) or path[: at + 1] not in prefixes:
            return False
    return True
