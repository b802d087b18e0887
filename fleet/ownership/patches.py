"""JSON patches on managedFields: who owns what is changed, no value of the object is.

Contract: each function answers a list of operations for one PATCH (`application/json-patch+json`), or None
where there is nothing to do. The first operation tests the resourceVersion that the decision was made on: an
object written since refuses it with 422, and is read again. Pure; `sync` sends them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fleet.names import APPLYSET_PART_OF, CONTENT, FIELD_MANAGER, LAST_APPLIED, MANIFEST
from fleet.ownership import foreign
from fleet.ownership.entries import encode, paths_of
from fleet.ownership.kept import kept, passing
from fleet.ownership.strangers import within
from fleet.ownership.takeover import APPLY, taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.model import Meta, OwnerRef
    from fleet.ownership.entries import Path
    from fleet.ownership.foreign import Hands

Operation = dict[str, Any]
Record = dict[str, Any]

_FIELDS = "fieldsV1"
_OWNERS: Final = ("f:metadata", "f:ownerReferences")
_RECORDS = msgspec.json.Decoder(list[dict[str, Any]])


def merge(
    meta: Meta, adopt: frozenset[str] = frozenset(), *, only: Callable[[Path], bool] | None = None
) -> list[Operation] | None:
    """Merge the entries of the takeover list into ours, and drop kubectl's last-applied annotation (H4).

    After it the next apply removes whatever those managers held that is not in Git, but for what `kept`
    leaves with them. `adopt` names the tools whose entries may be taken too; `only` narrows the merge to some
    paths. None where no such entry holds anything.
    """
    return _taken(
        meta,
        lambda record, path: (
            _is_taken(record, adopt) and not kept(path, meta.ref) and (only is None or only(path))
        ),
    )


def adopt(
    meta: Meta, tools: frozenset[str], marks: frozenset[Path], maker: str = ""
) -> list[Operation] | None:
    """`merge` for an object that changes hands: `marks`, by which its former tool knows it, come along.

    Whoever holds a mark: the next apply takes it off unless Git has it, so that the former tool, when it is
    removed or prunes, does not take the object for its own. So does all that ``maker`` wrote, see `inherit`.
    """
    made = _made(meta, maker)
    return _taken(
        meta,
        lambda record, path: (
            not record.get("subresource")
            and (
                path in marks
                or ((_is_taken(record, tools) or _makes(record, made)) and not kept(path, meta.ref))
            )
        ),
    )


def inherit(meta: Meta, maker: str) -> list[Operation] | None:
    """Merge into ours what the controller of this kind wrote that made the object under its own name.

    Whatever it is called: it is whoever wrote the reference to its object. Else what Git drops would stay for good.
    """
    made = _made(meta, maker)
    return _taken(meta, lambda record, path: _makes(record, made) and not kept(path, meta.ref))


def disown(meta: Meta, kind: str) -> list[Operation] | None:
    """Take away the references to the controller of this kind that made the object under its own name."""
    at = [index for index, owner in enumerate(meta.owners) if made_by(meta, owner, kind)]
    if not at:
        return None
    if len(at) == len(meta.owners):
        return [_test(meta), {"op": "remove", "path": "/metadata/ownerReferences"}]
    return [
        _test(meta),
        *({"op": "remove", "path": f"/metadata/ownerReferences/{index}"} for index in reversed(at)),
    ]


def made_by(meta: Meta, owner: OwnerRef, kind: str) -> bool:
    """Whether the reference is to a controlling object of this kind and of the object's own name."""
    return owner.controller and owner.kind == kind and owner.name == meta.ref.name


def strip(meta: Meta, hands: Hands, refused: str = "") -> list[Operation] | None:
    """Merge into ours what people added by hand, and only that (H25): the next apply takes it away.

    `refused` is a field of which the server has said that it cannot go.
    """
    mine = next((record for record in _records(meta) if _is_ours(record)), None)
    if mine is None:
        return None
    known = foreign.holding(paths_of(mine.get(_FIELDS)))

    def given(record: Record, path: Path) -> bool:
        if record.get("subresource") or not hands.has(record.get("manager", "")):
            return False
        same = record.get("apiVersion") == mine.get("apiVersion")
        addition = path not in known and not passing(path)
        return addition and not foreign.left(path, meta.ref, same_version=same, refused=refused)

    return _taken(meta, given)


def back(meta: Meta, before: Meta) -> list[Operation] | None:
    """Give back what a patch since `before` moved into our entry: the apply that it was for is refused."""
    had = {_who(record): paths_of(record.get(_FIELDS)) for record in _records(before)}
    records = _records(meta)
    ours = next((record for record in records if _is_ours(record)), None)
    if ours is None:
        return None
    mine = paths_of(ours.get(_FIELDS))
    gained = mine - had.get(_who(ours), frozenset())
    owed = {who: lost for who, held in had.items() if who != _who(ours) and (lost := held & gained)}
    if not owed:
        return None
    returned = frozenset(path for lost in owed.values() for path in lost)
    told: list[Record] = []
    for record in records:
        held = paths_of(record.get(_FIELDS)) | owed.pop(_who(record), frozenset())
        if record is ours:
            held = mine - returned
        told.append({**record, _FIELDS: encode(held)})
    told += [
        {**record, _FIELDS: encode(owed[_who(record)])} for record in _records(before) if _who(record) in owed
    ]
    return [_test(meta), _replace(told)]


def move(meta: Meta, field: str = "", adopt: frozenset[str] = frozenset()) -> list[Operation] | None:
    """Move what a stranger holds in the list or map that the server refused our apply for into our entry.

    `field` is the refused field as the server names it (`spec.ports[1].name`). The stranger is whoever of the
    takeover list holds anything there, else the newest other manager that does. Without `field` the lists of
    which we own an item are meant. The apply that follows removes what is not ours. Each call that answers
    operations moves at least one path, so that trying again comes to an end.
    """
    records = _records(meta)
    ours = next((paths_of(record.get(_FIELDS)) for record in records if _is_ours(record)), frozenset())
    inside = within(field, ours)
    holders = [
        record
        for record in records
        if not _is_ours(record)
        and not record.get("subresource")
        and any(inside(path) and path not in ours for path in paths_of(record.get(_FIELDS)))
    ]
    chosen = [record for record in holders if _is_taken(record, adopt)]
    if not chosen:
        chosen = sorted(holders, key=lambda record: record.get("time", ""))[-1:]
    return _taken(meta, lambda record, path: record in chosen and inside(path))


def reversion(meta: Meta, api_version: str) -> list[Operation] | None:
    """Set the apiVersion of all entries (H22): one of an old version can block every apply at a newer one."""
    records = _records(meta)
    if all(record.get("apiVersion") == api_version for record in records):
        return None
    return [_test(meta), _replace([{**record, "apiVersion": api_version} for record in records])]


def orphan(meta: Meta, mark: str = "") -> list[Operation] | None:
    """Let the object go as it stands (H7): our entries, the part-of label and the manifest annotation.

    ``mark`` is an annotation that is set to ``true`` with it, for who takes the object over.
    """
    records = _records(meta)
    rest = [
        record for record in records if record.get("manager") != FIELD_MANAGER or record.get("subresource")
    ]
    operations: list[Operation] = []
    if len(rest) < len(records):
        # An empty list is refused nowhere but means "as before"; one empty entry clears them all.
        operations.append(_replace(rest or [{}]))
    if APPLYSET_PART_OF in meta.labels:
        operations.append(_remove("labels", APPLYSET_PART_OF))
    operations += [_remove("annotations", name) for name in (MANIFEST, CONTENT) if name in meta.annotations]
    if operations and mark:
        operations += _annotated(meta, mark)
    return [_test(meta), *operations] if operations else None


def mark(meta: Meta, name: str) -> list[Operation] | None:
    """Set an annotation to ``true``."""
    return None if meta.annotations.get(name) == "true" else [_test(meta), *_annotated(meta, name)]


def _taken(meta: Meta, given_by: Callable[[Record, Path], bool]) -> list[Operation] | None:
    """The patch that gives us those paths of others' records."""
    ours: Record | None = None
    gained: set[Path] = set()
    rest: list[Record] = []
    version = ""
    for record in _records(meta):
        if _is_ours(record):
            ours = record
            continue
        held = paths_of(record.get(_FIELDS))
        given = frozenset(path for path in held if given_by(record, path))
        if not given:
            rest.append(record)
            continue
        gained |= given
        version = record.get("apiVersion", version)
        if given != held:
            rest.append({**record, _FIELDS: encode(held - given)})
    if not gained:
        return None
    merged = ours or {"manager": FIELD_MANAGER, "operation": APPLY, "apiVersion": version}
    owned = paths_of(merged.get(_FIELDS, {})) | gained
    merged = {**merged, "fieldsType": "FieldsV1", _FIELDS: encode(owned)}
    operations = [_test(meta), _replace([merged, *rest])]
    if LAST_APPLIED in meta.annotations:
        operations.append(_remove("annotations", LAST_APPLIED))
    return operations


def _records(meta: Meta) -> list[Record]:
    """The entries as they stand, so that what is not ours goes back as it came."""
    try:
        return _RECORDS.decode(meta.fields)
    except (msgspec.DecodeError, RecursionError):
        return []


def _is_ours(record: Record) -> bool:
    return (
        record.get("manager") == FIELD_MANAGER
        and record.get("operation") == APPLY
        and not record.get("subresource")
    )


def _made(meta: Meta, kind: str) -> frozenset[Path]:
    """The fields of the references to controllers of this kind."""
    return frozenset(
        (*_OWNERS, f'k:{{"uid":"{owner.uid}"}}') for owner in meta.owners if made_by(meta, owner, kind)
    )


def _makes(record: Record, references: frozenset[Path]) -> bool:
    """Whether the entry holds one of these references."""
    return (
        bool(references)
        and not record.get("subresource")
        and any(path[: len(_OWNERS) + 1] in references for path in paths_of(record.get(_FIELDS)))
    )


def _who(record: Record) -> tuple[str, str, str, str]:
    """What makes two entries the same one."""
    return (
        record.get("manager", ""),
        record.get("operation", ""),
        record.get("subresource", ""),
        record.get("apiVersion", ""),
    )


def _is_taken(record: Record, adopt: frozenset[str]) -> bool:
    return taken(record.get("manager", ""), record.get("operation", ""), record.get("subresource", ""), adopt)


def _test(meta: Meta) -> Operation:
    return {"op": "test", "path": "/metadata/resourceVersion", "value": meta.version}


def _replace(records: list[Record]) -> Operation:
    return {"op": "replace", "path": "/metadata/managedFields", "value": records}


def _remove(member: str, key: str) -> Operation:
    return {"op": "remove", "path": f"/metadata/{member}/{_escaped(key)}"}


def _annotated(meta: Meta, name: str) -> list[Operation]:
    given: list[Operation] = []
    if not meta.annotations:
        given.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    return [*given, {"op": "add", "path": f"/metadata/annotations/{_escaped(name)}", "value": "true"}]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
