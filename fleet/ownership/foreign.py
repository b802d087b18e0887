"""Fields that people added by hand to an object of ours (H25): no drift, but worth knowing.

Contract: pure; told from managedFields alone, so what metadata-only watches bring is enough. By hand writes
whoever is on the list of interactive managers: `kubectl*`, and what the hub's settings add. Controllers,
injectors and operators are not on it, so nothing of theirs is ever foreign. Nor are entries of a subresource,
a status, or the request to restart that `kubectl rollout restart` leaves behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.model import Foreign
from fleet.ownership.entries import entries, leaves, paths
from fleet.ownership.fieldpath import ITEM, is_item, pattern, readable
from fleet.ownership.kept import kept, passing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.model import ObjectRef
    from fleet.ownership.entries import Path

MAX_FIELDS: Final = 20
# Always on the list of interactive managers; a trailing * stands for any rest.
KUBECTL: Final = "kubectl*"

NEEDED: Final = "the object may need it, so it stays"
REFUSED: Final = "the API server refuses to take it away"
OTHER_VERSION: Final = "it was written at another version of the kind, so it stays"


class Hands:
    """Who writes by hand: names of field managers, each with or without a trailing `*`."""

    __slots__ = ("_exact", "_needles", "_prefixes")

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        every = {KUBECTL, *patterns}
        self._exact = frozenset(one for one in every if not one.endswith("*"))
        self._prefixes = tuple(sorted(one[:-1] for one in every if one.endswith("*")))
        self._needles = tuple(one.rstrip("*").encode() for one in every)

    def has(self, manager: str) -> bool:
        """Whether that manager is a person's tool."""
        return manager in self._exact or manager.startswith(self._prefixes)

    def absent(self, fields: bytes) -> bool:
        """Whether the JSON of managedFields surely has none of them; far cheaper than to read it."""
        return not any(needle in fields for needle in self._needles)


def found(ref: ObjectRef, fields: bytes, hands: Hands, refused: str = "") -> tuple[Foreign, ...]:
    """What people added to an object of ours, one value a manager, sorted; empty where it is not ours.

    `why` says of fields that `automated.strict` would leave them, and for what reason. `refused` is a field, as
    the API server names it, of which the server has said that it cannot go.
    """
    if hands.absent(fields):
        return ()
    everybody = entries(fields)
    mine = next((one for one in everybody if one.ours), None)
    if mine is None:
        return ()
    ours = paths(mine.fields)
    known = holding(ours)
    told: dict[tuple[str, str], tuple[str, set[str]]] = {}
    for one in everybody:
        if one.ours or one.subresource or not hands.has(one.manager):
            continue
        for path in leaves(paths(one.fields) - known):
            if passing(path):
                continue
            why = left(path, ref, same_version=one.api_version == mine.api_version, refused=refused)
            at, names = told.get((one.manager, why), ("", set()))
            names.add(readable(_shown(path, known)))
            told[one.manager, why] = max(at, one.time or ""), names
    return tuple(
        Foreign(ref, manager, at, tuple(sorted(names))[:MAX_FIELDS], max(0, len(names) - MAX_FIELDS), why)
        for (manager, why), (at, names) in sorted(told.items())
    )


def holding(ours: frozenset[Path]) -> frozenset[Path]:
    """Our paths and all that they lie in: what others hold of these is no addition."""
    return frozenset(path[:length] for path in ours for length in range(1, len(path) + 1))


def same(left: Iterable[Foreign], right: Iterable[Foreign]) -> bool:
    """Whether both tell of the same fields of the same managers."""
    return _fields(left) == _fields(right)


def left(path: Path, ref: ObjectRef, *, same_version: bool, refused: str = "") -> str:
    """Why a foreign field may not be taken away; empty where it may."""
    if kept(path, ref):
        return NEEDED
    if refused and _under(path, pattern(refused)):
        return f"{REFUSED} ({refused})"
    # A path means something at its own version alone, but for metadata, which all versions share.
    return "" if same_version or path[0] == "f:metadata" else OTHER_VERSION


def _under(path: Path, steps: Path) -> bool:
    return len(path) >= len(steps) and all(
        is_item(step) if wanted == ITEM else step == wanted for step, wanted in zip(path, steps, strict=False)
    )


def _fields(told: Iterable[Foreign]) -> set[tuple[str, str]]:
    return {(one.manager, field) for one in told for field in one.fields}


def _shown(path: Path, known: frozenset[Path]) -> Path:
    """The path as people think of it: a list item that is not ours is one addition, not one a field of it."""
    for at, step in enumerate(path, 1):
        if is_item(step) and path[:at] not in known:
            return path[:at]
    return path
