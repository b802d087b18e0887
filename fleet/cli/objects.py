"""Objects on the hub's API server, as dicts: the least that verbs need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fleet import names
from fleet.cli.errors import CliError
from fleet.errors import Conflict, KindUnknown, NotFound
from fleet.kube import decode, paths
from fleet.kube.request import MERGE_PATCH, Request, Send
from fleet.model import ObjectRef, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGER: Final = "fleethub-cli"
PAGE: Final = "500"

SECRET: Final = "Secret"  # noqa: S105 (a kind)
LEASE: Final = "Lease"
CONFIG_MAP: Final = "ConfigMap"

_RBAC: Final = "rbac.authorization.k8s.io"
_SEVERAL: Final = (
    Resource("", "v1", SECRET, "secrets", namespaced=True),
    Resource("", "v1", CONFIG_MAP, "configmaps", namespaced=True),
    Resource("", "v1", "Namespace", "namespaces", namespaced=False),
    Resource("", "v1", "ServiceAccount", "serviceaccounts", namespaced=True),
    Resource("", "v1", "Service", "services", namespaced=True),
    Resource("apps", "v1", "Deployment", "deployments", namespaced=True),
    Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", namespaced=True),
    Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", namespaced=True),
    Resource("coordination.k8s.io", "v1", LEASE, "leases", namespaced=True),
    Resource(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False),
    Resource(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Resource(_RBAC, "v1", "Role", "roles", namespaced=True),
    Resource(_RBAC, "v1", "RoleBinding", "rolebindings", namespaced=True),
    Resource(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
    ),
)
RESOURCES: Final[Mapping[str, Resource]] = {
    **{one.kind: one for one in _SEVERAL},
    **{
        kind: Resource(names.GROUP, names.VERSION, kind, plural, namespaced=True)
        for kind, plural in names.PLURALS.items()
    },
}


class At(NamedTuple):
    """Where an object is; ``namespace`` is empty for a kind without."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


async def get(send: Send, at: At) -> dict[str, Any]:
    """Read one object. CliError where there is none, NotFound never."""
    found = await find(send, at)
    if found is None:
        verb = {names.APPLICATION: "app", names.CLUSTER: "cluster", names.PROJECT: "project"}.get(at.kind)
        raise CliError(f"there is no {at} on this hub", hint=f"See 'fleethub {verb} list'" if verb else "")
    return found


async def find(send: Send, at: At) -> dict[str, Any] | None:
    """Read one object, or None."""
    path = _path(at)
    try:
        answer = await send(Request("GET", path, ref=_ref(at)))
    except NotFound:
        return None
    return _body(answer.body)


async def listed(send: Send, kind: str, namespace: str | None, selector: str = "") -> list[dict[str, Any]]:
    """Read all objects of a kind, in one namespace or everywhere, by namespace and name."""
    resource = RESOURCES[kind]
    base = (("limit", PAGE), *((("labelSelector", selector),) if selector else ()))
    found: list[dict[str, Any]] = []
    more: tuple[tuple[str, str], ...] = ()
    while True:
        request = Request("GET", paths.collection_path(resource, namespace), query=base + more)
        try:
            page = _body((await send(request)).body)
        except NotFound:
            raise KindUnknown(f"this cluster does not know the kind {kind}") from None
        found += page.get("items") or []
        rest = page.get("metadata", {}).get("continue")
        if not rest:
            return sorted(
                found, key=lambda one: (one["metadata"].get("namespace", ""), one["metadata"]["name"])
            )
        more = (("continue", rest),)


async def patch(send: Send, at: At, change: Mapping[str, Any]) -> dict[str, Any]:
    """Merge ``change`` into an object; null removes. CliError where there is none."""
    request = Request(
        "PATCH",
        _path(at),
        query=(("fieldManager", MANAGER),),
        body=json.dumps(change).encode(),
        content_type=MERGE_PATCH,
        ref=_ref(at),
    )
    try:
        return _body((await send(request)).body)
    except NotFound:
        return await get(send, at)


async def annotate(send: Send, at: At, annotations: Mapping[str, str | None]) -> dict[str, Any]:
    """Set annotations; None removes one."""
    return await patch(send, at, {"metadata": {"annotations": annotations}})


async def apply(send: Send, body: Mapping[str, Any]) -> dict[str, Any]:
    """Apply an object under the command line's own manager, with force; gives its metadata."""
    kind, metadata = body["kind"], body["metadata"]
    at = At(kind, metadata.get("namespace", ""), metadata["name"])
    request = paths.apply(RESOURCES[kind], _ref(at), json.dumps(body).encode(), manager=MANAGER)
    return _body((await send(request)).body)


async def create(send: Send, body: Mapping[str, Any]) -> bool:
    """Make an object that is not there; False, and nothing done, where it is."""
    kind, metadata = body["kind"], body["metadata"]
    namespace = metadata.get("namespace", "")
    request = Request(
        "POST",
        paths.collection_path(RESOURCES[kind], namespace or None),
        query=(("fieldManager", MANAGER),),
        body=json.dumps(body).encode(),
        ref=_ref(At(kind, namespace, metadata["name"])),
    )
    try:
        await send(request)
    except Conflict:
        return False
    return True


async def replace(send: Send, body: Mapping[str, Any]) -> None:
    """Put a whole object in the place of the one that was read; Conflict where somebody else wrote first."""
    kind, metadata = body["kind"], body["metadata"]
    at = At(kind, metadata.get("namespace", ""), metadata["name"])
    query = (("fieldManager", MANAGER),)
    await send(Request("PUT", _path(at), query=query, body=json.dumps(body).encode(), ref=_ref(at)))


async def delete(send: Send, at: At) -> bool:
    """Delete an object; False where there is none."""
    path = _path(at)
    try:
        await send(Request("DELETE", path, ref=_ref(at)))
    except NotFound:
        return False
    return True


def condition(body: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Give a condition of an object's status; empty where it has none."""
    for one in (body.get("status") or {}).get("conditions") or []:
        if one.get("type") == kind:
            found: Mapping[str, Any] = one
            return found
    return {}


def misshapen(body: Mapping[str, Any]) -> str:
    """Give the field of a Secret or ConfigMap from a file that is not of its type; empty where all are."""
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        return "metadata"
    for name in ("name", "namespace"):
        if not isinstance(metadata.get(name) or "", str):
            return f"metadata.{name}"
    tables = {f"metadata.{name}": metadata.get(name) for name in ("labels", "annotations")}
    tables |= {name: body.get(name) for name in ("data", "stringData")}
    for name, table in tables.items():
        if not isinstance(table or {}, dict) or not all(
            isinstance(one, str) for one in (table or {}).values()
        ):
            return name
    return ""


def _path(at: At) -> str:
    return paths.object_path(RESOURCES[at.kind], at.namespace, at.name)


def _ref(at: At) -> ObjectRef:
    return ObjectRef(RESOURCES[at.kind].group, at.kind, at.namespace, at.name)


def _body(raw: bytes) -> dict[str, Any]:
    value = decode.value(raw)
    if not isinstance(value, dict):
        raise CliError("the server's answer is no object", hint="Check the server's URL")
    return value
