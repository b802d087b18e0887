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
