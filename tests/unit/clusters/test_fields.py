"""Fields of a registration, one by one."""

from __future__ import annotations

import pytest

from fleet.clusters import fields
from fleet.errors import KubeconfigInvalid, RegistrationError
from tests.unit.clusters.secrets import PEM, coded


def test_absent_null_and_empty_text_are_none() -> None:
    assert fields.text(None, "f") is fields.text("", "f") is None
    assert fields.pem(None, "f") is fields.pem("", "f") is None
    assert fields.table(None, "f") == {}
    assert fields.flag(None, "f") is False


def test_base64_may_be_folded() -> None:
    text = coded(PEM)
    assert fields.pem(f"{text[:10]}\n  {text[10:]}\n", "f") == PEM


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "a\x7fb", "a\x85b", 5, True, ["a"]])
def test_text_is_text_without_control_characters(value: object) -> None:
    with pytest.raises(KubeconfigInvalid) as caught:
        fields.text(value, "user.token")
    assert caught.value.field == "user.token"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("https://[::1]:6443", "https://[::1]:6443"),
        ("https://rancher.example/k8s/clusters/c-1/", "https://rancher.example/k8s/clusters/c-1"),
        ("https://10.0.0.1", "https://10.0.0.1"),
    ],
)
def test_a_server_may_have_port_and_path(value: str, read: str) -> None:
    assert fields.server(value, "server") == read


@pytest.mark.parametrize(
    "value", ["", "eu-1.example", "ftp://eu-1", "https:///x", "https://[::1", "https://a#b", "https://a@b", 5]
)
def test_other_servers_are_not_opened(value: object) -> None:
    with pytest.raises(RegistrationError):
        fields.server(value, "server")
