"""What an installation makes on the hub's cluster besides the CRDs: account, rights, the API's token. Pure.

The rights are the least that a hub needs there: its own kinds everywhere, Events beside them, and within
its own namespace Secrets, Leases and the inventory of app-of-apps Applications. Members are reached by
credentials of their own.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

from fleet import names

_RBAC: Final = "rbac.authorization.k8s.io"
_LABELS: Final = {"app.kubernetes.io/name": names.PRODUCT, "app.kubernetes.io/managed-by": names.PRODUCT}
_LOOK: Final = ["get", "list", "watch"]
_WRITE: Final = [*_LOOK, "create", "update", "patch", "delete"]

CLUSTER_RULES: Final[list[dict[str, Any]]] = [
    {"apiGroups": [names.GROUP], "resources": ["*"], "verbs": _WRITE},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": [*_LOOK, "create", "patch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": _LOOK},
    {
        "apiGroups": ["external-secrets.io"],
        "resources": ["secretstores", "clustersecretstores"],
        "verbs": _LOOK,
    },
]
OWN_RULES: Final[list[dict[str, Any]]] = [
    {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": _WRITE},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": _WRITE},
    # A Project is to Vault who its ServiceAccount is: the hub logs in with a token of it.
    {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
]
# Bound to nobody: whoever lets the hub read Secrets of a namespace as a store binds it there.
SOURCE_RULES: Final[list[dict[str, Any]]] = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]


def namespace(name: str) -> dict[str, Any]:
    """Give the hub's namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": _LABELS}}


def rights(place: str) -> Iterator[dict[str, Any]]:
    """Give the ServiceAccount of the hub in the namespace ``place`` and what it may do, in order."""
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(place)}
    sources = {"name": f"{names.PRODUCT}-sources", "labels": _LABELS}
    yield {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": sources, "rules": SOURCE_RULES}
    for kind, where, rules in (("ClusterRole", "", CLUSTER_RULES), ("Role", place, OWN_RULES)):
        yield {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": _meta(where), "rules": rules}
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": _meta(where),
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": names.PRODUCT},
            "subjects": [{"kind": "ServiceAccount", "name": names.PRODUCT, "namespace": place}],
        }


def discovery(place: str, namespace: str) -> Iterator[dict[str, Any]]:
    """Give what lets the hub of the namespace ``place`` find registrations among the Secrets of ``namespace``."""
    name = f"{names.PRODUCT}-discovery"
    metadata = {"name": name, "namespace": namespace, "labels": _LABELS}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": _LOOK}]
    yield {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": names.PRODUCT, "namespace": place}],
    }


def root(place: str, source: tuple[str, str, str]) -> dict[str, Any]:
    """Give the app of apps from which the hub takes everything else; ``source`` is URL, path and revision."""
    url, path, revision = source
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.APPLICATION,
        "metadata": {"name": "root", "namespace": place, "labels": _LABELS},
        "spec": {
            "source": {"repoURL": url, "path": path, "targetRevision": revision},
            "placement": {"hub": True},
            "namespace": place,
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


def token(place: str, value: str) -> dict[str, Any]:
    """Give the Secret with the token of the hub's API."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": names.API_SECRET, "namespace": place, "labels": _LABELS},
        "data": {"token": base64.b64encode(value.encode()).decode("ascii")},
    }


def _meta(place: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": names.PRODUCT, "labels": _LABELS}
    if place:
        metadata["namespace"] = place
    return metadata
