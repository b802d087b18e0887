"""What belongs into a backup, what is left of it, and what is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from fleet import names
from fleet.backup import content
from fleet.backup.age import BackupUnreadable

PLACE = "fleethub"


def body(kind: str, name: str, **parts: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": PLACE,
        "uid": "u",
        "resourceVersion": "1",
        **parts.pop("metadata", {}),
    }
    version = names.API_VERSION if kind in names.HUB_KINDS else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


@pytest.mark.parametrize(
    ("kind", "name", "labels", "counted"),
    [
        ("Secret", "eu-token", {names.SECRET_TYPE: "cluster-credential"}, True),
        ("Secret", "git", {names.SECRET_TYPE: "repository", names.APPLYSET_PART_OF: "x"}, True),
        ("Secret", "key", {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}, True),
        ("Secret", "fleethub-api", {}, True),
        ("Secret", "fleethub-digest-key", {}, True),
        ("Secret", "somebody-elses", {}, False),
        ("ConfigMap", "fleethub-rings", {}, True),
        ("ConfigMap", "kube-root-ca.crt", {}, False),
        ("ServiceAccount", "fleethub-project-shop", {}, True),
        ("ServiceAccount", "default", {}, False),
        ("Application", "root", {}, True),
        ("Application", "child", {names.APPLYSET_PART_OF: "x"}, False),
        ("Project", "shop", {}, True),
        ("Project", "shop", {names.APPLYSET_PART_OF: "x"}, False),
        ("Project", "default", {names.APPLYSET_PART_OF: "x"}, True),
    ],
)
def test_what_git_gives_back_is_left_out_but_for_secrets(
    kind: str, name: str, labels: dict[str, str], *, counted: bool
) -> None:
    assert content.counts(body(kind, name, metadata={"labels": labels}), kind) is counted


def test_a_cluster_that_a_secret_makes_is_left_to_its_secret() -> None:
    made = body("Cluster", "eu", metadata={"annotations": {names.MADE_FROM: "eu-kubeconfig"}})
    assert not content.counts(made, "Cluster")


def test_what_such_a_cluster_says_besides_is_kept() -> None:
    owned = {"f:labels": {"f:env": {}}, "f:annotations": {f"f:{names.MADE_FROM}": {}}}
    made = {
        "labels": {"env": "prod"},
        "annotations": {names.MADE_FROM: "eu-kubeconfig", names.SYNC: "s"},
        "managedFields": [{"manager": names.REGISTRATION_MANAGER, "fieldsV1": {"f:metadata": owned}}],
    }
    spec = {"server": "https://eu.example", "paused": False, "namespaces": ["shop"]}
    assert not content.counts(body("Cluster", "eu", metadata=made, spec=spec), "Cluster")
    paused = body("Cluster", "eu", metadata=made, spec={**spec, "paused": True})
    labelled = {**made, "labels": {**made["labels"], "canary": "yes"}}  # type: ignore[dict-item]
    for one in (paused, body("Cluster", "eu", metadata=labelled, spec=spec)):
        assert content.counts(one, "Cluster")
        (found,) = content.unpack(content.pack([content.bare(one, "Cluster")], "now", PLACE), PLACE)
        assert found["metadata"]["annotations"] == {names.MADE_FROM: "eu-kubeconfig"}
        assert found["spec"] == one["spec"]
        assert "env" not in found["metadata"].get("labels", {})
    assert found["metadata"]["labels"] == {"canary": "yes"}


def test_what_asks_for_something_once_and_what_a_server_made_is_not_kept() -> None:
    annotations = {
        names.PIN: "p",
        names.SYNC: "s",
        names.CONFIRM: "c",
        names.TAKE_OVER: "t",
        names.ROTATE: "r",
    }
    root = body(
        "Application",
        "root",
        metadata={"annotations": annotations, "finalizers": ["x"], "labels": {"team": "a"}},
        spec={"project": "default"},
        status={"sync": "Synced"},
    )
    assert content.bare(root, "Application") == {
        "apiVersion": names.API_VERSION,
        "kind": "Application",
        "metadata": {
            "name": "root",
            "namespace": PLACE,
            "labels": {"team": "a"},
            "annotations": {names.PIN: "p"},
        },
        "spec": {"project": "default"},
    }


def test_what_is_packed_comes_back_for_another_namespace_secrets_first() -> None:
    items = [
        content.bare(body("Application", "root", spec={}), "Application"),
        content.bare(body("Secret", "fleethub-api", data={"token": "eA=="}), "Secret"),
    ]
    found = content.unpack(content.pack(items, "now", PLACE), "other")
    assert [(one["kind"], one["metadata"]["namespace"]) for one in found] == [
        ("Secret", "other"),
        ("Application", "other"),
    ]


def test_an_application_comes_back_in_its_own_namespace_whichever_is_the_hubs() -> None:
    own, team = body("Application", "root", spec={}), body("Application", "web", spec={})
    team["metadata"]["namespace"] = "shop"
    packed = content.pack([content.bare(one, "Application") for one in (own, team)], "now", PLACE)
    for place in (PLACE, "other"):
        found = [one["metadata"] for one in content.unpack(packed, place)]
        assert [(one["namespace"], one["name"]) for one in found] == [(place, "root"), ("shop", "web")]


def test_an_application_of_a_team_never_becomes_one_of_the_hubs_namespace() -> None:
    team = body("Application", "web", spec={}, metadata={"namespace": "shop"})
    packed = content.pack([content.bare(team, "Application")], "now", PLACE)
    with pytest.raises(content.BackupMisplaced, match=r"Application shop/web .* another --hub-namespace"):
        content.unpack(packed, "shop")


def test_a_file_of_before_namespaces_were_kept_comes_back_whole_in_the_hubs() -> None:
    items = [body("Secret", "fleethub-api"), body("Application", "root", spec={})]
    older = {"metadata": {"annotations": {content.FORMAT: "1"}}, "items": items}
    found = content.unpack(orjson.dumps(older), "other")
    assert [(one["kind"], one["metadata"]["namespace"]) for one in found] == [
        ("Secret", "other"),
        ("Application", "other"),
    ]


def test_secrets_come_back_in_their_order_and_without_what_no_backup_holds() -> None:
    labels = {"labels": {names.SECRET_TYPE: "cluster-credential"}}
    forged = {
        **labels,
        "finalizers": ["x"],
        "ownerReferences": [{"uid": "u"}],
        "annotations": {names.SYNC: "s"},
    }
    items = [body("Secret", "z", metadata=forged, status={}), body("Secret", "a", metadata=labels)]
    first, second = content.unpack(content.pack(items, "now", PLACE), PLACE)
    assert first == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "z", "namespace": PLACE, **labels},
    }
    assert second["metadata"]["name"] == "a"


@pytest.mark.parametrize(
    "odd",
    [
        b"no JSON",
        b"[]",
        orjson.dumps({"items": []}),
        orjson.dumps({"metadata": {"annotations": {content.FORMAT: "3"}}, "items": []}),
        content.pack([body("Secret", "somebody-elses")], "now", PLACE),
        content.pack([body("ClusterRoleBinding", "mine")], "now", PLACE),
        content.pack(["text"], "now", PLACE),  # type: ignore[list-item]
        content.pack([{"kind": ["Secret"]}], "now", PLACE),
        content.pack([{"apiVersion": "v1", "kind": "Secret"}], "now", PLACE),
        content.pack(
            [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "labels": ["y"]}}], "now", PLACE
        ),
        orjson.dumps({"metadata": {"annotations": {content.FORMAT: "1"}}, "items": None}),
        orjson.dumps({"metadata": {"annotations": {content.FORMAT: "2"}}, "items": []}),
        content.pack([], "now", ""),
        content.pack([body("Secret", "fleethub-api", metadata={"namespace": "shop"})], "now", PLACE),
        content.pack([body("Project", "shop", metadata={"namespace": "shop"})], "now", PLACE),
        content.pack([body("Application", "web", metadata={"namespace": ""})], "now", PLACE),
        content.pack([body("Application", "web", metadata={"namespace": ["shop"]})], "now", PLACE),
        b"[" * 200_000,
    ],
)
def test_what_is_no_backup_of_a_hub_is_refused_whole(odd: bytes) -> None:
    with pytest.raises(BackupUnreadable):
        content.unpack(odd, PLACE)


def test_labels_that_came_since_are_no_difference_and_other_content_is() -> None:
    wanted = content.bare(body("Secret", "fleethub-api", data={"token": "eA=="}), "Secret")
    same = body("Secret", "fleethub-api", data={"token": "eA=="}, metadata={"labels": {"new": "one"}})
    other = body("Secret", "fleethub-api", data={"token": "eQ=="})
    assert not content.differs(wanted, same)
    assert content.differs(wanted, other)
    put = content.over(wanted, other)
    assert (put["data"], put["metadata"]["resourceVersion"]) == ({"token": "eA=="}, "1")
