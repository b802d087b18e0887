"""Which clusters an Application goes to."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.placement.place import Placed, namespace, place, server_key
from tests.unit.placement.fleet import application, cluster

CLUSTERS = (cluster("us-1", env="prod"), cluster("eu-1", env="prod"), cluster("lab", env="test"))


def placed(*names: str) -> Placed:
    return Placed(names)


def by(**placement: Any) -> Placed:
    return place(application(placement=placement), CLUSTERS)


def to(**destination: Any) -> Placed:
    return place(application(destination=destination), CLUSTERS)


def test_clusters_are_chosen_by_name_each_once_and_in_order() -> None:
    assert by(clusters=["us-1", "eu-1", "us-1"]) == placed("eu-1", "us-1")


def test_clusters_are_chosen_by_label() -> None:
    assert by(clusterSelector={"matchLabels": {"env": "prod"}}) == placed("eu-1", "us-1")
    assert by(clusterSelector={}) == placed("eu-1", "lab", "us-1")
    assert by(clusterSelector={"matchLabels": {"env": "none"}}) == placed()


def test_an_unknown_name_is_a_fault_that_hinders_no_other() -> None:
    found = by(clusters=["gone", "eu-1"])
    assert found.names == ("eu-1",)
    assert [(fault.reason, fault.text) for fault in found.faults] == [
        ("ClusterUnknown", "there is no Cluster gone")
    ]


def test_an_app_of_apps_goes_to_the_hub() -> None:
    assert by(hub=True) == placed("@hub")


def test_placed_nowhere_is_a_fault() -> None:
    assert [fault.reason for fault in by(clusters=[]).faults] == ["PlacementMissing"]


def test_a_destination_by_name_or_server_is_one_cluster() -> None:
    assert to(name="lab") == placed("lab")
    assert to(server="https://EU-1.example:6443/") == placed("eu-1")


@pytest.mark.parametrize(
    "destination", [{"name": "gone"}, {"server": "https://gone.example"}, {"name": "in-cluster"}]
)
def test_a_destination_that_is_not_there_is_a_fault(destination: dict[str, str]) -> None:
    found = to(**destination)
    assert found.names == ()
    assert [fault.reason for fault in found.faults] == ["ClusterUnknown"]


def test_argo_cds_word_for_its_own_cluster_is_explained() -> None:
    (fault,) = to(server="https://kubernetes.default.svc").faults
    assert "placement.hub: true" in fault.text
    assert fault.field == "spec.destination.server"


def test_one_server_of_two_clusters_is_ambiguous() -> None:
    twins = (cluster("a", "https://same.example"), cluster("b", "https://same.example:443/"))
    (fault,) = place(application(destination={"server": "https://same.example"}), twins).faults
    assert fault.reason == "ClusterAmbiguous"
    assert "a, b" in fault.text


def test_spellings_of_one_server_have_one_key() -> None:
    assert server_key("https://Rancher.example:443/k8s/clusters/c-M/") == server_key(
        "https://rancher.example/k8s/clusters/c-M"
    )
    assert server_key("https://a.example/x") != server_key("https://a.example/X")


def test_manifests_without_namespace_get_the_applications() -> None:
    at = {"clusters": ["eu-1"]}
    assert namespace(application(placement=at, namespace="hello")) == "hello"
    assert namespace(application(placement=at)) == "default"
    assert namespace(application(destination={"name": "eu-1", "namespace": "there"})) == "there"
    assert namespace(application(destination={"name": "eu-1"})) == "default"
    assert namespace(application("root", "team-a", placement={"hub": True})) == "team-a"
