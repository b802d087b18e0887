"""What a Cluster says."""

from __future__ import annotations

from fleet.api.cluster import CLUSTER_NAME_MAX
from fleet.api.parse import parse
from tests.unit.api import samples


def test_the_name_leaves_room_for_its_tokens_secret() -> None:
    assert parse("Cluster", samples.cluster("c" * CLUSTER_NAME_MAX)).name == "c" * 247
    assert len(f"{'c' * CLUSTER_NAME_MAX}-token") == 253


def test_its_labels_and_annotations_are_facts() -> None:
    body = samples.cluster()
    body["metadata"] |= {"labels": {"env": "prod"}, "annotations": {"acme.example/zone-id": "Z1"}}
    metadata = parse("Cluster", body).metadata
    assert (metadata.labels, metadata.annotations) == ({"env": "prod"}, {"acme.example/zone-id": "Z1"})


def test_the_wire_names_are_those_of_the_api() -> None:
    spec = parse("Cluster", samples.GOOD["cluster, all fields"]).spec
    assert spec.proxy_url == "http://proxy.example:3128"
    assert spec.tls_server_name == "kubernetes"
    assert spec.credential is not None
    assert spec.credential.secret_ref.name == "eu-1-credential"
    assert spec.paused
