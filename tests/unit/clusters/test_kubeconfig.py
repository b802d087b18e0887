"""Kubeconfigs of registrations: read strictly, refused where they ask for more than a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from fleet.clusters.kubeconfig import Allowed, parse
from fleet.errors import KubeconfigInvalid, KubeconfigRefused, RegistrationError
from fleet.kube.connection import Connection
from tests.unit.clusters.secrets import CANARY, KEY, PEM, SERVER, Body, coded, kubeconfig, written

PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "args": ["eks", CANARY]}


async def run(plugin: Mapping[str, Any]) -> str:
    return f"token of {plugin['command']}"


def read(body: Body, **options: Any) -> Connection:
    return parse(written(body), **options)


def test_a_token_and_an_authority_make_a_connection() -> None:
    assert read(kubeconfig()) == Connection(SERVER, ca_data=PEM, token=CANARY)


def test_yaml_is_read_as_json_is() -> None:
    assert parse(yaml.safe_dump(kubeconfig()).encode()) == read(kubeconfig())


def test_a_client_certificate_a_name_and_a_namespace_are_read() -> None:
    body = kubeconfig(
        {"server": f"{SERVER}/", "tls-server-name": "kubernetes"},
        {"client-certificate-data": coded(PEM), "client-key-data": coded(KEY)},
        contexts=[{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
    )
    assert read(body) == Connection(
        SERVER,
        ca_data=PEM,
        tls_server_name="kubernetes",
        client_cert=PEM,
        client_key=KEY,
        namespace="team",
    )


def test_a_password_is_a_credential() -> None:
    assert read(kubeconfig(user={"username": "admin", "password": CANARY})).basic == ("admin", CANARY)


def test_the_only_context_needs_no_naming() -> None:
    body = kubeconfig()
    del body["current-context"]
    assert read(body).server == SERVER


def test_a_context_can_be_asked_for() -> None:
    body = kubeconfig()
    body["users"].append({"name": "other", "user": {"token": "other"}})
    body["contexts"].append({"name": "y", "context": {"cluster": "c", "user": "other"}})
    assert read(body, context="y").token == "other"


def test_an_entry_that_is_not_used_is_not_looked_at() -> None:
    body = kubeconfig()
    body["users"].append({"name": "other", "user": {"exec": PLUGIN}})
    assert read(body).token == CANARY


REFUSED: dict[str, tuple[str, Body]] = {
    "exec": ("user.exec.command", kubeconfig(user={"exec": PLUGIN})),
    "exec beside a token": ("user.exec.command", kubeconfig(user={"token": CANARY, "exec": PLUGIN})),
    "auth-provider": ("user.auth-provider", kubeconfig(user={"auth-provider": {"name": "gcp"}})),
    "token file": ("user.tokenFile", kubeconfig(user={"token": CANARY, "tokenFile": "/etc/passwd"})),
    "certificate file": ("user.client-certificate", kubeconfig(user={"client-certificate": "/etc/c"})),
    "key file": ("user.client-key", kubeconfig(user={"client-key": "/etc/k"})),
    "authority file": ("cluster.certificate-authority", kubeconfig({"certificate-authority": "/etc/ca"})),
    "no verification": (
        "cluster.insecure-skip-tls-verify",
        kubeconfig({"insecure-skip-tls-verify": True}),
    ),
    "plain http": ("cluster.server", kubeconfig({"server": "http://eu-1.example"})),
    "password in the URL": ("cluster.server", kubeconfig({"server": f"https://a:{CANARY}@eu-1.example"})),
    "unix socket": ("cluster.server", kubeconfig({"server": "unix:///run/x"})),
    "proxy": ("cluster.proxy-url", kubeconfig({"proxy-url": "http://proxy.example:3128"})),
    "socks proxy": ("cluster.proxy-url", kubeconfig({"proxy-url": "socks5://proxy.example"})),
    "impersonation": ("user.as", kubeconfig(user={"token": CANARY, "as": "system:admin"})),
    "impersonated groups": (
        "user.as-groups",
        kubeconfig(user={"token": CANARY, "as-groups": ["system:masters"]}),
    ),
}


@pytest.mark.parametrize(("field", "body"), REFUSED.values(), ids=REFUSED.keys())
def test_what_asks_for_more_than_a_connection_is_refused(field: str, body: Body) -> None:
    with pytest.raises(KubeconfigRefused) as caught:
        read(body)
    assert caught.value.field == field
    assert caught.value.text.startswith(field.removesuffix(".command"))


INVALID: dict[str, bytes] = {
    "nothing": b"",
    "text": CANARY.encode(),
    "list": b"[]",
    "broken": b"clusters: [" + CANARY.encode(),
    "key twice": f"{CANARY}: 1\n{CANARY}: 2\n".encode(),
    "alias of nothing": f"users: *{CANARY}\n".encode(),
    "two documents": b"a: 1\n---\nb: 2\n",
    "not UTF-8": b"\xff\xfe" + CANARY.encode(),
    "another kind": written(kubeconfig(kind=CANARY)),
    "no clusters": written(kubeconfig(clusters=None)),
    "clusters as object": written(kubeconfig(clusters={"c": CANARY})),
    "entry that is text": written(kubeconfig(users=[CANARY])),
    "user twice": written(kubeconfig(users=[{"name": "u", "user": {"token": CANARY}}] * 2)),
    "no such context": written(kubeconfig() | {"current-context": CANARY}),
    "no such user": written(
        kubeconfig(contexts=[{"name": "x", "context": {"cluster": "c", "user": CANARY}}])
    ),
    "no server": written(kubeconfig({"server": None})),
    "server without host": written(kubeconfig({"server": "https://"})),
    "server with query": written(kubeconfig({"server": f"{SERVER}?{CANARY}"})),
    "server with a space": written(kubeconfig({"server": f"https://eu 1/{CANARY}"})),
    "port that is none": written(kubeconfig({"server": f"https://eu-1:{CANARY}"})),
    "server as number": written(kubeconfig({"server": 6443})),
    "authority that is no base64": written(kubeconfig({"certificate-authority-data": f"!{CANARY}"})),
    "authority that is no PEM": written(kubeconfig({"certificate-authority-data": coded(CANARY.encode())})),
    "skipping as text": written(kubeconfig({"insecure-skip-tls-verify": "true"})),
    "no credential": written(kubeconfig(user={})),
    "empty token": written(kubeconfig(user={"token": ""})),
    "token with a line": written(kubeconfig(user={"token": f"{CANARY}\n"})),
    "token as number": written(kubeconfig(user={"token": 5})),
    "certificate without key": written(kubeconfig(user={"client-certificate-data": coded(PEM)})),
    "name without password": written(kubeconfig(user={"username": CANARY})),
    "token and password": written(kubeconfig(user={"token": "t", "username": CANARY, "password": CANARY})),
}


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID.keys())
def test_what_does_not_read_or_lacks_something_is_invalid(data: bytes) -> None:
    with pytest.raises(KubeconfigInvalid):
        parse(data)


def test_no_error_and_no_repr_quotes_the_kubeconfig() -> None:
    for data in (*INVALID.values(), *(written(body) for _, body in REFUSED.values())):
        with pytest.raises(RegistrationError) as caught:
            parse(data)
        assert CANARY not in repr(caught.value)
        assert caught.value.__cause__ is None
    assert CANARY not in repr(read(kubeconfig()))


def test_two_contexts_and_none_current_is_no_guess() -> None:
    body = kubeconfig(contexts=[{"name": each, "context": {"cluster": "c", "user": "u"}} for each in "xy"])
    del body["current-context"]
    with pytest.raises(KubeconfigInvalid):
        read(body)


def test_a_proxy_counts_where_the_hub_was_told_its_host() -> None:
    body = kubeconfig({"proxy-url": "http://Proxy.example:3128/"})
    allow = Allowed(proxies=frozenset({"proxy.example"}))
    assert read(body, allow=allow).proxy_url == "http://Proxy.example:3128"
    for host in ("example", "proxy.example.evil.dev", "http://proxy.example:3128"):
        with pytest.raises(KubeconfigRefused):
            read(body, allow=Allowed(proxies=frozenset({host})))


async def test_an_allowed_command_gives_the_token_when_it_is_needed() -> None:
    connection = read(kubeconfig(user={"exec": PLUGIN}), allow=Allowed(frozenset({"aws"}), run=run))
    assert connection.token is None
    assert connection.refresh is not None
    assert await connection.refresh() == "token of aws"


@pytest.mark.parametrize(
    "change",
    [
        {"command": "/srv/aws"},
        {"command": "./aws"},
        {"command": ""},
        {"env": [{"name": "PATH", "value": "/srv"}]},
        {"interactiveMode": "Always"},
        {"provideClusterInfo": True},
    ],
)
def test_an_allowed_name_allows_that_command_alone(change: Body) -> None:
    with pytest.raises(KubeconfigRefused):
        read(kubeconfig(user={"exec": PLUGIN | change}), allow=Allowed(frozenset({"aws"}), run=run))


def test_no_command_is_allowed_without_something_that_runs_it() -> None:
    with pytest.raises(KubeconfigRefused):
        read(kubeconfig(user={"exec": PLUGIN}), allow=Allowed(frozenset({"aws"})))
