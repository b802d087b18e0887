"""Letting the hub into a member: an account of its own there, what it may do, and a token; and undoing it.

Each step is a server-side apply or a delete that does nothing when it is done: run again after a failure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from fleet.clusters import rights
from fleet.clusters.registration import IMPERSONATING, WHOLE, Scope
from fleet.errors import Conflict, Forbidden, NotFound, RegistrationError, ServerFailed
from fleet.kube import paths
from fleet.kube.request import Request, Send
from fleet.model import ObjectRef, Resource
from fleet.names import FIELD_MANAGER, MEMBER_ACCOUNT, MEMBER_NAMESPACE, PRODUCT, SELF_NAMESPACE

TOKEN_SECONDS: Final = 30 * 24 * 3600
_NAMESPACES: Final = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
_ACCOUNTS: Final = Resource("", "v1", "ServiceAccount", "serviceaccounts", namespaced=True)
_NAMESPACE: Final = ObjectRef("", "Namespace", "", MEMBER_NAMESPACE)
_ACCOUNT: Final = ObjectRef("", "ServiceAccount", MEMBER_NAMESPACE, MEMBER_ACCOUNT)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the member granted: the token, when it ends (seconds since the epoch), and all of it in words."""

    token: str = field(repr=False)
    expires: float
    granted: tuple[str, ...]


async def enrol(send: Send, name: str, scope: Scope = WHOLE) -> Enrolled:
    """Make the hub's account on the member called ``name`` and get a token for it, for 30 days if the server agrees.

    ``send`` needs the rights of an administrator there. Raises FleetError of the step that failed.
    """
    if scope.namespaces is not None:
        raise RegistrationError(
            "a registration reaches the whole cluster; a list of namespaces is not yet supported"
        )
    binding = await _binding(send)
    if _of_a_hub(binding):
        raise RegistrationError(
            "a hub is installed on this cluster, and its account would become the member's, with all its rights: "
            "'fleethub install --register-self NAME' registers a hub's own cluster, and renews its token"
        )
    await _apply(send, _NAMESPACES, _NAMESPACE, {})
    await _apply(send, _ACCOUNTS, _ACCOUNT, {"automountServiceAccountToken": False})
    bound = _role(binding)
    if bound not in ("", rights.role(scope)):
        # What a binding is to cannot be changed. The other direction leaves the account without rights, not with more.
        await _delete(send, rights.BINDINGS, rights.BINDING)
    for resource, ref, body in rights.objects(scope):
        await _apply(send, resource, ref, body)
    token, expires = await token_of(send, MEMBER_NAMESPACE)
    until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Enrolled(
        token,
        expires,
        (
            f"namespace {MEMBER_NAMESPACE} and in it ServiceAccount {MEMBER_ACCOUNT} on {name}",
            *rights.words(scope),
            f"a token of this account, valid until {until}",
        ),
    )


async def unenrol(send: Send) -> tuple[str, ...]:
    """Take back what ``enrol`` granted; what is deployed there stays. Says what was removed, in words.

    The rights go first: an account without them is harmless. So with the account's own token the second step is
    refused, and the account left; with an administrator's both go. On a hub's own cluster the account of the member goes,
    and the hub's stays.
    """
    removed = []
    if _of_a_hub(await _binding(send)):
        if await _delete(send, rights.BINDINGS, rights.BINDING._replace(name=SELF_NAMESPACE)):
            removed.append(f"ClusterRoleBinding {SELF_NAMESPACE}")
        if await void(send, SELF_NAMESPACE):
            removed.append(f"ServiceAccount {SELF_NAMESPACE}/{MEMBER_ACCOUNT} and its tokens")
        return tuple(removed)
    if await _delete(send, rights.BINDINGS, rights.BINDING):
        removed.append(f"ClusterRoleBinding {MEMBER_ACCOUNT}")
    try:
        for resource, ref in (
            (rights.OWN_BINDINGS, rights.OWN_BINDING),
            (rights.OWN_ROLES, rights.OWN_ROLE),
            (rights.ROLES, rights.ROLE),
        ):
            if await _delete(send, resource, ref):
                removed.append(f"{ref.kind} {MEMBER_ACCOUNT}")
        if await _delete(send, _ACCOUNTS, _ACCOUNT):
            removed.append(f"ServiceAccount {MEMBER_NAMESPACE}/{MEMBER_ACCOUNT} and its tokens")
    except Forbidden:
        if not removed:
            raise
    return tuple(removed)


async def scope_of(send: Send) -> Scope:
    """The scope that the account on the member has now; that of the whole cluster where it has none."""
    return IMPERSONATING if _role(await _binding(send)) == rights.role(IMPERSONATING) else WHOLE


async def _binding(send: Send) -> Mapping[str, Any] | None:
    """The binding of the account's name, its labels and its role read; None where there is none."""
    path = paths.object_path(rights.BINDINGS, "", rights.BINDING.name)
    try:
        answer = await send(Request("GET", path, ref=rights.BINDING))
    except NotFound:
        return None
    try:
        body = json.loads(answer.body)
        labels = dict(body["metadata"].get("labels") or {})
        return {"labels": labels, "role": str((body.get("roleRef") or {}).get("name", ""))}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ServerFailed(
            "the answer is no ClusterRoleBinding", status=answer.status, ref=rights.BINDING
        ) from None


def _role(binding: Mapping[str, Any] | None) -> str:
    return str(binding["role"]) if binding is not None else ""


def _of_a_hub(binding: Mapping[str, Any] | None) -> bool:
    """Whether the binding is what an installation of a hub made for itself: that has the product's name on it."""
    return binding is not None and binding["labels"].get("app.kubernetes.io/name") == PRODUCT


async def void(send: Send, place: str) -> bool:
    """Delete the hub's account in that namespace, by which each of its tokens is void; False where there is none.

    An API server that has just looked at a token believes in it for some seconds more.
    """
    return await _delete(send, _ACCOUNTS, _ACCOUNT._replace(namespace=place))


async def _apply(send: Send, resource: Resource, ref: ObjectRef, rest: Mapping[str, Any]) -> None:
    metadata: dict[str, Any] = {"name": ref.name, "labels": {"app.kubernetes.io/managed-by": PRODUCT}}
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    version = f"{ref.group}/{resource.version}" if ref.group else resource.version
    body = {"apiVersion": version, "kind": ref.kind, "metadata": metadata, **rest}
    await send(paths.apply(resource, ref, json.dumps(body).encode(), manager=FIELD_MANAGER))


async def token_of(send: Send, place: str) -> tuple[str, float]:
    """A new token of the hub's account in that namespace of the member, and when it ends (seconds since the epoch).

    For 30 days, or as long as the member grants. The account itself may ask for it, with a token that still counts.
    """
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    account = _ACCOUNT._replace(namespace=place)
    path = f"{paths.object_path(_ACCOUNTS, place, account.name)}/token"
    answer = await send(Request("POST", path, body=json.dumps(asked).encode(), ref=account))
    try:
        status = json.loads(answer.body)["status"]
        return str(status["token"]), datetime.fromisoformat(status["expirationTimestamp"]).timestamp()
    except (ValueError, KeyError, TypeError):  # the text of these may quote the answer
        raise ServerFailed("the answer is no TokenRequest", status=answer.status, ref=account) from None


async def _delete(send: Send, resource: Resource, ref: ObjectRef) -> bool:
    """Delete what is there now; False where nothing was. Tried anew when somebody else wrote meanwhile."""
    while True:
        try:
            answer = await send(paths.get_meta(resource, ref))
            metadata = json.loads(answer.body)["metadata"]
            await send(paths.delete(resource, ref, uid=metadata["uid"], version=metadata["resourceVersion"]))
        except NotFound:
            return False
        except Conflict:
            continue
        return True
