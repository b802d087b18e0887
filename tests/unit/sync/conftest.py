"""Manifests and what they mean on a cluster, for the pure stages. `make` builds them; no server."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from fleet.model import Discovery, GroupKind, Manifest, Meta, ObjectRef, Origin, OwnerRef, Resource
from fleet.sync.scope import Placed

VERBS = frozenset({"get", "list", "patch"})


def _resource(group: str, kind: str, plural: str, *, namespaced: bool = True) -> Resource:
    return Resource(group, "v1", kind, plural, namespaced, VERBS)


class Make:
    """Builders; a kind's Resource is an attribute."""

    config_map = _resource("", "ConfigMap", "configmaps")
    secret = _resource("", "Secret", "secrets")
    service = _resource("", "Service", "services")
    lease = _resource("coordination.k8s.io", "Lease", "leases")
    namespace = _resource("", "Namespace", "namespaces", namespaced=False)
    deployment = _resource("apps", "Deployment", "deployments")
    cluster_role = _resource("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", namespaced=False)
    crd_kind = _resource(
        "apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
    )

    def discovery(self, *more: Resource, stale: frozenset[str] = frozenset()) -> Discovery:
        """What a small cluster serves, and ``more``."""
        own = (value for value in vars(Make).values() if isinstance(value, Resource))
        kinds: dict[GroupKind, tuple[Resource, ...]] = {}
        for resource in (*own, *more):
            key = GroupKind(resource.group, resource.kind)
            kinds[key] = (*kinds.get(key, ()), resource)
        return Discovery(kinds, stale)

    def manifest(self, resource: Resource, name: str = "web", namespace: str = "", **more: Any) -> Manifest:
        """A manifest; ``more`` is content of its body, with ``path`` and ``wave`` of the manifest itself."""
        path, wave = more.pop("path", "app.yaml"), more.pop("wave", 0)
        metadata = {"name": name, **more.pop("metadata", {})}
        if namespace:
            metadata["namespace"] = namespace
        version = f"{resource.group}/{resource.version}" if resource.group else resource.version
        body = {"apiVersion": version, "kind": resource.kind, "metadata": metadata, **more}
        ref = ObjectRef(resource.group, resource.kind, namespace, name)
        return Manifest(ref, resource.version, orjson.dumps(body), Origin(path), wave)

    def placed(self, resource: Resource, name: str = "web", namespace: str = "team", **more: Any) -> Placed:
        """A manifest as scope hands it on."""
        namespace = namespace if resource.namespaced else ""
        return Placed(self.manifest(resource, name, namespace, **more), resource)

    def crd(self, kind: str, plural: str, group: str, *versions: str, scope: str = "Namespaced") -> Manifest:
        """A CRD that serves ``versions``."""
        spec = {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": version, "served": True} for version in versions],
        }
        return self.manifest(self.crd_kind, f"{plural}.{group}", spec=spec, path="crd.yaml")

    def meta(self, resource: Resource, name: str = "web", **more: Any) -> Meta:
        """Metadata as read."""
        namespace = "team" if resource.namespaced else ""
        return Meta(
            ObjectRef(resource.group, resource.kind, namespace, name),
            uid=more.get("uid", "u1"),
            version=more.get("version", "1"),
            labels=more.get("labels", {}),
            annotations=more.get("annotations", {}),
            owners=tuple(OwnerRef(*owner) for owner in more.get("owners", ())),
            fields=orjson.dumps(more.get("fields", [])),
            deleting=more.get("deleting", False),
        )


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()
