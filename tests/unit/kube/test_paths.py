"""fleet.kube.paths: values in, values out."""

from __future__ import annotations

import json

import pytest

from fleet.errors import ManifestRefused
from fleet.kube import paths
from fleet.kube.request import DRY_RUN
from fleet.model import ObjectRef, Resource

NAMESPACES = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
REF = ObjectRef("apps", "Deployment", "shop", "web")


def test_core_and_named_groups_have_their_own_roots(configmaps: Resource, deployments: Resource) -> None:
    assert paths.collection_path(configmaps, "shop") == "/api/v1/namespaces/shop/configmaps"
    assert paths.collection_path(deployments, None) == "/apis/apps/v1/deployments"


def test_a_kind_without_namespace_ignores_one() -> None:
    assert paths.object_path(NAMESPACES, "shop", "web") == "/api/v1/namespaces/web"


def test_names_with_colons_stand_as_they_are() -> None:
    roles = Resource("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
    assert paths.object_path(roles, "", "system:node").endswith("/clusterroles/system:node")


def test_odd_characters_are_encoded(configmaps: Resource) -> None:
    assert paths.object_path(configmaps, "shop", "a b?c#d").endswith("/a%20b%3Fc%23d")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a%2fb"])
def test_a_name_that_would_leave_its_place_is_refused(configmaps: Resource, name: str) -> None:
    with pytest.raises(ManifestRefused):
        paths.object_path(configmaps, "shop", name)


@pytest.mark.parametrize("namespace", [".", "..", "a/b"])
def test_so_is_a_namespace(configmaps: Resource, namespace: str) -> None:
    with pytest.raises(ManifestRefused):
        paths.object_path(configmaps, namespace, "x")


def test_a_namespaced_object_needs_its_namespace(configmaps: Resource) -> None:
    with pytest.raises(ManifestRefused):
        paths.object_path(configmaps, "", "x")


def test_an_apply_is_forced_and_answered_with_metadata(deployments: Resource) -> None:
    request = paths.apply(deployments, REF, b"{}", manager="fleethub")
    assert request.verb == "PATCH"
    assert dict(request.query) == {"fieldManager": "fleethub", "force": "true"}
    assert "PartialObjectMetadata;" in request.accept
    assert request.ref == REF
    assert request.writes


def test_a_dry_run_says_so(deployments: Resource) -> None:
    request = paths.apply(deployments, REF, b"{}", manager="fleethub", force=False, dry_run=True)
    assert DRY_RUN in request.query
    assert ("force", "true") not in request.query
    assert not request.writes


def test_a_delete_names_the_very_object_that_was_seen(deployments: Resource) -> None:
    request = paths.delete(deployments, REF, uid="u", version="7")
    body = json.loads(request.body or b"")
    assert body["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    assert body["propagationPolicy"] == "Background"


def test_a_list_is_complete(deployments: Resource) -> None:
    request = paths.list_meta(deployments, None, "a in (b)")
    assert dict(request.query) == {"labelSelector": "a in (b)"}
    assert "PartialObjectMetadataList" in request.accept


def test_a_json_patch_names_its_manager(deployments: Resource) -> None:
    request = paths.json_patch(deployments, REF, [{"op": "remove", "path": "/x"}], "fleethub")
    assert request.content_type == "application/json-patch+json"
    assert json.loads(request.body or b"") == [{"op": "remove", "path": "/x"}]
    assert request.query == (("fieldManager", "fleethub"),)
