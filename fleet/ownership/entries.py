"""managedFields read: our own entry, everybody's, and their field sets as sets of paths.

Contract: the input is the JSON of `metadata.managedFields` as an API server sent it. Its bytes are the same
in a GET, a list, a watch event and an apply's answer (seen on v1.36 for nineteen kinds), so a digest of the
raw fieldsV1 compares. What nests too deep to be read counts as no entries.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.model import Entry
from fleet.names import FIELD_MANAGER
from fleet.ownership.takeover import APPLY, taken

if TYPE_CHECKING:
    from collections.abc import Iterable

# One field: the steps from the object's root as fieldsV1 writes them, ("f:spec", "f:replicas").
Path = tuple[str, ...]

UPDATE = "Update"
_DIGEST_BYTES = 16
_SELF = "."
_NOTHING = msgspec.Raw(b"{}")


class ManagerEntry(msgspec.Struct, frozen=True):
    """One entry; `fields` is its fieldsV1 as JSON, `time` as the server wrote it (None: it wrote none)."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    api_version: str = msgspec.field(name="apiVersion", default="")
    time: str | None = None
    fields: msgspec.Raw = msgspec.field(name="fieldsV1", default=_NOTHING)

    @property
    def ours(self) -> bool:
        """Whether it is what our applies own: our name, by Apply, of the object itself."""
        return self.operation == APPLY and self.manager == FIELD_MANAGER and not self.subresource


class _Brief(msgspec.Struct, gc=False):
    """What the test for drift needs of an entry: less to decode for each watch event."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str | None = None
    fieldsV1: msgspec.Raw = _NOTHING  # noqa: N815 -- the wire's name; renaming costs at decode


_BRIEF = msgspec.json.Decoder(list[_Brief])
_WHOLE = msgspec.json.Decoder(list[ManagerEntry])


def entry(fields: bytes) -> Entry | None:
    """Digest and time of our Apply entry; None where there is none. Called for every event and answer."""
    try:
        records = _BRIEF.decode(fields)
    except (msgspec.DecodeError, RecursionError):
        return None
    ours: _Brief | None = None
    shared = False
    for record in records:
        if record.operation == APPLY and record.manager == FIELD_MANAGER and not record.subresource:
            ours = record
        elif taken(record.manager, record.operation, record.subresource):
            shared = True
    if ours is None:
        return None
    return Entry(sha256(ours.fieldsV1).digest()[:_DIGEST_BYTES], ours.time, shared)


def entries(fields: bytes) -> tuple[ManagerEntry, ...]:
    """All entries, in the server's order."""
    try:
        return tuple(_WHOLE.decode(fields))
    except (msgspec.DecodeError, RecursionError):
        return ()


def own(fields: bytes) -> ManagerEntry | None:
    """Our Apply entry, whole."""
    return next((one for one in entries(fields) if one.ours), None)


def paths(fields: bytes | msgspec.Raw) -> frozenset[Path]:
    """The paths that a fieldsV1 owns: leaves, and the containers that it owns themselves."""
    try:
        return paths_of(msgspec.json.decode(fields))
    except (msgspec.DecodeError, RecursionError):
        return frozenset()


def paths_of(tree: Any) -> frozenset[Path]:
    """`paths` of a fieldsV1 that is decoded already."""
    found: set[Path] = set()
    stack: list[tuple[Path, Any]] = [((), tree)]
    while stack:
        at, node = stack.pop()
        if not isinstance(node, dict) or not node:
            if at:
                found.add(at)
            continue
        for step, below in node.items():
            if step == _SELF:
                found.add(at)
            else:
                stack.append(((*at, step), below))
    return frozenset(found)


def encode(owned: Iterable[Path]) -> dict[str, Any]:
    """The fieldsV1 of these paths, as JSON to be written; the inverse of `paths_of`."""
    tree: dict[str, Any] = {}
    ends: set[Path] = set()
    for path in sorted(owned):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        ends.add(path)
    for path in ends:
        node = tree
        for step in path:
            node = node[step]
        if node:
            node[_SELF] = {}
    return tree


def leaves(owned: frozenset[Path]) -> frozenset[Path]:
    """Those with nothing owned below them."""
    inner = {path[:length] for path in owned for length in range(len(path))}
    return owned - inner


def dropped(old: bytes | msgspec.Raw, new: bytes | msgspec.Raw) -> frozenset[Path]:
    """What the fieldsV1 `old` owned and `new` does not."""
    return paths(old) - paths(new)
