"""Kubeconfigs on disk, and plugins that are real processes."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import KubeconfigInvalid, Unreachable
from fleet.kube import trusted

CANARY = "hunter2"
CA = b"-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"


@pytest.fixture(autouse=True)
def _no_kubeconfig_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def config(
    name: str = "a", *, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}],
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name}.example:6443/", **(cluster or {})}}
        ],
        "users": [{"name": name, "user": user or {"token": f"token-{name}"}}],
    }


def write(path: Path, content: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


async def test_all_fields_of_a_cluster_are_read(tmp_path: Path) -> None:
    cluster: dict[str, Any] = {
        "certificate-authority-data": encoded(CA),
        "tls-server-name": "api.internal",
        "proxy-url": "http://proxy:3128",
    }
    found = await trusted.load(write(tmp_path / "c", config(cluster=cluster)))
    assert found.server == "https://a.example:6443"
    assert found.ca_data == CA
    assert (found.tls_server_name, found.proxy_url) == ("api.internal", "http://proxy:3128")
    assert (found.namespace, found.token, found.verify) == ("ns-a", "token-a", True)


async def test_verification_is_off_where_the_caller_s_own_file_says_so(tmp_path: Path) -> None:
    found = await trusted.load(write(tmp_path / "c", config(cluster={"insecure-skip-tls-verify": True})))
    assert not found.verify


async def test_client_certificates_come_from_data_or_from_files_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "me.key").write_bytes(b"key")
    user = {"client-certificate-data": encoded(b"cert"), "client-key": "me.key"}
    found = await trusted.load(write(tmp_path / "sub" / "c", config(user=user)))
    assert (found.client_cert, found.client_key) == (b"cert", b"key")


async def test_a_token_file_is_read_again_each_time(tmp_path: Path) -> None:
    token = tmp_path / "t"
    token.write_text("one\n")
    found = await trusted.load(write(tmp_path / "c", config(user={"tokenFile": str(token)})))
    assert found.token == "one"
    token.write_text("two\n")
    assert found.refresh is not None
    assert await found.refresh() == "two"


async def test_name_and_password_are_read(tmp_path: Path) -> None:
    found = await trusted.load(write(tmp_path / "c", config(user={"username": "u", "password": "p"})))
    assert found.basic == ("u", "p")


async def test_a_named_context_goes_before_the_current_one(tmp_path: Path) -> None:
    content = config("a")
    for section, entries in config("b").items():
        if isinstance(entries, list):
            content[section] += entries
    found = await trusted.load(write(tmp_path / "c", content), "b")
    assert found.server == "https://b.example:6443"


async def test_kubeconfig_names_several_files_and_the_first_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = config("b")
    other["users"].append({"name": "a", "user": {"token": "not this"}})
    paths = [write(tmp_path / "1", config("a")), str(tmp_path / "missing"), write(tmp_path / "2", other)]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(paths))
    assert (await trusted.load(None)).token == "token-a"
    assert (await trusted.load(None, "b")).token == "token-b"


async def test_the_home_s_kubeconfig_is_the_default(tmp_path: Path) -> None:
    write(tmp_path / "home" / ".kube" / "config", config())
    assert (await trusted.load(None)).server == "https://a.example:6443"


async def test_a_pod_uses_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = tmp_path / "account"
    account.mkdir()
    for name, content in {"token": b"one", "ca.crt": CA, "namespace": b"fleethub"}.items():
        (account / name).write_bytes(content)
    monkeypatch.setattr(trusted, "ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    found = await trusted.load(None)
    assert found.server == "https://[fd00::1]:6443"
    assert (found.ca_data, found.token, found.namespace) == (CA, "one", "fleethub")
    (account / "token").write_bytes(b"two")
    assert found.refresh is not None
    assert await found.refresh() == "two"


async def test_no_identity_at_all_is_said() -> None:
    with pytest.raises(KubeconfigInvalid, match="no kubeconfig was found"):
        await trusted.load(None)


@pytest.mark.parametrize(
    "broken",
    [
        {"current-context": "hunter2"},
        {"clusters": []},
        {"clusters": 3},
        {"users": {"hunter2": {}}},
        {"clusters": [{"cluster": {"server": "hunter2"}}]},
        {"clusters": [{"name": "a", "cluster": {"server": "http://hunter2"}}]},
        {"clusters": [{"name": "a", "cluster": {"server": 7}}]},
        {"users": [{"name": "a", "user": {"client-certificate-data": "*hunter2"}}]},
        {"users": [{"name": "a", "user": {"tokenFile": "/hunter2"}}]},
        {"users": [{"name": "a", "user": {"token": ["hunter2"]}}]},
        {"users": []},
    ],
)
async def test_a_kubeconfig_that_lacks_something_is_an_error_without_content(
    tmp_path: Path, broken: dict[str, Any]
) -> None:
    with pytest.raises(KubeconfigInvalid) as caught:
        await trusted.load(write(tmp_path / "c", config() | broken))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("content", ["{a: 'hunter2", "- hunter2", "hunter2"])
async def test_what_is_no_kubeconfig_is_an_error_without_content(tmp_path: Path, content: str) -> None:
    (tmp_path / "c").write_text(content)
    with pytest.raises(KubeconfigInvalid) as caught:
        await trusted.load(str(tmp_path / "c"))
    assert CANARY not in str(caught.value)


async def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigInvalid):
        await trusted.load(str(tmp_path / "none"))


def plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    path = tmp_path / "plugin.py"
    path.write_text(script)
    version = "client.authentication.k8s.io/v1"
    return {
        "exec": {
            "apiVersion": version,
            "command": sys.executable,
            "args": [str(path)],
            "interactiveMode": "Never",
        }
    }


async def test_an_exec_plugin_gives_the_token_and_is_asked_again(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    script = f"""
import json, pathlib
path = pathlib.Path({str(counter)!r})
count = len(path.read_text()) + 1 if path.exists() else 1
path.write_text("x" * count)
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                   "status": {{"token": f"token-{{count}}"}}}}))
"""
    found = await trusted.load(write(tmp_path / "c", config(user=plugin(tmp_path, script))))
    assert found.token == "token-1"
    assert found.refresh is not None
    assert await found.refresh() == "token-2"


async def test_an_exec_plugin_may_give_a_certificate(tmp_path: Path) -> None:
    script = """
import json
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"clientCertificateData": "cert", "clientKeyData": "key"}}))
"""
    found = await trusted.load(write(tmp_path / "c", config(user=plugin(tmp_path, script))))
    assert (found.client_cert, found.client_key, found.token) == (b"cert", b"key", None)


@pytest.mark.parametrize("script", ["raise SystemExit('hunter2')", "print('hunter2')"])
async def test_a_failing_plugin_is_an_error_without_its_words(tmp_path: Path, script: str) -> None:
    with pytest.raises(Unreachable) as caught:
        await trusted.load(write(tmp_path / "c", config(user=plugin(tmp_path, script))))
    assert CANARY not in str(caught.value)


async def test_an_oidc_provider_s_token_is_used(tmp_path: Path) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 99999999999}').decode().rstrip("=")
    token = f"h.{claims}.s"
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": token}}}
    found = await trusted.load(write(tmp_path / "c", config(user=user)))
    assert found.token == token
