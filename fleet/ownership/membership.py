"""Members: which labelled objects are really of our sets (H1).

Contract: an object is a member only when our own Apply entry owns the part-of label and no controller owns
the object. Controllers copy labels (an EndpointSlice carries its Service's), so the label alone proves
nothing; the ownerReference alone does not tell a copied Endpoints, which has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fleet.names import APPLYSET_PART_OF, FIELD_MANAGER
from fleet.ownership.takeover import APPLY

if TYPE_CHECKING:
    from fleet.model import Meta


# A union of Raw and None decodes nothing but null, so absence has a value of its own.
_ABSENT: Final = msgspec.Raw(b"")


class _Labels(msgspec.Struct, gc=False):
    part_of: msgspec.Raw = msgspec.field(name=f"f:{APPLYSET_PART_OF}", default=_ABSENT)


class _Metadata(msgspec.Struct, gc=False):
    labels: _Labels | None = msgspec.field(name="f:labels", default=None)


class _Fields(msgspec.Struct, gc=False):
    metadata: _Metadata | None = msgspec.field(name="f:metadata", default=None)


class _Record(msgspec.Struct, gc=False):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    fieldsV1: _Fields | None = None  # noqa: N815 -- the wire's name


_RECORDS = msgspec.json.Decoder(list[_Record])


def member(meta: Meta, set_id: str | None = None) -> bool:
    """Whether the object is a member: of the set `set_id`, or of any of ours where that is None."""
    label = meta.labels.get(APPLYSET_PART_OF)
    if not label or (set_id is not None and label != set_id):
        return False
    return owns_label(meta.fields) and not any(owner.controller for owner in meta.owners)


def set_of(meta: Meta) -> str:
    """The set that the object's label names, whoever wrote it; empty where it has none."""
    return meta.labels.get(APPLYSET_PART_OF, "")


def owns_label(fields: bytes) -> bool:
    """Whether our Apply entry owns the part-of label; `fields` is the JSON of managedFields."""
    try:
        records = _RECORDS.decode(fields)
    except (msgspec.DecodeError, RecursionError):
        return False
    for record in records:
        if record.operation == APPLY and record.manager == FIELD_MANAGER and not record.subresource:
            metadata = record.fieldsV1.metadata if record.fieldsV1 else None
            labels = metadata.labels if metadata else None
            return labels is not None and labels.part_of is not _ABSENT
    return False
