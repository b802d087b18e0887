"""The Secrets that registering writes are those that the hub reads."""

from __future__ import annotations

from fleet.cli.cluster import secrets
from fleet.clusters import registration
from fleet.kube.connection import Connection
from fleet.names import SECRET_TYPE

PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CONNECTION = Connection(
    "https://eu-1.example:6443", ca_data=PEM, tls_server_name="kubernetes", token="a-token"
)


def test_a_registration_reads_back_as_the_same_connection_with_its_facts() -> None:
    secret = secrets.registration(
        ("fleethub", "eu-1"), CONNECTION, {"env": "prod"}, {"acme.example/zone": "Z1"}
    )
    assert secret["metadata"]["labels"][SECRET_TYPE] == "cluster"
    assert registration.shorthand_name(secret) == "eu-1"
    found = registration.read("eu-1", None, secret)
    assert found.connection == CONNECTION
    assert (dict(found.labels), dict(found.annotations)) == ({"env": "prod"}, {"acme.example/zone": "Z1"})


def test_a_credential_of_a_declared_cluster_holds_token_and_authority_alone() -> None:
    secret = secrets.credential(("fleethub", "eu-1"), CONNECTION)
    assert secret["metadata"]["name"] == "eu-1-token"
    assert set(secret["data"]) == {"token", "ca.crt"}
    assert secrets.ours(secret)
    assert not secrets.ours({"metadata": {"labels": {"app": "x"}}})
    assert not secrets.ours(None)


def test_a_secret_of_another_purpose_is_not_taken_for_a_clusters_own_by_its_name() -> None:
    kept = secrets.credential(("fleethub", "eu"), CONNECTION)
    made = secrets.registration(("fleethub", "eu"), CONNECTION, {}, {})
    assert secrets.ours_of("eu", kept)
    assert secrets.ours_of("eu", made)
    # What another cluster is made from, a repository's credential, and a credential that Git names otherwise.
    another = secrets.registration(("fleethub", "eu-token"), CONNECTION, {}, {})
    another["metadata"]["name"] = "eu-token"
    repository = {"metadata": {"name": "eu-token", "labels": {SECRET_TYPE: "repository"}}}
    for other in (another, repository, secrets.credential(("fleethub", "us"), CONNECTION), None):
        assert not secrets.ours_of("eu", other)
