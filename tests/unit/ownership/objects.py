"""Metadata as tests of ownership write them: managers and field sets, short."""

from __future__ import annotations

import json
from typing import Any

from fleet.model import Meta, ObjectRef, OwnerRef
from fleet.names import APPLYSET_PART_OF, FIELD_MANAGER, MANIFEST

SET = "applyset-abc-v1"
LABEL: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{APPLYSET_PART_OF}": {}}}}
REF = ObjectRef("apps", "Deployment", "team", "web")


def record(manager: str, operation: str, tree: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One entry as the server writes it."""
    time = {"time": "2026-01-01T00:00:10Z"}
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        **time,
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
        **more,
    }


def ours(tree: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Our Apply entry with the label and these fields."""
    return record(FIELD_MANAGER, "Apply", {**LABEL, **(tree or {})}, **more)


def meta(
    *records: dict[str, Any],
    ref: ObjectRef = REF,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    owners: tuple[OwnerRef, ...] = (),
    **more: Any,
) -> Meta:
    """An object's metadata; labelled and annotated as a member unless said otherwise."""
    return Meta(
        ref,
        more.pop("uid", "uid-1"),
        more.pop("version", "7"),
        {APPLYSET_PART_OF: SET} if labels is None else labels,
        {MANIFEST: "digest"} if annotations is None else annotations,
        owners,
        json.dumps(records, separators=(",", ":")).encode(),
        **more,
    )


def step(**keys: object) -> str:
    """The step to a list item by its keys."""
    return "k:" + json.dumps(keys, separators=(",", ":"))
