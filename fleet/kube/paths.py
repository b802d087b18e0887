"""The requests that the rooms above send, built from kind and name. Pure.

Contract: each builder returns one ``Request``; lists are complete (no limit), so that nobody takes a page for
the whole; ``listing`` pages. Every answer is metadata only. A name that would leave its place in the path is
refused with ManifestRefused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec

from fleet.errors import ManifestRefused
from fleet.kube.request import APPLY, DRY_RUN, JSON_PATCH, METADATA_ACCEPT, METADATA_LIST_ACCEPT, Request
from fleet.model import ObjectRef, Resource

_PLAIN = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9._:-]*")


def collection_path(resource: Resource, namespace: str | None) -> str:
    """Where the kind is listed: in one namespace, or everywhere (None, and for kinds without namespace)."""
    prefix = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    if namespace and resource.namespaced:
        return f"{prefix}/namespaces/{_segment(namespace)}/{resource.plural}"
    return f"{prefix}/{resource.plural}"


def object_path(resource: Resource, namespace: str, name: str) -> str:
    """Where one object is; ``namespace`` is ignored for a kind without."""
    if resource.namespaced and not namespace:
        raise ManifestRefused(f"{resource.kind} needs a namespace", field="metadata.namespace")
    return f"{collection_path(resource, namespace)}/{_segment(name)}"


def apply(
    resource: Resource,
    ref: ObjectRef,
    body: bytes,
    *,
    manager: str,
    force: bool = True,
    dry_run: bool = False,
) -> Request:
    """A server-side apply of ``body`` (JSON); a dry run is answered as if it had been done."""
    return Request(
        "PATCH",
        object_path(resource, ref.namespace, ref.name),
        query=_apply_query(manager, force=force, dry_run=dry_run),
        body=body,
        content_type=APPLY,
        accept=METADATA_ACCEPT,
        ref=ref,
    )


def trial(resource: Resource, ref: ObjectRef, body: bytes, *, manager: str) -> Request:
    """A dry run of making the object anew: where one of its name is there, the answer is AlreadyExists or why not."""
    return Request(
        "POST",
        collection_path(resource, ref.namespace),
        query=(("fieldManager", manager), DRY_RUN),
        body=body,
        accept=METADATA_ACCEPT,
        ref=ref,
    )


def get_meta(resource: Resource, ref: ObjectRef) -> Request:
    """The metadata of one object."""
    return Request("GET", object_path(resource, ref.namespace, ref.name), accept=METADATA_ACCEPT, ref=ref)


def list_meta(resource: Resource, namespace: str | None, selector: str = "") -> Request:
    """The metadata of all objects of a kind, in one answer; ``selector`` is a label selector."""
    query = (("labelSelector", selector),) if selector else ()
    return Request("GET", collection_path(resource, namespace), query=query, accept=METADATA_LIST_ACCEPT)


def delete(
    resource: Resource, ref: ObjectRef, *, uid: str, version: str, propagation: str = "Background"
) -> Request:
    """A delete of exactly the object that was looked at: another UID or resourceVersion answers 409."""
    options = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": propagation,
        "preconditions": {"uid": uid, "resourceVersion": version},
    }
    return Request(
        "DELETE",
        object_path(resource, ref.namespace, ref.name),
        body=msgspec.json.encode(options),
        accept=METADATA_ACCEPT,
        ref=ref,
    )


def json_patch(resource: Resource, ref: ObjectRef, ops: list[dict[str, Any]], manager: str) -> Request:
    """A JSON patch; a failed ``test`` in it answers 422."""
    return Request(
        "PATCH",
        object_path(resource, ref.namespace, ref.name),
        query=(("fieldManager", manager),),
        body=msgspec.json.encode(ops),
        content_type=JSON_PATCH,
        accept=METADATA_ACCEPT,
        ref=ref,
    )


def also(request: Request, *query: tuple[str, str]) -> Request:
    """The same request with more query parameters."""
    return replace(request, query=(*request.query, *query))


def _apply_query(manager: str, *, force: bool, dry_run: bool) -> tuple[tuple[str, str], ...]:
    query: tuple[tuple[str, str], ...] = (("fieldManager", manager),)
    if force:
        query += (("force", "true"),)
    return (*query, DRY_RUN) if dry_run else query


def _segment(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if value in ("", ".", "..") or "/" in value or "%" in value:
        raise ManifestRefused("a name or namespace that cannot stand in a path", field="metadata.name")
    return quote(value, safe="")
