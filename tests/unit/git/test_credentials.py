"""Repository Secrets: read strictly, matched by prefix, never shown."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bootstrap.local.authority import Authority
from fleet.errors import RegistrationError, RepositoryRefused
from fleet.git import credentials
from fleet.git.credentials import Credential
from fleet.outward import Proxy
from tests.stage.gitrepo import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A CA's certificate."""
    authority = Authority(tmp_path_factory.mktemp("ca"), "test-ca")
    return authority.files.certificate.read_text().strip()


@pytest.fixture(scope="module")
def rsa_key() -> str:
    """A private key as GitHub makes them."""
    return private(rsa.generate_private_key(65537, 2048))


def private(key: Any, encryption: serialization.KeySerializationEncryption | None = None) -> str:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    given = encryption or serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, form, given).decode())


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


def test_a_ca_may_be_pem_or_pem_in_base64(pem: str) -> None:
    for given in (pem, base64.b64encode(pem.encode())):
        assert credentials.read(secret(caData=given)).way.ca == pem.encode() + b"\n"


def test_a_proxy_and_what_is_exempt_from_it_are_read() -> None:
    way = credentials.read(
        secret(proxy="http://me:pa%24s@proxy.example:3128", noProxy="a.example, 10.0.0.0/8")
    ).way
    assert way.proxy == Proxy("http", "proxy.example", 3128, "me", "pa$s")
    assert way.exempt == ("a.example", "10.0.0.0/8")


def app(key: str, **more: str) -> dict[str, Any]:
    given = {"url": "https://github.com/acme", "githubAppID": "7", "githubAppPrivateKey": key, **more}
    return secret(**given)


def test_a_github_app_is_read_by_argo_cds_keys(rsa_key: str) -> None:
    found = credentials.read(app(rsa_key, githubAppInstallationID="42")).app
    assert found is not None
    assert (found.id, found.installation, found.base) == ("7", "42", "https://api.github.com")
    base = "https://git.example/api/v3"
    enterprise = app(rsa_key, url="https://git.example/acme", githubAppEnterpriseBaseUrl=f"{base}/")
    found = credentials.read(enterprise).app
    assert found is not None
    assert (found.installation, found.base) == ("", base)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("githubAppID", {"githubAppID": ""}),
        ("githubAppID", {"githubAppID": "not an id"}),
        ("githubAppID", {"githubAppID": "7\n8"}),
        ("githubAppInstallationID", {"githubAppInstallationID": "acme"}),
        ("githubAppPrivateKey", {"githubAppPrivateKey": ""}),
        ("githubAppPrivateKey", {"githubAppPrivateKey": "canary"}),
        ("githubAppPrivateKey", {"githubAppPrivateKey": "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END"}),
        ("githubAppPrivateKey", {"githubAppPrivateKey": "EC"}),
        ("githubAppPrivateKey", {"githubAppPrivateKey": "SMALL"}),
        ("githubAppPrivateKey", {"githubAppPrivateKey": "LOCKED"}),
        ("githubAppEnterpriseBaseUrl", {"url": "https://git.example/acme"}),
        ("githubAppEnterpriseBaseUrl", {"githubAppEnterpriseBaseUrl": "ftp://canary"}),
        ("githubAppEnterpriseBaseUrl", {"githubAppEnterpriseBaseUrl": "https://u:canary@git.example/api/v3"}),
        ("githubAppEnterpriseBaseUrl", {"githubAppEnterpriseBaseUrl": "git@git.example:api/v3"}),
        ("url", {"url": "git@github.com:acme"}),
        ("password", {"password": "canary"}),
        ("token", {"token": "canary"}),
        ("username", {"username": "canary"}),
    ],
)
def test_a_github_app_that_cannot_be_used_is_refused_by_the_wrong_key(
    rsa_key: str, key: str, changes: dict[str, str]
) -> None:
    kinds = {
        "EC": lambda: private(ec.generate_private_key(ec.SECP256R1())),
        "SMALL": lambda: private(rsa.generate_private_key(65537, 1024)),  # noqa: S505 (refused)
        "LOCKED": lambda: private(
            rsa.generate_private_key(65537, 2048), serialization.BestAvailableEncryption(b"canary")
        ),
    }
    given = {name: kinds[value]() if value in kinds else value for name, value in changes.items()}
    with pytest.raises(RegistrationError) as caught:
        credentials.read(app(given.pop("githubAppPrivateKey", rsa_key), **given))
    assert caught.value.field == f"data.{key}"
    assert "canary" not in str(caught.value)


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
        ("project", "team"),
        ("tlsClientCertKey", "x"),
        ("gcpServiceAccountKey", "x"),
        ("bearerToken", "x"),
        ("proxy", "socks5://p:1080"),
        ("proxy", "p:3128"),
        ("proxy", "http://u:hunter2@"),
        ("proxy", "http://u:hunter2@p/path"),
        ("noProxy", "a\nb"),
        ("caData", "nonsense"),
        ("caData", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        ("caData", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"),
        ("insecure", "true"),
        ("insecureIgnoreHostKey", "TRUE"),
        ("enableLfs", "true"),
        ("type", "svn"),
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


def test_ssh_goes_through_no_http_proxy_and_that_is_said() -> None:
    with pytest.raises(RegistrationError, match="ssh goes through no HTTP proxy") as caught:
        credentials.read(secret(url="git@git.example:acme", proxy="http://proxy.example:3128"))
    assert caught.value.field == "data.proxy"


def test_a_secret_that_cannot_be_used_answers_for_its_urls_by_its_error() -> None:
    """A repository is not opened by a shorter prefix, or by nobody's credential, because a key is wrong."""
    broken = secret(url="https://git.example/acme", insecure="true")
    with pytest.raises(RegistrationError) as caught:
        credentials.read(broken)
    stands = credentials.unusable(broken, caught.value, "acme-repo")
    assert stands is not None
    host = Credential("https://git.example", "host")
    with pytest.raises(RepositoryRefused, match=r"Secret acme-repo, data\.insecure: ") as refused:
        credentials.match("https://git.example/acme/deploy", [host, stands])
    assert refused.value.reason == "RepositoryRefused"
    assert credentials.match("https://git.example/other", [host, stands]) == host
    good = Credential("https://git.example/acme", "good")
    assert credentials.match("https://git.example/acme/deploy", [good, stands]) == good


def test_a_secret_without_a_url_that_reads_stands_for_nothing() -> None:
    broken = secret(url="ext::sh")
    with pytest.raises(RegistrationError) as caught:
        credentials.read(broken)
    assert credentials.unusable(broken, caught.value, "x") is None
    assert credentials.told(caught.value, "x").startswith("Secret x, data.url: ")


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


def test_no_value_is_shown(pem: str, rsa_key: str) -> None:
    proxy = "http://me:canary3@proxy.example"
    shown = repr(
        credentials.read(
            secret(username="bot", password="canary1", webhookSecret="canary2", caData=pem, proxy=proxy)
        )
    )
    assert "PRIVATE" not in repr(credentials.read(app(rsa_key)))
    assert "canary" not in shown
    assert "BEGIN" not in shown
    assert "bot" in shown


TEAM = Credential("https://git.example/acme", webhook_secret=b"of the team")
DEPLOY = Credential("ssh://git@git.example/acme/deploy.git", webhook_secret=b"of deploy")
SILENT = Credential("https://git.example/quiet", "reader")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.example/acme/deploy.git", (b"of the team", b"of deploy")),
        ("git@git.example:acme/deploy", (b"of the team", b"of deploy")),
        ("https://git.example/acme/other", (b"of the team",)),
        ("https://git.example/acme-evil/deploy", (b"of last resort",)),
        ("https://git.example/quiet/deploy", (b"of last resort",)),
        ("https://git.example.evil.dev/acme/deploy", (b"of last resort",)),
    ],
)
def test_a_push_is_proved_by_the_secrets_that_cover_its_repository_else_by_that_of_last_resort(
    url: str, expected: tuple[bytes, ...]
) -> None:
    every = [TEAM, DEPLOY, SILENT]
    assert credentials.signing(url, every, b"of last resort") == expected
    assert credentials.signing(url, every, b"") == tuple(one for one in expected if one != b"of last resort")
