"""The forms of a registration's Secret."""

from __future__ import annotations

import pytest

from fleet.clusters import forms
from fleet.clusters.kubeconfig import NOTHING, Allowed
from fleet.errors import KubeconfigInvalid, KubeconfigRefused, RegistrationError
from fleet.kube.connection import Connection
from tests.unit.clusters.secrets import (
    CANARY,
    KEY,
    PEM,
    SERVER,
    Body,
    argo,
    coded,
    kubeconfig,
    secret,
    written,
)

WHOLE = Connection(SERVER, ca_data=PEM, token=CANARY)


def read(body: Body, allow: Allowed = NOTHING) -> Connection:
    return forms.connection(forms.data(body), allow)


@pytest.mark.parametrize("key", ["kubeconfig", "value", "value_yaml"])
def test_a_kubeconfig_is_read_under_each_key(key: str) -> None:
    held: Body = {key: written(kubeconfig())}
    assert read(secret(**held)) == WHOLE


def test_argo_cds_form_is_read() -> None:
    config = {"bearerToken": CANARY, "tlsClientConfig": {"insecure": False, "caData": coded(PEM)}}
    assert read(secret(**argo(config))) == WHOLE


def test_argo_cds_certificate_and_server_name_are_read() -> None:
    tls = {"certData": coded(PEM), "keyData": coded(KEY), "serverName": "kubernetes"}
    found = read(secret(**argo({"tlsClientConfig": tls})))
    assert (found.client_cert, found.client_key, found.tls_server_name) == (PEM, KEY, "kubernetes")


def test_argo_cds_password_is_read() -> None:
    assert read(secret(**argo({"username": "admin", "password": CANARY}))).basic == ("admin", CANARY)


@pytest.mark.parametrize(
    ("field", "config"),
    [
        ("config.awsAuthConfig", {"awsAuthConfig": {"clusterName": CANARY}}),
        ("config.execProviderConfig", {"execProviderConfig": {"command": CANARY}}),
        ("config.tlsClientConfig.insecure", {"bearerToken": CANARY, "tlsClientConfig": {"insecure": True}}),
        ("config.proxyUrl", {"bearerToken": CANARY, "proxyUrl": f"http://{CANARY}.example"}),
    ],
)
def test_what_argo_cd_would_run_or_skip_is_refused(field: str, config: Body) -> None:
    with pytest.raises(KubeconfigRefused) as caught:
        read(secret(**argo(config)))
    assert caught.value.field == field
    assert CANARY not in caught.value.text


@pytest.mark.parametrize("config", ["", "{", "[]", f'"{CANARY}"', '{"a":1,"a":2}', "{}", "null"])
def test_a_config_that_does_not_read_is_invalid(config: str) -> None:
    held = argo() | {"config": config}
    with pytest.raises(RegistrationError) as caught:
        read(secret(**held))
    assert CANARY not in caught.value.text


def test_a_faulty_credential_is_named_where_it_stands() -> None:
    with pytest.raises(KubeconfigInvalid) as caught:
        read(secret(**argo({"tlsClientConfig": {"certData": coded(PEM)}})))
    assert caught.value.field == "config"


def test_a_bare_token_names_no_server_unless_it_does() -> None:
    assert read(secret(token=CANARY + "\n", ca_crt=PEM)) == Connection("", ca_data=PEM, token=CANARY)
    assert read(secret(token=CANARY, server=SERVER)).server == SERVER


def test_a_secret_without_registration_is_an_error() -> None:
    for body in (secret(), secret(password=CANARY), {"metadata": {"name": "x"}, "data": None}):
        with pytest.raises(RegistrationError) as caught:
            read(body)
        assert CANARY not in caught.value.text


def test_data_that_is_no_base64_is_an_error_that_does_not_quote_it() -> None:
    with pytest.raises(RegistrationError) as caught:
        forms.data({"data": {"token": f"!{CANARY}"}})
    assert CANARY not in caught.value.text


def test_a_proxy_of_argo_cds_form_counts_where_it_is_allowed() -> None:
    config = {"bearerToken": CANARY, "proxyUrl": "http://proxy.example:3128"}
    allow = Allowed(proxies=frozenset({"proxy.example"}))
    assert read(secret(**argo(config)), allow).proxy_url == "http://proxy.example:3128"


def test_only_argo_cds_form_has_a_name_of_its_own() -> None:
    assert forms.argo_name(forms.data(secret(**argo(name=" eu-1 ")))) == "eu-1"
    assert forms.argo_name({"name": b"eu-1", "kubeconfig": b"x"}) == ""
