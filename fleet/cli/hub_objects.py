"""What an installation makes on the hub's cluster besides the CRDs: account, rights, the API's token. Pure.

The rights are the least that a hub needs there: its own kinds everywhere, Events beside them, and within
its own namespace Secrets, Leases and the inventory of app-of-apps Applications. Each rule says what it is for.
Members are reached by credentials of their own.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from fleet import names

_RBAC: Final = "rbac.authorization.k8s.io"
LABELS: Final = {"app.kubernetes.io/name": names.PRODUCT, "app.kubernetes.io/managed-by": names.PRODUCT}
DISCOVERY: Final = f"{names.PRODUCT}-discovery"
_LOOK: Final = ("get", "list", "watch")


class Rule(NamedTuple):
    """A rule of RBAC, and what it is for."""

    why: str
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """The rule as it stands in a role."""
        named = {"resourceNames": list(self.names)} if self.names else {}
        return {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            **named,
            "verbs": list(self.verbs),
        }


CLUSTER_RULES: Final = (
    Rule(
        "What is wanted stands in these, in every namespace; apps of apps and registrations make, change and remove them.",
        names.GROUP,
        tuple(names.PLURALS.values()),
        (*_LOOK, "create", "patch", "delete"),
    ),
    Rule(
        "What has come of it is written there.",
        names.GROUP,
        tuple(f"{plural}/status" for plural in names.PLURALS.values()),
        ("patch",),
    ),
    Rule(
        "Who this hub is, and which cluster it runs on: the UIDs of its own namespace and of kube-system.",
        "",
        ("namespaces",),
        ("get",),
    ),
    Rule(
        "What happens to an Application or Cluster is told beside it.", "", ("events",), ("create", "patch")
    ),
    Rule(
        "Stores that ExternalSecrets name are looked up on the hub.",
        "external-secrets.io",
        ("secretstores", "clustersecretstores"),
        ("list", "watch"),
    ),
)
OWN_RULES: Final = (
    Rule(
        "Registrations, passwords of repositories, sealing keys, the API's token; what Git holds sealed for the hub becomes one.",
        "",
        ("secrets",),
        (*_LOOK, "create", "patch", "delete"),
    ),
    Rule(
        "The inventory of apps of apps, and the rings of sealing keys.",
        "",
        ("configmaps",),
        (*_LOOK, "create", "update", "patch", "delete"),
    ),
    Rule(
        "One process of several is active: whoever holds the Lease. (A name cannot be asked for where one is created.)",
        "coordination.k8s.io",
        ("leases",),
        ("create",),
    ),
    Rule("The same.", "coordination.k8s.io", ("leases",), ("get", "update"), (names.HUB_LEASE,)),
    Rule(
        "A Project is to Vault who its ServiceAccount is: the hub logs in with a token of it.",
        "",
        ("serviceaccounts/token",),
        ("create",),
    ),
)
# Bound to nobody: whoever lets the hub read Secrets of a namespace as a store binds it there.
SOURCE_RULES: Final = (
    Rule(
        "Secrets of a namespace that somebody offers as a store, by a RoleBinding there.",
        "",
        ("secrets",),
        ("get",),
    ),
)


def namespace(name: str) -> dict[str, Any]:
    """Give the hub's namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(LABELS)}}


def rights(place: str) -> Iterator[dict[str, Any]]:
    """Give the ServiceAccount of the hub in the namespace ``place`` and what it may do, in order."""
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(place)}
    for kind, where, name, rules in roles(place):
        metadata = {**meta(where), "name": name}
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": kind,
            "metadata": metadata,
            "rules": [rule.body for rule in rules],
        }
        if name != names.PRODUCT:
            continue
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": meta(where),
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": names.PRODUCT},
            "subjects": [{"kind": "ServiceAccount", "name": names.PRODUCT, "namespace": place}],
        }


def roles(place: str) -> Iterator[tuple[str, str, str, tuple[Rule, ...]]]:
    """Kind, namespace, name and rules of each role; all but the one for stores are bound to the hub's account."""
    yield "ClusterRole", "", f"{names.PRODUCT}-sources", SOURCE_RULES
    yield "ClusterRole", "", names.PRODUCT, CLUSTER_RULES
    yield "Role", place, names.PRODUCT, OWN_RULES


def discovery(place: str, namespace: str) -> Iterator[dict[str, Any]]:
    """Give what lets the hub of the namespace ``place`` find registrations among the Secrets of ``namespace``."""
    name = DISCOVERY
    metadata = {"name": name, "namespace": namespace, "labels": LABELS}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": list(_LOOK)}]
    yield {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": names.PRODUCT, "namespace": place}],
    }


def token(place: str, value: str) -> dict[str, Any]:
    """Give the Secret with the token of the hub's API."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": names.API_SECRET, "namespace": place, "labels": dict(LABELS)},
        "data": {"token": base64.b64encode(value.encode()).decode("ascii")},
    }


def meta(place: str) -> dict[str, Any]:
    """Give the metadata of what bears the product's name, in a namespace or (empty) in none."""
    metadata: dict[str, Any] = {"name": names.PRODUCT, "labels": dict(LABELS)}
    if place:
        metadata["namespace"] = place
    return metadata


def ours(body: Mapping[str, Any]) -> bool:
    """Whether an object was made by an installation, by its labels."""
    return LABELS.items() <= (body["metadata"].get("labels") or {}).items()
