"""Letting the hub into a member: an account of its own there, what it may do, and a token; and undoing it.

Each step is a server-side apply or a delete that does nothing when it is done: run again after a failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from fleet.clusters import rights
from fleet.clusters.registration import IMPERSONATING, WHOLE, Scope
from fleet.errors import Conflict, Forbidden, NotFound, RegistrationError, ServerFailed
from fleet.kube import decode, paths
from fleet.kube.request import Request, Send
from fleet.model import ObjectRef, Resource
from fleet.names import FIELD_MANAGER, MEMBER_ACCOUNT, MEMBER_NAMESPACE, PRODUCT

_INSTALLED: Final = "app.kubernetes.io/name"  # what an installation has on it, and enrolling puts on nothing
TOKEN_SECONDS: Final = 30 * 24 * 3600
_NAMESPACES: Final = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
_TRIES: Final = 5
_ACCOUNTS: Final = Resource("", "v1", "ServiceAccount", "serviceaccounts", namespaced=True)
_NAMESPACE: Final = ObjectRef("", "Namespace", "", MEMBER_NAMESPACE)
_ACCOUNT: Final = ObjectRef("", "ServiceAccount", MEMBER_NAMESPACE, MEMBER_ACCOUNT)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the member granted: the token, when it ends (seconds since the epoch), and all of it in words."""

    token: str = field(repr=False)
    expires: float
    granted: tuple[str, ...]
    scope: Scope = WHOLE


async def enrol(send: Send, name: str, scope: Scope = WHOLE) -> Enrolled:
    """Make the hub's account on the member called ``name`` and get a token for it, for 30 days if the server agrees.

    ``send`` needs the rights of an administrator there. Namespaces of the scope have to be there; in those that it had
    before and has no more, the account loses its rights. Raises FleetError of the step that failed.
    """
    bound = await _bound(send)
    await _there(send, scope.namespaces or ())
    former = await _namespaces(send)
    await _apply(send, _NAMESPACES, _NAMESPACE, {})
    await _apply(send, _ACCOUNTS, _ACCOUNT, {"automountServiceAccountToken": False})
    if bound not in ("", rights.role(scope)):
        # What a binding is to cannot be changed. The other direction leaves the account without rights, not with more.
        await _delete(send, rights.BINDINGS, rights.BINDING)
    left = set(former) - set(scope.namespaces or ())
    if scope.namespaces is not None and left:
        # Until they are left, the role names them: who is cut off here still finds them the next time.
        await _apply(send, rights.ROLES, rights.READING, rights.reading({*former, *scope.namespaces}))
    for namespace in sorted(left):
        await _leave(send, namespace)
    for resource, ref, body in rights.objects(scope):
        await _apply(send, resource, ref, body)
    if scope.namespaces is None:
        await _delete(send, rights.ROLES, rights.READING)
    token, expires = await token_of(send, MEMBER_NAMESPACE)
    until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Enrolled(
        token,
        expires,
        (
            f"namespace {MEMBER_NAMESPACE} and in it ServiceAccount {MEMBER_ACCOUNT} on {name}",
            *rights.words(scope),
            *(f"nothing any more in namespace {one}" for one in sorted(left)),
            f"a token of this account, valid until {until}",
        ),
        scope,
    )


async def unenrol(send: Send) -> tuple[str, ...]:
    """Take back what ``enrol`` granted; what is deployed there stays. Says what was removed, in words.

    The rights go first: an account without them is harmless. So with the account's own token the second step is
    refused, and the account left; with an administrator's both go.
    """
    removed = []
    await _binding(send)
    try:
        limited = await _namespaces(send)
    except Forbidden:
        limited = ()  # its own token may not look: no account for namespaces, or one that may remove nothing either
    if await _delete(send, rights.BINDINGS, rights.BINDING):
        removed.append(f"ClusterRoleBinding {MEMBER_ACCOUNT}")
    try:
        removed += [f"Role {rights.WITHIN} in namespace {one}" for one in limited if await _leave(send, one)]
        for resource, ref in (
            (rights.OWN_BINDINGS, rights.OWN_BINDING),
            (rights.OWN_ROLES, rights.OWN_ROLE),
            (rights.ROLES, rights.ROLE),
            (rights.ROLES, rights.READING),
        ):
            if await _delete(send, resource, ref):
                removed.append(f"{ref.kind} {ref.name}")
        if await _delete(send, _ACCOUNTS, _ACCOUNT):
            removed.append(f"ServiceAccount {MEMBER_NAMESPACE}/{MEMBER_ACCOUNT} and its tokens")
    except Forbidden:
        # Its rights in namespaces do not hang on the binding that is gone.
        if limited or not removed:
            raise
    return tuple(removed)


async def stands(send: Send, scope: Scope) -> bool:
    """Whether the account is still bound in each namespace of the scope: one that was made anew has lost it."""
    for namespace in scope.namespaces or ():
        _, (bindings, ref) = rights.inside(namespace)
        try:
            await send(paths.get_meta(bindings, ref))
        except NotFound:
            return False
    return True


async def scope_of(send: Send, otherwise: Scope = WHOLE) -> Scope:
    """The scope that the account on the member has now; ``otherwise`` where it has none.

    Raises RegistrationError where it is limited to namespaces and nothing says any more to which.
    """
    bound = await _bound(send)
    if bound in ("", rights.WITHIN):
        found = await _namespaces(send)
        if not found and bound:
            raise RegistrationError(
                f"the account is limited to namespaces, and ClusterRole {rights.WITHIN}, which names them, is gone: name "
                "them again with 'fleethub cluster add --namespaces'"
            )
        return Scope(found) if found else otherwise
    return IMPERSONATING if bound == rights.role(IMPERSONATING) else WHOLE


async def _namespaces(send: Send) -> tuple[str, ...]:
    """The namespaces that the account has rights in, where it is limited to some; also while that is being changed."""
    try:
        answer = await send(
            Request("GET", paths.object_path(rights.ROLES, "", rights.WITHIN), ref=rights.READING)
        )
    except NotFound:
        return ()
    try:
        return rights.read_namespaces(json.loads(answer.body))
    except (ValueError, TypeError, AttributeError):
        raise ServerFailed("the answer is no ClusterRole", status=answer.status, ref=rights.READING) from None


async def _there(send: Send, namespaces: Iterable[str]) -> None:
    """Raise RegistrationError, which names them, where some namespaces are not there, before anything is made."""
    missing = []
    for name in namespaces:
        try:
            await send(paths.get_meta(_NAMESPACES, ObjectRef("", "Namespace", "", name)))
        except NotFound:
            missing.append(name)
    if missing:
        raise RegistrationError(
            f"the cluster has no namespace {', '.join(missing)}: make it first, or leave it out",
            field="namespaces",
        )


async def _leave(send: Send, namespace: str) -> bool:
    """Take the account's rights in one of its namespaces; whether there were any."""
    role, binding = rights.inside(namespace)
    bound = await _delete(send, *binding)
    return await _delete(send, *role) or bound


async def _bound(send: Send) -> str:
    """The ClusterRole that the account is bound to; empty where it is to none."""
    found = await _binding(send)
    if found is None:
        return ""
    try:
        return str(found["roleRef"]["name"])
    except (KeyError, TypeError):
        raise _no_binding() from None


async def _binding(send: Send) -> dict[str, Any] | None:
    """The account's ClusterRoleBinding.

    Raises RegistrationError where it is a hub's own: account, roles and bindings of an installed hub are called the same.
    """
    path = paths.object_path(rights.BINDINGS, "", rights.BINDING.name)
    try:
        answer = await send(Request("GET", path, ref=rights.BINDING))
    except NotFound:
        return None
    try:
        found: dict[str, Any] = json.loads(answer.body)
        labels = found["metadata"].get("labels") or {}
        installed = labels.get(_INSTALLED) == PRODUCT
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_binding() from None
    if installed:
        raise RegistrationError(
            f"a hub is installed on that cluster, and what is called {PRODUCT} there is its own: "
            "'fleethub install --register-self NAME' makes its own cluster a member; that of another hub cannot be one"
        )
    return found


def _no_binding() -> ServerFailed:
    return ServerFailed("the answer is no ClusterRoleBinding", status=200, ref=rights.BINDING)


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
    # The text of these may quote the answer.
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise ServerFailed("the answer is no TokenRequest", status=answer.status, ref=account) from None


async def _delete(send: Send, resource: Resource, ref: ObjectRef) -> bool:
    """Delete what is there now; False where nothing was. Tried anew when somebody else wrote meanwhile, a few times."""
    for left in range(_TRIES, 0, -1):
        try:
            found = decode.meta((await send(paths.get_meta(resource, ref))).body, resource)
            await send(paths.delete(resource, ref, uid=found.uid, version=found.version))
        except NotFound:
            return False
        except Conflict:
            if left == 1:
                raise
            continue
        return True
    return False
