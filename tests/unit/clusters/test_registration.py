"""A Cluster and its Secret make a registration."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.api.cluster import Cluster
from fleet.api.parse import parse
from fleet.clusters import registration
from fleet.clusters.registration import Scope
from fleet.errors import RegistrationError
from fleet.kube.connection import Connection
from tests.unit.clusters.secrets import CANARY, PEM, SERVER, Body, argo, coded, kubeconfig, secret, written

KUBECONFIG = written(kubeconfig())


def declared(annotations: dict[str, str] | None = None, **spec: Any) -> Cluster:
    body = {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": {
            "name": "eu-1",
            "namespace": "fleethub",
            "labels": {"env": "prod"},
            "annotations": annotations or {},
        },
        "spec": {"credential": {"secretRef": {"name": "eu-1-credential"}}, **spec},
    }
    return parse("Cluster", body)


def labelled(**metadata: Any) -> Body:
    return secret(metadata=metadata, kubeconfig=KUBECONFIG)


# --- read -------------------------------------------------------------------------------------------------


def test_a_shorthand_secret_says_all() -> None:
    body = labelled(
        labels={"fleethub.dev/secret-type": "cluster", "env": "prod"},
        annotations={"acme.example/zone-id": "Z1"},
    )
    found = registration.read("eu-1", None, body)
    assert found.connection == Connection(SERVER, ca_data=PEM, token=CANARY)
    assert (found.labels, found.annotations) == ({"env": "prod"}, {"acme.example/zone-id": "Z1"})
    assert found.scope == Scope(None)


@pytest.mark.parametrize(
    ("text", "namespaces"), [("b, a,,b", ("a", "b")), ("a", ("a",)), ("", None), (" , ", None)]
)
def test_a_secret_may_limit_its_registration_to_namespaces(
    text: str, namespaces: tuple[str, ...] | None
) -> None:
    body = secret(kubeconfig=KUBECONFIG, namespaces=text)
    assert registration.read("eu-1", None, body).scope == Scope(namespaces)
    made = declared({"fleethub.dev/made-from": "eu-1"}, namespaces=["old"])
    assert registration.read("eu-1", made, body).scope == Scope(namespaces)
    cluster = registration.made_cluster(("fleethub", "eu-1"), ({}, {}), SERVER, "eu-1", Scope(namespaces))
    assert cluster["spec"] == {"server": SERVER} | ({"namespaces": list(namespaces)} if namespaces else {})


def test_a_declared_cluster_alone_says_to_which_namespaces_it_is_limited() -> None:
    body = secret(kubeconfig=KUBECONFIG, namespaces="a")
    assert registration.read("eu-1", declared(), body).scope == Scope(None)
    found = registration.read("eu-1", declared(namespaces=["c", "b"]), body)
    assert found.scope == Scope(("b", "c"))
    assert found.digest != registration.read("eu-1", declared(namespaces=["c"]), body).digest


@pytest.mark.parametrize(
    ("text", "words"),
    [("a,B", "no name"), ("a,fleethub", "fleethub"), (",".join(map(str, range(101))), "100 at most")],
)
def test_namespaces_that_cannot_be_a_scope_are_refused(text: str, words: str) -> None:
    with pytest.raises(RegistrationError, match=words) as caught:
        registration.read("eu-1", None, secret(kubeconfig=KUBECONFIG, namespaces=text))
    assert caught.value.field == "namespaces"


def test_a_cluster_made_from_a_secret_follows_it_in_all() -> None:
    made = declared({"fleethub.dev/made-from": "eu-1"}, server="https://old.example")
    found = registration.read("eu-1", made, labelled(labels={"env": "test"}))
    assert found.connection.server == SERVER
    assert found.labels == {"env": "test"}


def test_a_declared_cluster_says_how_the_hub_sees_it() -> None:
    cluster = declared(
        server="https://seen.example/",
        caData=coded(PEM + PEM),
        tlsServerName="kubernetes",
        proxyURL="http://proxy.example:3128",
    )
    found = registration.read("eu-1", cluster, labelled(labels={"env": "test"}))
    assert found.connection == Connection(
        "https://seen.example",
        ca_data=PEM + PEM,
        tls_server_name="kubernetes",
        proxy_url="http://proxy.example:3128",
        token=CANARY,
    )
    assert found.labels == {"env": "prod"}


def test_what_a_declared_cluster_leaves_out_its_credential_says() -> None:
    assert registration.read("eu-1", declared(), labelled()).connection.server == SERVER


def test_a_bare_token_serves_a_cluster_that_names_its_server() -> None:
    cluster = declared(server=SERVER, caData=coded(PEM))
    found = registration.read("eu-1", cluster, secret(token=CANARY))
    assert found.connection == Connection(SERVER, ca_data=PEM, token=CANARY)


@pytest.mark.parametrize("cluster", [None, declared()], ids=["shorthand", "declared"])
def test_nobody_naming_the_server_is_an_error(cluster: Cluster | None) -> None:
    with pytest.raises(RegistrationError) as caught:
        registration.read("eu-1", cluster, secret(token=CANARY))
    assert caught.value.field == "spec.server"


def test_no_credential_is_an_error_that_names_both_places() -> None:
    with pytest.raises(RegistrationError, match="eu-1-token"):
        registration.read("eu-1", declared(), None)


def test_an_authority_that_is_no_certificate_is_the_clusters_fault() -> None:
    with pytest.raises(RegistrationError) as caught:
        registration.read("eu-1", declared(caData=coded(b"no PEM")), labelled())
    assert caught.value.field == "spec.caData"


def test_the_repr_holds_no_credential() -> None:
    assert CANARY not in repr(registration.read("eu-1", None, labelled()))


def test_the_digest_follows_connection_and_credential_not_facts() -> None:
    def digest(body: Body) -> str:
        return registration.read("eu-1", None, body).digest

    assert digest(labelled()) == digest(labelled(labels={"env": "prod"}))
    other = secret(kubeconfig=written(kubeconfig(user={"token": "other"})))
    assert digest(other) != digest(labelled())


# --- which Secret serves ----------------------------------------------------------------------------------


def stamped(name: str, created: str, *writes: tuple[str, str]) -> Body:
    entries = [{"time": time, "fieldsV1": {field: {}}} for time, field in writes]
    return secret(name, metadata={"creationTimestamp": created, "managedFields": entries}, token=name)


NINE, TEN, ELEVEN = (f"2026-11-25T{hour}:00:00Z" for hour in ("09", "10", "11"))


def test_the_newer_of_the_two_secrets_serves() -> None:
    given, kept = stamped("given", NINE), stamped("kept", TEN)
    assert registration.serving(given, kept) is kept
    assert registration.serving(stamped("given", ELEVEN), kept) is not kept


def test_newer_is_whose_content_was_written_last() -> None:
    kept = stamped("kept", TEN)
    rewritten = stamped("given", NINE, (NINE, "f:data"), (ELEVEN, "f:data"))
    relabelled = stamped("given", NINE, (NINE, "f:data"), (ELEVEN, "f:metadata"))
    assert registration.serving(rewritten, kept) is rewritten
    assert registration.serving(relabelled, kept) is kept


def test_the_only_one_serves() -> None:
    one = stamped("given", NINE)
    assert registration.serving(one, None) is registration.serving(None, one) is one
    assert registration.serving(None, None) is None


# --- shorthand --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "cluster"),
    [
        ("eu-1", {"kubeconfig": KUBECONFIG}, "eu-1"),
        ("eu-1-kubeconfig", {"value": KUBECONFIG}, "eu-1"),
        ("eu-1-kubeconfig", {"kubeconfig": KUBECONFIG}, "eu-1"),
        ("a-kubeconfig-b", {"kubeconfig": KUBECONFIG}, "a-kubeconfig-b"),
        ("cluster-10.0.0.1-123", argo(name="eu-1"), "eu-1"),
        ("cluster-1", argo(name="EU 1 (prod)"), "cluster-1"),
        ("cluster-1", argo(name=""), "cluster-1"),
        ("cluster-1", {"kubeconfig": KUBECONFIG, "name": "other"}, "cluster-1"),
    ],
)
def test_a_labelled_secret_names_its_cluster(name: str, data: dict[str, Any], cluster: str) -> None:
    assert registration.shorthand_name(secret(name, **data)) == cluster


@pytest.mark.parametrize("name", ["-kubeconfig", "c" * 248])
def test_a_secret_that_cannot_name_a_cluster_is_an_error(name: str) -> None:
    with pytest.raises(RegistrationError):
        registration.shorthand_name(secret(name, kubeconfig=KUBECONFIG))


def test_facts_are_labels_and_annotations_without_the_marks_of_tools() -> None:
    body = secret(
        metadata={
            "labels": {
                "env": "prod",
                "cluster.x-k8s.io/cluster-name": "eu-1",
                "fleethub.dev/secret-type": "cluster",
                "argocd.argoproj.io/secret-type": "cluster",
                "applyset.kubernetes.io/part-of": "applyset-x-v1",
                "kustomize.toolkit.fluxcd.io/name": "infra",
            },
            "annotations": {
                "zone": "Z1",
                "kubectl.kubernetes.io/last-applied-configuration": CANARY,
                "meta.helm.sh/release-name": "r",
                "fleethub.dev/manifest": "m",
            },
        }
    )
    assert registration.facts(body) == (
        {"env": "prod", "cluster.x-k8s.io/cluster-name": "eu-1"},
        {"zone": "Z1"},
    )
    assert registration.facts({"metadata": {"labels": None}}) == ({}, {})


def test_rights_in_kube_system_are_no_limited_scope() -> None:
    with pytest.raises(RegistrationError, match="rights over the whole cluster"):
        registration.listed(("kube-system", "shop"))
