"""Repository Secrets: read strictly, matched by prefix, never shown."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fleet.errors import RegistrationError
from fleet.git import credentials
from fleet.git.credentials import Credential
from tests.stage.gitrepo import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


def secret(**values: str | bytes) -> dict[str, Any]:
    pairs = {"url": "https://git.example/acme", **values}
    return {
        "data": {
            key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
            for key, value in pairs.items()
        }
    }


def test_argo_cds_keys_are_read() -> None:
    found = credentials.read(secret(type="git", name="x", username="bot\n", password="pa$$ wörd\n"))
    assert (found.url_prefix, found.basic) == ("https://git.example/acme", ("bot", "pa$$ wörd"))


def test_a_token_goes_as_password_with_the_user_that_forges_take() -> None:
    assert credentials.read(secret(token="t")).basic == ("x-access-token", "t")
    assert credentials.read(secret(token="t", username="bot")).basic == ("bot", "t")
    assert credentials.read(secret(token="t", url="https://bitbucket.org/a")).basic == ("x-token-auth", "t")
    assert credentials.read(secret()).basic is None


def test_string_data_counts_as_well() -> None:
    found = credentials.read({"stringData": {"url": "https://git.example", "token": "t"}})
    assert found.token == "t"


def test_a_ca_may_be_pem_or_pem_in_base64() -> None:
    for given in (PEM, base64.b64encode(PEM.encode())):
        assert credentials.read(secret(caData=given)).ca_data == PEM.encode() + b"\n"
    with pytest.raises(RegistrationError) as caught:
        credentials.read(secret(caData="nonsense"))
    assert caught.value.field == "data.caData"


def key(folder: Path, *args: str) -> bytes:
    path = folder / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(path), *args]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    return path.read_bytes()


def test_an_ssh_key_gets_the_line_end_that_ssh_insists_on(tmp_path: Path) -> None:
    content = key(tmp_path, "-N", "")
    found = credentials.read(secret(sshPrivateKey=content.strip().replace(b"\n", b"\r\n")))
    assert found.ssh_key == content


@pytest.mark.parametrize("form", [[], ["-m", "PEM"]])
def test_a_key_with_a_passphrase_is_refused(tmp_path: Path, form: list[str]) -> None:
    content = key(tmp_path, "-N", "secret", *form)
    with pytest.raises(RegistrationError, match="passphrase"):
        credentials.read(secret(sshPrivateKey=content))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("githubAppID", "1"),
        ("project", "team"),
        ("tlsClientCertKey", "x"),
        ("proxy", "http://p"),
        ("insecure", "true"),
        ("insecureIgnoreHostKey", "TRUE"),
        ("enableLfs", "true"),
        ("type", "helm"),
        ("url", "https://git.example/$x"),
        ("url", "https://user:hunter2@git.example"),
        ("url", ""),
        ("username", "a\nb"),
        ("password", "x" * 40000),
        ("password", b"\xff"),
        ("sshPrivateKey", "nonsense"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(key: str, value: str | bytes) -> None:
    with pytest.raises(RegistrationError) as caught:
        credentials.read(secret(**{key: value}))
    assert caught.value.field == f"data.{key}"
    assert "hunter2" not in str(caught.value)


def test_switches_that_are_off_and_unknown_labels_do_not_matter() -> None:
    assert credentials.read(
        secret(insecure="false", enableLfs="false", forceHttpBasicAuth="true", project="")
    )


def test_two_passwords_and_broken_base64_are_refused() -> None:
    with pytest.raises(RegistrationError, match="both"):
        credentials.read(secret(password="a", token="b"))
    with pytest.raises(RegistrationError) as caught:
        credentials.read({"data": {"url": "!"}})
    assert caught.value.field == "data.url"


def test_the_longest_prefix_by_whole_segments_wins() -> None:
    host = Credential("https://git.example", "host")
    team = Credential("https://git.example/acme", "team")
    evil = Credential("https://git.example/acm", "evil")
    ssh = Credential("ssh://git@git.example/acme", "ssh")
    every = [host, team, evil, ssh]
    assert credentials.match("https://git.example/acme/deploy.git", every) == team
    assert credentials.match("https://git.example/acme-evil/x", every) == host
    assert credentials.match("git@git.example:acme/deploy", every) == ssh
    assert credentials.match("https://git.example.evil.dev/acme/x", every) is None


def test_no_value_is_shown() -> None:
    shown = repr(
        credentials.read(secret(username="bot", password="canary1", webhookSecret="canary2", caData=PEM))
    )
    assert "canary" not in shown
    assert "BEGIN" not in shown
    assert "bot" in shown
