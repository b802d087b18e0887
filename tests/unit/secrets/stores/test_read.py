"""SecretStores as people write them, and every field that the hub does not do."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import FleetError
from fleet.secrets.refused import SecretRefused
from fleet.secrets.stores import conditions
from fleet.secrets.stores.read import read, ref
from fleet.secrets.stores.store import Declared, KubernetesStore, StoreRef, VaultStore
from fleet.secrets.vault.address import Method

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
JWT: dict[str, Any] = {"jwt": {"path": "jwt-{{ cluster.name }}", "role": "shop"}}


def body(provider: dict[str, Any], kind: str = "SecretStore", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": {"name": "vault", "namespace": "shop"},
        "spec": {"provider": provider, **spec},
    }


def vault(auth: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return body({"vault": {"server": "https://vault:8200", "auth": JWT if auth is None else auth, **fields}})


def refusal(given_: dict[str, Any], home: str = "team") -> FleetError:
    with pytest.raises(SecretRefused) as refused:
        read(given_, home)
    return refused.value


def test_a_store_of_vault_reads_whole() -> None:
    found = read(
        vault(
            server="https://Vault:8200/",
            path="secret",
            version="v1",
            namespace="team",
            caBundle=base64.b64encode(PEM.encode()).decode(),
        ),
        "team",
    )
    assert found == Declared(
        StoreRef("SecretStore", "vault"),
        VaultStore(
            "https://vault:8200", "team", "secret", 1, Method.JWT, "jwt-{{ cluster.name }}", "shop", "", PEM
        ),
    )


@pytest.mark.parametrize(
    ("auth", "wanted"),
    [
        ({"jwt": {"role": "r"}}, (Method.JWT, "jwt", "r", "")),
        ({"kubernetes": {"role": "r"}}, (Method.KUBERNETES, "kubernetes", "r", "")),
        (
            {"kubernetes": {"mountPath": "k/a", "role": "r", "serviceAccountRef": {"name": "x"}}},
            (Method.KUBERNETES, "k/a", "r", ""),
        ),
        (
            {"jwt": {"role": "r", "kubernetesServiceAccountToken": {"serviceAccountRef": {"name": "x"}}}},
            (Method.JWT, "jwt", "r", ""),
        ),
        (
            {"appRole": {"roleId": "r", "secretRef": {"name": "s", "key": "id"}}},
            (Method.APPROLE, "approle", "r", "s"),
        ),
        (
            {"appRole": {"path": "a", "roleId": "r", "secretRef": {"name": "s"}}, "tokenSecretRef": None},
            (Method.APPROLE, "a", "r", "s"),
        ),
    ],
)
def test_each_way_to_log_in_reads(auth: dict[str, Any], wanted: tuple[Method, str, str, str]) -> None:
    found = read(vault(auth), "team").provider
    assert isinstance(found, VaultStore)
    assert (found.method, found.auth_mount, found.role, found.secret) == wanted
    assert (found.engine, found.mount, found.namespace) == (2, "", "")


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        (vault({name: {"x": "y"}}), f"spec.provider.vault.auth.{name}")
        for name in ("tokenSecretRef", "ldap", "cert", "iam", "userPass", "gcp", "other")
    ]
    + [
        (vault({}), "spec.provider.vault.auth"),
        (vault({**JWT, "kubernetes": {"role": "r"}}), "spec.provider.vault.auth"),
        (vault({"jwt": {"role": "r", "secretRef": {"name": "x"}}}), "spec.provider.vault.auth.jwt.secretRef"),
        (vault({"jwt": {"path": "jwt"}}), "spec.provider.vault.auth.jwt.role"),
        (vault({"kubernetes": {"role": "r", "secretRef": {"name": "x"}}}), "spec.provider.vault.auth.kubernetes.secretRef"),
        (vault({"appRole": {"roleRef": {"name": "x"}}}), "spec.provider.vault.auth.appRole.roleRef"),
        (
            vault({"appRole": {"roleId": "r", "secretRef": {"name": "x", "namespace": "other"}}}),
            "spec.provider.vault.auth.appRole.secretRef.namespace",
        ),
        (vault(tls={"certSecretRef": {"name": "x"}}), "spec.provider.vault.tls"),
        (vault(headers={"a": "b"}), "spec.provider.vault.headers"),
        (vault(forwardInconsistent=True), "spec.provider.vault.forwardInconsistent"),
        (vault(caProvider={"type": "Secret", "name": "x"}), "spec.provider.vault.caProvider"),
        (vault(caBundle="!"), "spec.provider.vault.caBundle"),
        (vault(caBundle=base64.b64encode(b"no").decode()), "spec.provider.vault.caBundle"),
        (vault(version="v3"), "spec.provider.vault.version"),
        (vault(version=2), "spec.provider.vault.version"),
        (vault(server="https://a/b"), "spec.provider.vault.server"),
        (vault(server="https://{{ cluster.name }}:8200"), "spec.provider.vault.server"),
        (vault(server=""), "spec.provider.vault.server"),
        (vault(unheard="x"), "spec.provider.vault.unheard"),
        (body({}), "spec.provider"),
        (body({"aws": {"region": "x"}}), "spec.provider.aws"),
        (body({"vault": {}, "kubernetes": {}}), "spec.provider"),
        (body({"kubernetes": {}}, retrySettings={"maxRetries": 1}), "spec.retrySettings"),
        (body({"kubernetes": {}}, controller="dev"), "spec.controller"),
        (body({"kubernetes": {}}, conditions=[{"namespaces": ["a"]}]), "spec.conditions"),
        (body({"kubernetes": {"remoteNamespace": "other"}}), "spec.provider.kubernetes.remoteNamespace"),
        (body({"kubernetes": {"server": {"url": "https://x"}}}), "spec.provider.kubernetes.server.url"),
        (body({"kubernetes": {"server": {"caBundle": "x"}}}), "spec.provider.kubernetes.server.caBundle"),
        (
            body({"kubernetes": {"server": {"caProvider": {"type": "ConfigMap", "name": "x", "key": "ca.crt"}}}}),
            "spec.provider.kubernetes.server.caProvider",
        ),
        (body({"kubernetes": {"auth": {"token": {}}}}), "spec.provider.kubernetes.auth.token"),
        (body({"kubernetes": {"auth": {"serviceAccount": {"name": "x"}}}}), "spec.provider.kubernetes.auth.serviceAccount"),
        (body({"kubernetes": {"authRef": {"name": "x"}}}), "spec.provider.kubernetes.authRef"),
        ({**body({"kubernetes": {}}), "apiVersion": "external-secrets.io/v1alpha1"}, "apiVersion"),
        ({**body({"kubernetes": {}}), "extra": 1}, "extra"),
        (body({"kubernetes": "x"}), "spec.provider.kubernetes"),
        (body({"kubernetes": []}), "spec.provider"),
    ],
)  # fmt: skip
def test_what_the_hub_does_not_do_is_told_by_its_field(given_: dict[str, Any], field: str) -> None:
    error = refusal(given_)
    assert error.field == field
    assert f"SecretStore shop/vault: {field} " in error.text or field in error.text


@pytest.mark.parametrize(
    "given_",
    [vault({"ldap": {"x": "y"}}), vault(headers={"a": "b"}), vault(unheard=1), body({"aws": {"x": 1}})],
)
def test_what_the_hub_does_not_do_can_be_passed_through(given_: dict[str, Any]) -> None:
    assert "secrets: {external: PassThrough}" in refusal(given_).text


def test_which_server_it_is_hangs_on_no_fact() -> None:
    assert "holds a fact of the cluster" in refusal(vault(server="https://{{ cluster.name }}:8200")).text


def test_what_has_no_effect_on_reading_is_let_be() -> None:
    given_ = vault(
        readYourWrites=True, checkAndSet={"required": True}, forwardInconsistent=False, headers=None
    )
    given_["spec"]["refreshInterval"] = 300
    assert read({**given_, "status": {"conditions": []}}, "team") == read(vault(), "team")


@pytest.mark.parametrize(
    "provider",
    [
        {},
        {"remoteNamespace": "team"},
        {
            "server": {
                "url": "kubernetes.default",
                "caProvider": {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"},
            }
        },
    ],
)
def test_a_store_of_the_hub_reads_the_applications_own_namespace(provider: dict[str, Any]) -> None:
    assert read(body({"kubernetes": provider}), "team").provider == KubernetesStore("team")


def test_a_store_is_called_by_kind_and_name() -> None:
    assert ref(body({}, "ClusterSecretStore")) == StoreRef("ClusterSecretStore", "vault")
    assert ref({**body({}), "apiVersion": "external-secrets.io/v1beta1"}) == StoreRef("SecretStore", "vault")
    assert ref({"apiVersion": "v1", "kind": "Secret"}) is None


def served(given_: Any, namespace: str, labels: dict[str, str] | None = None) -> bool | None:
    found = read(body({"kubernetes": {}}, "ClusterSecretStore", conditions=given_), "team")
    return conditions.serves(found.conditions, namespace, labels)


def test_conditions_say_which_namespaces_are_served() -> None:
    assert served(None, "any")
    assert served([], "any")
    assert served([{"namespaces": ["a"]}], "a")
    assert not served([{"namespaces": ["a"]}], "b")
    assert served([{"namespaces": ["a"]}, {"namespaceRegexes": ["^team-.*$"]}], "team-x")
    assert not served([{"namespaceRegexes": ["^team-.*$"]}], "my-team-x")
    assert not served([{}], "a")


def test_a_selector_of_namespaces_needs_their_labels() -> None:
    given_ = [
        {
            "namespaceSelector": {
                "matchLabels": {"env": "prod"},
                "matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["1"]}],
            }
        },
        {"namespaces": ["named"]},
    ]
    assert served(given_, "a") is None
    assert served(given_, "named")
    assert served(given_, "a", {"env": "prod"})
    assert not served(given_, "a", {"env": "prod", "x": "1"})
    assert not served(given_, "a", {})
    assert served([{"namespaceSelector": {}}], "a", {})


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ([{"namespaceRegexes": ["(a+)+"]}], "spec.conditions[0].namespaceRegexes[0]"),
        ([{"other": ["a"]}], "spec.conditions[0].other"),
        ([{"namespaces": "a"}], "spec.conditions[0].namespaces"),
        (
            [{"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "In"}]}}],
            "spec.conditions[0].namespaceSelector.matchExpressions[0].values",
        ),
        (
            [{"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "Like"}]}}],
            "spec.conditions[0].namespaceSelector.matchExpressions[0].operator",
        ),
    ],
)
def test_a_condition_that_does_not_read_is_told(given_: Any, field: str) -> None:
    assert refusal(body({"kubernetes": {}}, "ClusterSecretStore", conditions=given_)).field == field


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("cn4ry-s3cr3t"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "role", "path", "key", "url"]), inner, max_size=3)
    ),
)
FIELDS = st.sampled_from(
    ["server", "path", "version", "namespace", "auth", "caBundle", "tls", "caProvider", "headers"]
)


@given(
    st.dictionaries(FIELDS, JUNK, max_size=4),
    st.dictionaries(st.sampled_from(["jwt", "kubernetes", "appRole", "ldap"]), JUNK, max_size=2),
)
def test_whatever_is_written_an_error_repeats_none_of_it(
    fields: dict[str, Any], auth: dict[str, Any]
) -> None:
    given_ = body({"vault": {"auth": auth, **fields}})
    try:
        found = read(json.loads(json.dumps(given_)), "team")
    except SecretRefused as error:
        assert "cn4ry" not in error.text + error.field  # noqa: PT017 (a body that reads is as good)
    else:
        assert isinstance(found.provider, VaultStore)
