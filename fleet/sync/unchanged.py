"""Whether an object is still what it was, as far as its metadata can tell.

Contract: pure. Every apply of some objects is a write (an empty list such as a NetworkPolicy's
``ingress: []`` is stored as absent), so an equal resourceVersion alone is too narrow: an object of which all
but our own entry's time is as it was counts as unchanged (D2, H10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from fleet import names

if TYPE_CHECKING:
    from fleet.model import Meta


def unchanged(before: Meta, after: Meta) -> bool:
    """Whether ``after`` says nothing new beyond resourceVersion and our entry's time."""
    return (
        before.uid == after.uid
        and before.labels == after.labels
        and before.annotations == after.annotations
        and before.owners == after.owners
        and before.deleting == after.deleting
        and (before.fields == after.fields or _timeless(before.fields) == _timeless(after.fields))
    )


def _timeless(fields: bytes) -> dict[tuple[str, str, str], Any]:
    """Sort the entries by who they are, ours without its time; their order goes by time and is nothing."""
    found: dict[tuple[str, str, str], Any] = {}
    for entry in orjson.loads(fields):
        who = (entry.get("manager", ""), entry.get("operation", ""), entry.get("subresource", ""))
        time = "" if who == (names.FIELD_MANAGER, "Apply", "") else entry.get("time", "")
        found[who] = (entry.get("apiVersion"), time, entry.get("fieldsV1"))
    return found
