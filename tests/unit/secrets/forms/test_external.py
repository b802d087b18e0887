"""ExternalSecrets as people write them, and every field that the hub does not do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from fleet.errors import FleetError
from fleet.facts import FactMissing, Facts
from fleet.model import Manifest, ObjectRef, Origin
from fleet.secrets.forms.external import Deletion, Refresh, StoreMissing, read, secret_ref, wants
from fleet.secrets.refused import SecretRefused
from fleet.secrets.segments import PathRefused
from fleet.secrets.stores import read as stores
from fleet.secrets.stores.store import Declared, KubernetesStore, StoreRef, VaultStore
from fleet.secrets.vault.address import KvPath, Method
from fleet.secrets.want import Want

STORE = VaultStore("https://vault:8200", "", "secret", 2, Method.JWT, "jwt", "shop")
REF = StoreRef("SecretStore", "vault")
STORES = {REF: Declared(REF, STORE)}
FACTS = Facts("prod", {"region": "eu", "evil": "../x", "empty": ""}, {"team": "a/b"})
ITEM: dict[str, Any] = {"secretKey": "password", "remoteRef": {"key": "app/db", "property": "password"}}


def external(**spec: Any) -> Manifest:
    body = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"secretStoreRef": {"name": "vault"}, "data": [ITEM], **spec},
    }
    return Manifest(
        ObjectRef("external-secrets.io", "ExternalSecret", "shop", "db"),
        "v1",
        orjson.dumps(body),
        Origin("x.yaml"),
    )


def remote(**fields: Any) -> Manifest:
    return external(data=[{"secretKey": "k", "remoteRef": {"key": "app/db", **fields}}])


def wanted(manifest: Manifest, declared: dict[StoreRef, Declared] | None = None) -> tuple[Want, ...]:
    return wants(read(manifest), STORES if declared is None else declared, FACTS)


def with_store(**fields: Any) -> dict[StoreRef, Declared]:
    return {REF: Declared(REF, replace(STORE, **fields))}


def test_it_becomes_the_secret_that_its_target_names() -> None:
    assert secret_ref(external()) == ObjectRef("", "Secret", "shop", "db")
    assert secret_ref(external(target={"name": "other"})) == ObjectRef("", "Secret", "shop", "other")


@pytest.mark.parametrize("target", [None, {}, [], "x", {"name": 1}, {"name": "../up"}, {"name": ""}])
def test_a_target_that_names_nothing_is_the_secret_of_its_own_name(target: Any) -> None:
    assert secret_ref(external(target=target)) == ObjectRef("", "Secret", "shop", "db")


def test_once_arranged_it_reads_the_same_and_keeps_its_secret() -> None:
    manifest = external(target={"name": "other"})
    arranged = replace(manifest, ref=secret_ref(manifest))
    assert read(arranged) == read(manifest)
    assert secret_ref(arranged) == secret_ref(manifest)


def test_defaults_are_those_of_the_operator() -> None:
    found = read(external())
    assert (found.refresh, found.interval) == (Refresh.PERIODIC, 3600.0)
    assert (found.target.orphan, found.target.deletion, found.target.immutable) == (
        False,
        Deletion.RETAIN,
        False,
    )
    assert found.title == "ExternalSecret shop/db"


def test_the_version_before_reads_too() -> None:
    body = external().body.replace(b"external-secrets.io/v1", b"external-secrets.io/v1beta1")
    assert read(replace(external(), body=body)) == read(external())


@pytest.mark.parametrize(
    ("spec", "refresh", "interval"),
    [
        ({"refreshInterval": "1h0m0s"}, Refresh.PERIODIC, 3600.0),
        ({"refreshInterval": "90s", "refreshPolicy": "Periodic"}, Refresh.PERIODIC, 90.0),
        ({"refreshInterval": "0"}, Refresh.CREATED_ONCE, 0.0),
        ({"refreshInterval": "0s"}, Refresh.CREATED_ONCE, 0.0),
        ({"refreshInterval": 0}, Refresh.CREATED_ONCE, 0.0),
        ({"refreshPolicy": "OnChange"}, Refresh.ON_CHANGE, 3600.0),
        ({"refreshPolicy": "OnChange", "refreshInterval": "0s"}, Refresh.ON_CHANGE, 0.0),
        ({"refreshPolicy": "CreatedOnce", "refreshInterval": "1m"}, Refresh.CREATED_ONCE, 60.0),
    ],
)
def test_when_it_is_read_again(spec: dict[str, Any], refresh: Refresh, interval: float) -> None:
    found = read(external(**spec))
    assert (found.refresh, found.interval) == (refresh, interval)


DATA = "spec.data[0]"
FROM = "spec.dataFrom[0]"
TEMPLATE = "spec.target.template"


@pytest.mark.parametrize(
    ("manifest", "field", "passes"),
    [
        (external(syncWindows={"kind": "deny"}), "spec.syncWindows", True),
        (external(unheard=1), "spec.unheard", True),
        (external(refreshPolicy="Sometimes"), "spec.refreshPolicy", False),
        (external(refreshInterval="often"), "spec.refreshInterval", True),
        (external(refreshInterval=True), "spec.refreshInterval", False),
        (external(data=[]), "spec.data", False),
        (external(data=[ITEM, ITEM]), "spec.data", False),
        (external(secretStoreRef={}), "spec.secretStoreRef.name", False),
        (external(secretStoreRef={"name": "x", "kind": "Other"}), "spec.secretStoreRef.kind", False),
        (external(secretStoreRef=None), f"{DATA}.sourceRef.storeRef", False),
        (external(data=[{**ITEM, "secretKey": "a/b"}]), f"{DATA}.secretKey", False),
        (external(data=[{"secretKey": "a"}]), f"{DATA}.remoteRef.key", False),
        (external(data=[{**ITEM, "sourceRef": {"generatorRef": {"kind": "Password"}}}]), f"{DATA}.sourceRef.generatorRef", True),
        (external(data=[{**ITEM, "extra": 1}]), f"{DATA}.extra", True),
        (external(data="x"), "spec.data", False),
        (remote(version="latest"), f"{DATA}.remoteRef.version", False),
        (remote(version="1", metadataPolicy="Fetch"), f"{DATA}.remoteRef.version", False),
        (remote(metadataPolicy="All"), f"{DATA}.remoteRef.metadataPolicy", False),
        (remote(conversionStrategy="Other"), f"{DATA}.remoteRef.conversionStrategy", False),
        (remote(decodingStrategy="Hex"), f"{DATA}.remoteRef.decodingStrategy", False),
        (remote(nullBytePolicy="Other"), f"{DATA}.remoteRef.nullBytePolicy", False),
        (remote(key=1), f"{DATA}.remoteRef.key", False),
        (external(dataFrom=[{"find": {"name": {"regexp": ".*"}}}]), f"{FROM}.find", True),
        (external(dataFrom=[{"extract": {"key": "a"}, "rewrite": [{"regexp": {}}]}]), f"{FROM}.rewrite", True),
        (external(dataFrom=[{"sourceRef": {"generatorRef": {"kind": "Password"}}}]), f"{FROM}.sourceRef.generatorRef", True),
        (external(dataFrom=[{}]), f"{FROM}.extract.key", False),
        (external(target={"manifest": {"kind": "ConfigMap"}}), "spec.target.manifest", True),
        (external(target={"name": "A/b"}), "spec.target.name", False),
        *(
            (external(target={"creationPolicy": policy}), "spec.target.creationPolicy", True)
            for policy in ("Merge", "CreateOrMerge", "None")
        ),
        *(
            (external(target={"creationPolicy": policy, "deletionPolicy": "Delete"}), "spec.target.creationPolicy", True)
            for policy in ("Merge", "CreateOrMerge", "None")
        ),
        (external(target={"deletionPolicy": "Merge", "creationPolicy": "None"}), "spec.target.creationPolicy", True),
        (external(target={"creationPolicy": "Other"}), "spec.target.creationPolicy", False),
        (external(target={"deletionPolicy": "Other"}), "spec.target.deletionPolicy", False),
        (external(target={"immutable": "yes"}), "spec.target.immutable", False),
        (external(target={"template": "x"}), TEMPLATE, False),
        (external(target={"template": {"engineVersion": "v1"}}), f"{TEMPLATE}.engineVersion", True),
        (external(target={"template": {"mergePolicy": "Other"}}), f"{TEMPLATE}.mergePolicy", False),
        (external(target={"template": {"type": "{{ .a }}"}}), f"{TEMPLATE}.type", False),
        (external(target={"template": {"data": {"a/b": "x"}}}), f"{TEMPLATE}.data.a/b", False),
        (external(target={"template": {"data": {"a": 1}}}), f"{TEMPLATE}.data.a", False),
        (external(target={"template": {"metadata": {"finalizers": ["x"]}}}), f"{TEMPLATE}.metadata.finalizers", True),
        (external(target={"template": {"metadata": {"labels": {"a": "{{ .p }}"}}}}), f"{TEMPLATE}.metadata.labels.a", True),
        (external(target={"template": {"metadata": {"annotations": {"a": "x{{ .p }}"}}}}), f"{TEMPLATE}.metadata.annotations.a", True),
        (external(target={"template": {"templateFrom": [{"configMap": {"name": "x"}}]}}), f"{TEMPLATE}.templateFrom[0].configMap", True),
        (external(target={"template": {"templateFrom": [{"secret": {"name": "x"}}]}}), f"{TEMPLATE}.templateFrom[0].secret", True),
        (external(target={"template": {"templateFrom": [{"literal": "x", "target": "Annotations"}]}}), f"{TEMPLATE}.templateFrom[0].target", True),
        (
            external(target={"template": {"templateFrom": [{"literal": "x", "valuesDecodingStrategy": "Base64"}]}}),
            f"{TEMPLATE}.templateFrom[0].valuesDecodingStrategy",
            True,
        ),
    ],
)  # fmt: skip
def test_what_the_hub_does_not_do_is_told_by_its_field(manifest: Manifest, field: str, passes: bool) -> None:  # noqa: FBT001 (a column of the table)
    with pytest.raises(SecretRefused) as refused:
        read(manifest)
    assert refused.value.field == field
    assert refused.value.text.startswith(f"ExternalSecret shop/db: {field} ")
    assert ("secrets: {external: PassThrough}" in refused.value.text) is passes


@pytest.mark.parametrize("kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"])
def test_a_type_with_powers_is_not_made_of_a_template(kind: str) -> None:
    metadata = {"annotations": {"kubernetes.io/service-account.name": "admin"}}
    with pytest.raises(SecretRefused) as refused:
        read(external(target={"template": {"type": kind, "metadata": metadata}}))
    assert refused.value.field == "type"


def test_another_version_of_the_kind_is_told() -> None:
    with pytest.raises(SecretRefused) as refused:
        read(replace(external(), body=external().body.replace(b"io/v1", b"io/v1alpha1")))
    assert refused.value.field == "apiVersion"


def test_each_item_wants_one_thing_and_what_it_says_of_it() -> None:
    manifest = external(
        dataFrom=[{"extract": {"key": "secret/data/all", "version": "3"}}],
        data=[ITEM, {"secretKey": "m", "remoteRef": {"key": "app/db", "metadataPolicy": "Fetch"}}],
    )
    assert wanted(manifest) == (
        Want(STORE, KvPath("secret", "all"), 3),
        Want(STORE, KvPath("secret", "app/db")),
        Want(STORE, KvPath("secret", "app/db"), metadata=True),
    )


def test_an_item_may_name_a_store_of_its_own() -> None:
    other = StoreRef("ClusterSecretStore", "hub")
    declared = {**STORES, other: Declared(other, KubernetesStore("team"))}
    source = {"storeRef": {"name": "hub", "kind": "ClusterSecretStore"}}
    manifest = external(data=[ITEM, {"secretKey": "k", "remoteRef": {"key": "mine"}, "sourceRef": source}])
    assert wanted(manifest, declared)[1] == Want(KubernetesStore("team"), "mine")


def test_facts_stand_in_keys_and_in_what_a_store_says() -> None:
    declared = with_store(
        mount="{{ cluster.labels.region }}-kv",
        auth_mount="jwt-{{ cluster.name }}",
        role="{{ cluster.name }}-shop",
        namespace="{{ cluster.annotations.team }}/",
    )
    (want,) = wanted(remote(key="{{ cluster.name }}/db"), declared)
    assert want == Want(
        replace(STORE, mount="eu-kv", auth_mount="jwt-prod", role="prod-shop", namespace="a/b"),
        KvPath("eu-kv", "prod/db"),
    )


@pytest.mark.parametrize(
    ("manifest", "declared", "error", "field"),
    [
        (remote(), {}, StoreMissing, f"{DATA}.remoteRef"),
        (remote(key="a/../b"), STORES, PathRefused, f"{DATA}.remoteRef.key"),
        (remote(key="{{ cluster.labels.evil }}/b"), STORES, PathRefused, f"{DATA}.remoteRef.key"),
        (remote(key="{{ cluster.labels.nothing }}/b"), STORES, FactMissing, f"{DATA}.remoteRef.key"),
        (remote(key="{{ cluster.labels.empty }}/b"), STORES, FactMissing, f"{DATA}.remoteRef.key"),
        (remote(version="1"), with_store(engine=1), SecretRefused, f"{DATA}.remoteRef.version"),
        (remote(metadataPolicy="Fetch"), with_store(engine=1), SecretRefused, f"{DATA}.remoteRef.metadataPolicy"),
        (remote(), with_store(auth_namespace="other"), PathRefused, "SecretStore vault: spec.provider.vault.auth.namespace"),
        (remote(), with_store(role="{{ cluster.annotations.team }}"), PathRefused, "SecretStore vault: spec.provider.vault.auth"),
        (remote(), with_store(mount="{{ cluster.labels.evil }}"), PathRefused, "SecretStore vault: spec.provider.vault.path"),
        (remote(), with_store(auth_mount="a?b"), PathRefused, "SecretStore vault: spec.provider.vault.auth"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(
    manifest: Manifest, declared: dict[StoreRef, Declared], error: type[FleetError], field: str
) -> None:
    with pytest.raises(error) as refused:
        wanted(manifest, declared)
    assert refused.value.field == field
    assert refused.value.text.startswith("ExternalSecret shop/db: ")


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        (remote(version="1"), f"{DATA}.remoteRef.version"),
        (remote(metadataPolicy="Fetch"), f"{DATA}.remoteRef.metadataPolicy"),
        (
            external(data=[], dataFrom=[{"extract": {"key": "a", "property": "b"}}]),
            f"{FROM}.extract.property",
        ),
        (remote(key="other/secret"), f"{DATA}.remoteRef.key"),
    ],
)
def test_of_the_hubs_own_secrets_less_can_be_asked(manifest: Manifest, field: str) -> None:
    with pytest.raises(FleetError) as refused:
        wanted(manifest, {REF: Declared(REF, KubernetesStore("team"))})
    assert refused.value.field == field


def test_a_store_serves_the_namespaces_of_its_conditions_alone() -> None:
    def declared(*conditions: Any) -> dict[StoreRef, Declared]:
        body = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {"name": "vault"},
            "spec": {"provider": {"kubernetes": {}}, "conditions": list(conditions)},
        }
        return {REF: stores.read(body, "team")}

    assert wanted(remote(key="a"), declared({"namespaces": ["shop"]}))
    for conditions in ({"namespaces": ["other"]}, {"namespaceSelector": {"matchLabels": {"a": "b"}}}):
        with pytest.raises(SecretRefused) as refused:
            wanted(remote(key="a"), declared(conditions))
        assert refused.value.field == f"{DATA}.remoteRef"
    selected = declared({"namespaceSelector": {"matchLabels": {"a": "b"}}})
    assert wants(read(remote(key="a")), selected, FACTS, {"a": "b"})
