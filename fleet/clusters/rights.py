"""What the hub's account on a member may do, by scope: the objects that grant it. Pure.

By default it may do everything. With ``IMPERSONATING`` it reads everything, keeps its own namespace, and writes
elsewhere only as the ServiceAccounts that Projects name: what these may do is for the cluster's administrators to say.
With namespaces it may do everything in these, and of what has no namespace it reads who the cluster is, and these
Namespaces. The ClusterRole for that names them: so it tells what was granted, also while that is being changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fleet.clusters.registration import Scope
from fleet.model import ObjectRef, Resource
from fleet.names import MEMBER_ACCOUNT, MEMBER_NAMESPACE

RBAC: Final = "rbac.authorization.k8s.io"
ADMIN: Final = "cluster-admin"
WITHIN: Final = f"{MEMBER_ACCOUNT}-namespaces"  # the role of an account that is limited to namespaces
BINDINGS: Final = Resource(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)
BINDING: Final = ObjectRef(RBAC, "ClusterRoleBinding", "", MEMBER_ACCOUNT)
ROLES: Final = Resource(RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False)
ROLE: Final = ObjectRef(RBAC, "ClusterRole", "", MEMBER_ACCOUNT)
READING: Final = ObjectRef(RBAC, "ClusterRole", "", WITHIN)
_KUBE_SYSTEM: Final = "kube-system"
OWN_ROLES: Final = Resource(RBAC, "v1", "Role", "roles", namespaced=True)
OWN_ROLE: Final = ObjectRef(RBAC, "Role", MEMBER_NAMESPACE, MEMBER_ACCOUNT)
OWN_BINDINGS: Final = Resource(RBAC, "v1", "RoleBinding", "rolebindings", namespaced=True)
OWN_BINDING: Final = ObjectRef(RBAC, "RoleBinding", MEMBER_NAMESPACE, MEMBER_ACCOUNT)

_WRITE: Final = ["get", "list", "watch", "create", "update", "patch", "delete"]
# Groups follow from the account by themselves, so no right to impersonate groups or users is needed.
_ACT: Final[dict[str, Any]] = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}
_READ_RULES: Final[list[dict[str, Any]]] = [
    # Watches, existence and drift of whatever Applications hold; shared by all teams, so they are the hub's own.
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
    _ACT,
]
_OWN_RULES: Final[list[dict[str, Any]]] = [
    # The inventory, the key of the digests, the Lease.
    {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": _WRITE},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": _WRITE},
    # Its own token renewed, its own account removed: cluster rotate, cluster revoke.
    {
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "resourceNames": [MEMBER_ACCOUNT],
        "verbs": ["create"],
    },
    {
        "apiGroups": [""],
        "resources": ["serviceaccounts"],
        "resourceNames": [MEMBER_ACCOUNT],
        "verbs": ["get", "delete"],
    },
]


# RBAC counts a Namespace among what is in it, so that this covers the object itself; the hub never writes it.
_ALL_RULES: Final[list[dict[str, Any]]] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def role(scope: Scope) -> str:
    """The ClusterRole that the account is bound to."""
    if scope.namespaces is not None:
        return WITHIN
    return MEMBER_ACCOUNT if scope.impersonates else ADMIN


def reading(namespaces: Iterable[str]) -> dict[str, Any]:
    """What an account that is limited to these namespaces may read beside them: that they are there, and who it is."""
    names = [_KUBE_SYSTEM, *sorted(set(namespaces) - {_KUBE_SYSTEM})]
    rule = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": names, "verbs": ["get"]}
    return {"rules": [rule]}


def read_namespaces(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The namespaces that such a ClusterRole names."""
    found = {
        str(name)
        for rule in body.get("rules") or ()
        if "namespaces" in (rule.get("resources") or ())
        for name in rule.get("resourceNames") or ()
    }
    return tuple(sorted(found - {_KUBE_SYSTEM}))


def inside(namespace: str) -> tuple[tuple[Resource, ObjectRef], tuple[Resource, ObjectRef]]:
    """The Role and the RoleBinding of the account in one of its namespaces."""
    return (
        (OWN_ROLES, ObjectRef(RBAC, "Role", namespace, WITHIN)),
        (OWN_BINDINGS, ObjectRef(RBAC, "RoleBinding", namespace, WITHIN)),
    )


def objects(scope: Scope) -> Iterator[tuple[Resource, ObjectRef, dict[str, Any]]]:
    """What grants it, in order: roles before their bindings."""
    if scope.namespaces is not None:
        yield ROLES, READING, reading(scope.namespaces)
        for namespace in scope.namespaces:
            (roles, role_ref), (bindings, binding) = inside(namespace)
            yield roles, role_ref, {"rules": _ALL_RULES}
            yield bindings, binding, _bound("Role", WITHIN)
    elif scope.impersonates:
        yield ROLES, ROLE, {"rules": _READ_RULES}
    if scope.namespaces is not None or scope.impersonates:
        # Who may act as any ServiceAccount needs no word on those of this namespace, which Projects name by a bare name.
        more = [] if scope.impersonates else [_ACT]
        yield OWN_ROLES, OWN_ROLE, {"rules": [*_OWN_RULES, *more]}
        yield OWN_BINDINGS, OWN_BINDING, _bound("Role", MEMBER_ACCOUNT)
    yield BINDINGS, BINDING, _bound("ClusterRole", role(scope))


def words(scope: Scope) -> tuple[str, ...]:
    """The same for people."""
    own = f"Role {MEMBER_ACCOUNT} in namespace {MEMBER_NAMESPACE}: the inventory, the Lease, a new token of its own"
    if scope.namespaces is not None:
        seen = ", ".join((_KUBE_SYSTEM, *scope.namespaces))
        return (
            f"ClusterRole {WITHIN}: to get the Namespaces {seen}, and nothing else that has no namespace",
            *(f"Role {WITHIN} in namespace {one}: everything in it" for one in scope.namespaces),
            f"{own}; to act as the ServiceAccounts there",
        )
    if not scope.impersonates:
        return (f"ClusterRoleBinding {MEMBER_ACCOUNT}: {ADMIN}, that is everything on the whole cluster",)
    return (
        f"ClusterRole {MEMBER_ACCOUNT}: to read everything, Secrets too, and to act as any ServiceAccount",
        own,
    )


def _bound(kind: str, name: str) -> dict[str, Any]:
    return {
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": MEMBER_ACCOUNT, "namespace": MEMBER_NAMESPACE}],
    }
