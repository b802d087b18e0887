"""The hub's door to Vault, against a real OpenBao and tokens of a real API server."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.kube.request import Request
from fleet.secrets.stores import value
from fleet.secrets.vault import failure
from fleet.secrets.vault.address import KvPath, Login, Method
from fleet.secrets.vault.door import Door
from fleet.secrets.vault.history import State
from fleet.secrets.vault.question import Question, Verb
from fleet.secrets.vault.vault import Vault
from tests.stage.api import Api
from tests.stage.openbao import ROOT, OpenBao, Refused, Standby, serving
from tests.stage.theatre import Planes

CANARY = "kanarienvogel-7f3a"
INTERVAL = 60.0
APP = KvPath("secret", "app/db")
AUDIENCE = "vault-of-the-tests"
ACCOUNT = "fleethub-vault"
# One path that may be read, and one that root's token alone could read; hvac looks at some variables when it is loaded.
FROM_OUTSIDE = """
import asyncio, json, sys
from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.secrets.vault.address import KvPath, Login, Method
from fleet.secrets.vault.vault import Vault

async def main():
    url, role, secret_id, ca = json.load(sys.stdin)
    async def given(*_): return secret_id
    vault = Vault(given, given, Clock())
    login = Login(url, "", Method.APPROLE, "approle", role, secret="x", ca=ca)
    print((await vault.read(login, KvPath("secret", "app/env")))["n"])
    try:
        await vault.read(login, KvPath("secret", "hidden"))
    except FleetError as error:
        print(error.reason)
    await vault.close()

asyncio.run(main())
"""


class Recording:
    """The real door, which notes what goes through; ``broken`` is raised instead of one verb."""

    def __init__(self) -> None:
        self.door = Door()
        self.verbs: list[Verb] = []
        self.tokens: list[str] = []
        self.broken: dict[Verb, FleetError] = {}
        self.newest = 0

    async def ask(self, login: Login, token: str, question: Question) -> Mapping[str, Any]:
        self.verbs.append(question.verb)
        self.tokens.append(token)
        if question.verb in self.broken:
            raise self.broken[question.verb]
        if self.newest and question.verb is Verb.DATA and not question.number:
            question = replace(question, number=self.newest)
        return await self.door.ask(login, token, question)

    async def close(self) -> None:
        await self.door.close()


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with serving(tmp_path_factory.mktemp("bao")) as bao:
        bao.kv("kv1", 1)
        bao.root("POST", "sys/mounts/transit", {"type": "transit"})
        yield bao


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door() -> Recording:
    return Recording()


@pytest.fixture
async def vault(bao: OpenBao, hub_api: Api, clock: Clock, door: Recording) -> AsyncIterator[Vault]:
    async def tokens(account: str, audience: str) -> str:
        return await token_request(hub_api, account, audience)

    async def secret_ids(name: str) -> str:
        return bao.secret_ids[name]

    made = Vault(tokens, secret_ids, clock, door=door)
    yield made
    await made.close()


@pytest.fixture
def login(bao: OpenBao) -> Login:
    """May read all of both KV engines."""
    return bao.approle("reader", "secret/data/*", "secret/metadata/*", "kv1/*", "transit/*", "nothing/*")


async def token_request(api: Api, account: str, audience: str) -> str:
    path = f"/api/v1/namespaces/{names.HUB_NAMESPACE}/serviceaccounts/{account}/token"
    spec = {"audiences": [audience], "expirationSeconds": 600} if audience else {"expirationSeconds": 600}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = await api.send(Request("POST", path, body=orjson.dumps(body)))
    return str(orjson.loads(answer.body)["status"]["token"])


async def account(api: Api, name: str = ACCOUNT) -> None:
    metadata = {"name": name, "namespace": names.HUB_NAMESPACE}
    await api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


async def raised(awaitable: Any, kind: type[failure.VaultError]) -> failure.VaultError:
    """The error that it ends with, of that very kind, and fit for a condition."""
    with pytest.raises(failure.VaultError) as caught:
        await awaitable
    assert type(caught.value) is kind, caught.value
    for text in (str(caught.value), repr(caught.value), caught.value.text):
        assert CANARY not in text
        assert "hvs." not in text
        assert ROOT not in text
    assert caught.value.__cause__ is None
    return caught.value


# --- data and versions ----------------------------------------------------------------------------------


async def test_both_engines_are_read(bao: OpenBao, vault: Vault, login: Login) -> None:
    bao.put("secret/data/app/both", {"password": CANARY})
    bao.put("kv1/app/both", {"password": CANARY, "port": 5432})
    assert dict(await vault.read(login, KvPath("secret", "app/both"))) == {"password": CANARY}
    assert dict(await vault.read(login, KvPath("kv1", "app/both", 1))) == {"password": CANARY, "port": 5432}
    assert vault.logins == 1


async def test_numbers_come_out_as_the_server_has_them(
    bao: OpenBao, vault: Vault, login: Login, clock: Clock
) -> None:
    # Written by hand: Python would write them otherwise. OpenBao keeps floats; what it makes of them is what counts.
    held = '{"a": 1.50, "b": 12345678901234567890123, "c": 0.00000001, "d": 5432}'
    first = KvPath("kv1", "app/numbers", 1)
    bao.raw("POST", "kv1/app/numbers", held)
    bao.raw("POST", "secret/data/app/numbers", f'{{"data": {held}}}')
    for place, path in (
        (first, "kv1/app/numbers"),
        (KvPath("secret", "app/numbers"), "secret/data/app/numbers"),
    ):
        answer = bao.raw("GET", path)
        found = await vault.read(login, place)
        for key in "abcd":
            assert f'"{key}":{value.pick(found, key).decode()}' in answer
        assert value.pick(found, "").decode() in answer
    before = await vault.version(login, first, interval=INTERVAL)
    bao.raw("POST", "kv1/app/numbers", held.replace("1.50", "1.25"))
    clock.advance(INTERVAL)
    assert (await vault.version(login, first, interval=INTERVAL)).content != before.content


async def test_a_version_is_told_by_its_metadata_and_older_ones_can_be_pinned(
    bao: OpenBao, vault: Vault, login: Login
) -> None:
    path = KvPath("secret", "app/pinned")
    bao.put("secret/data/app/pinned", {"n": "one"})
    bao.put("secret/data/app/pinned", {"n": "two"})
    newest = await vault.version(login, path, interval=INTERVAL)
    assert (newest.number, newest.state, newest.blind) == (2, State.LIVE, "")
    pinned = await vault.version(login, path, interval=INTERVAL, number=1)
    assert (pinned.number, pinned.state) == (1, State.LIVE)
    assert (await vault.version(login, path, interval=INTERVAL, number=3)).state is State.GONE
    assert dict(await vault.read(login, path, 1)) == {"n": "one"}
    assert vault.metadata_reads == 1
    error = await raised(vault.read(login, path, 3), failure.VaultPathMissing)
    assert "no version 3" in error.text


async def test_what_a_replica_that_is_behind_gives_is_not_taken_for_the_newest(
    bao: OpenBao, vault: Vault, door: Recording, login: Login
) -> None:
    path = KvPath("secret", "app/behind")
    for each in ("one", "two"):
        bao.put("secret/data/app/behind", {"n": each})
    assert (await vault.version(login, path, interval=INTERVAL)).number == 2
    door.newest = 1  # what such a replica has
    error = await raised(vault.read(login, path), failure.VaultBehind)
    assert "it has version 2 and answers with 1" in error.text
    assert error.transient
    assert dict(await vault.read(login, path, 1)) == {"n": "one"}
    door.newest = 0
    assert dict(await vault.read(login, path)) == {"n": "two"}
    # Removed and written again, it counts from 1, and holds what it says.
    first = await vault.version(login, path, interval=INTERVAL, number=1)
    bao.root("DELETE", "secret/metadata/app/behind")
    bao.put("secret/data/app/behind", {"n": "anew"})
    assert dict(await vault.read(login, path)) == {"n": "anew"}
    anew = await vault.version(login, path, interval=INTERVAL, number=1)
    assert (anew.number, anew.state) == (first.number, first.state)
    assert anew != first


async def test_ten_askers_cost_one_read_of_metadata_an_interval_and_none_of_data(
    bao: OpenBao, vault: Vault, login: Login, clock: Clock
) -> None:
    bao.put("secret/data/app/crowd", {"n": "one"})
    path = KvPath("secret", "app/crowd")
    before = bao.asked("secret/data/app/crowd", "read")
    for reads in (1, 2):
        for _ in range(3):
            crowd = [vault.version(login, path, interval=INTERVAL) for _ in range(10)]
            assert {version.number for version in await asyncio.gather(*crowd)} == {1}
        assert bao.asked("secret/metadata/app/crowd", "read") == vault.metadata_reads == reads
        clock.advance(INTERVAL)
    assert bao.asked("secret/data/app/crowd", "read") == before
    assert vault.data_reads == 0
    assert vault.logins == 1


async def test_equal_reads_in_flight_are_one_and_nothing_is_kept(
    bao: OpenBao, vault: Vault, login: Login
) -> None:
    bao.put("secret/data/app/flight", {"n": "one"})
    path = KvPath("secret", "app/flight")
    found = await asyncio.gather(*(vault.read(login, path) for _ in range(10)))
    assert [dict(each) for each in found] == [{"n": "one"}] * 10
    assert bao.asked("secret/data/app/flight", "read") == 1
    bao.put("secret/data/app/flight", {"n": "two"})
    assert dict(await vault.read(login, path)) == {"n": "two"}


async def test_a_cancelled_asker_takes_the_answer_from_nobody(
    bao: OpenBao, vault: Vault, login: Login
) -> None:
    bao.put("secret/data/app/cancel", {"n": "one"})
    path = KvPath("secret", "app/cancel")
    one, other = (asyncio.ensure_future(vault.read(login, path)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    assert dict(await other) == {"n": "one"}


async def test_deleted_destroyed_and_removed_are_told_apart(bao: OpenBao, vault: Vault, login: Login) -> None:
    path = KvPath("secret", "app/states")
    for number in ("one", "two", "three"):
        bao.put("secret/data/app/states", {"n": number})
    bao.root("POST", "secret/destroy/app/states", {"versions": [1]})
    bao.root("DELETE", "secret/data/app/states")
    states = [
        (await vault.version(login, path, interval=0, number=number)).state for number in (1, 2, 3, None)
    ]
    assert states == [State.DESTROYED, State.LIVE, State.DELETED, State.DELETED]
    await raised(vault.read(login, path, 1), failure.VaultVersionDestroyed)
    await raised(vault.read(login, path), failure.VaultVersionDeleted)
    bao.root("POST", "secret/undelete/app/states", {"versions": [3]})
    assert (await vault.version(login, path, interval=0)).state is State.LIVE
    bao.root("DELETE", "secret/metadata/app/states")
    assert (await vault.version(login, path, interval=0)).state is State.GONE
    await raised(vault.read(login, path), failure.VaultPathMissing)


async def test_a_version_with_an_end_is_looked_at_again_then(
    bao: OpenBao, vault: Vault, login: Login, clock: Clock
) -> None:
    path = KvPath("secret", "app/end")
    bao.root("POST", "secret/metadata/app/end", {"delete_version_after": "30s"})
    bao.put("secret/data/app/end", {"n": "one"})
    found = await vault.version(login, path, interval=600)
    assert found.state is State.LIVE
    assert found.until is not None
    assert 0 < found.until - clock.now() <= 30
    await vault.version(login, path, interval=600)
    assert vault.metadata_reads == 1
    clock.advance(31)
    assert (await vault.version(login, path, interval=600)).state is State.DELETED
    assert vault.metadata_reads == 2
    await vault.version(login, path, interval=600)
    assert vault.metadata_reads == 2


async def test_kv_one_is_compared_by_content(bao: OpenBao, vault: Vault, login: Login, clock: Clock) -> None:
    path = KvPath("kv1", "app/blind", 1)
    bao.put("kv1/app/blind", {"a": CANARY, "b": "2"})
    first = await vault.version(login, path, interval=INTERVAL)
    assert (first.number, first.state) == (0, State.LIVE)
    assert "no versions" in first.blind
    assert first.content not in repr(first)
    bao.put("kv1/app/blind", {"b": "2", "a": CANARY})
    assert await vault.version(login, path, interval=INTERVAL) == first
    assert bao.asked("kv1/app/blind", "read") == 1
    clock.advance(INTERVAL)
    assert await vault.version(login, path, interval=INTERVAL) == first
    bao.put("kv1/app/blind", {"b": "2", "a": "changed"})
    clock.advance(INTERVAL)
    assert (await vault.version(login, path, interval=INTERVAL)).content != first.content
    bao.root("DELETE", "kv1/app/blind")
    clock.advance(INTERVAL)
    assert (await vault.version(login, path, interval=INTERVAL)).state is State.GONE


async def test_without_a_right_to_metadata_the_data_is_compared(
    bao: OpenBao, vault: Vault, clock: Clock
) -> None:
    bao.put("secret/data/app/nometa", {"n": "one"})
    only_data = bao.approle("only-data", "secret/data/app/nometa")
    path = KvPath("secret", "app/nometa")
    first = await vault.version(only_data, path, interval=INTERVAL)
    assert (first.number, first.state) == (0, State.LIVE)
    assert "metadata" in first.blind
    clock.advance(INTERVAL)
    bao.put("secret/data/app/nometa", {"n": "two"})
    assert (await vault.version(only_data, path, interval=INTERVAL)).content != first.content
    assert (await vault.version(only_data, path, interval=INTERVAL, number=1)).content == first.content
    assert bao.asked("secret/metadata/app/nometa", "read") == 1
    bao.policy("only-data", "secret/data/app/nometa", "secret/metadata/app/nometa")
    clock.advance(600)
    assert (await vault.version(only_data, path, interval=INTERVAL)).number == 2


async def test_custom_metadata_is_read(bao: OpenBao, vault: Vault, login: Login) -> None:
    bao.put("secret/data/app/owned", {"n": CANARY})
    bao.root("POST", "secret/metadata/app/owned", {"custom_metadata": {"owner": "payments"}})
    found = await vault.metadata(login, KvPath("secret", "app/owned"))
    assert found["custom_metadata"] == {"owner": "payments"}
    assert found["current_version"] == 1


# --- why not ----------------------------------------------------------------------------------------------


async def test_a_missing_path_mount_engine_and_right_are_told_apart(
    bao: OpenBao, vault: Vault, login: Login
) -> None:
    bao.put("kv1/app/db", {"n": CANARY})
    bao.put("secret/data/app/db", {"n": CANARY})
    await raised(vault.read(login, KvPath("secret", "none")), failure.VaultPathMissing)
    await raised(vault.read(login, KvPath("kv1", "none", 1)), failure.VaultPathMissing)
    assert (await vault.version(login, KvPath("secret", "none"), interval=0)).state is State.GONE
    for mismatched, kind in (
        (KvPath("kv1", "app/db", 2), failure.VaultVersionMismatch),
        (KvPath("secret", "app/db", 1), failure.VaultVersionMismatch),
        (KvPath("transit", "keys", 1), failure.VaultEngineMismatch),
    ):
        await raised(vault.read(login, mismatched), kind)
        await raised(vault.version(login, mismatched, interval=0), kind)
    await raised(vault.read(login, KvPath("nothing", "app/db")), failure.VaultMountMissing)
    await raised(vault.version(login, KvPath("nothing", "app/db"), interval=0), failure.VaultMountMissing)
    narrow = bao.approle("narrow", "secret/metadata/app/db")
    error = await raised(vault.read(narrow, APP), failure.VaultForbidden)
    assert 'path "secret/data/app/db" { capabilities = ["read"] }' in error.text
    error = await raised(vault.version(narrow, KvPath("secret", "other"), interval=0), failure.VaultForbidden)
    assert "secret/metadata/other" in error.text
    assert vault.logins == 2, "a token that is good is not replaced because its policy gives nothing"


async def test_a_crowd_that_is_refused_asks_once_in_a_while(bao: OpenBao, vault: Vault, clock: Clock) -> None:
    narrow = bao.approle("crowd-of-refused", "secret/metadata/app/db")
    path = KvPath("secret", "refused")
    for _ in range(5):
        await raised(vault.version(narrow, path, interval=0), failure.VaultForbidden)
    assert bao.asked("secret/metadata/refused", "read") == 1
    bao.put("secret/data/refused", {"n": "1"})
    bao.policy("crowd-of-refused", "secret/metadata/refused")
    clock.advance(5)
    assert (await vault.version(narrow, path, interval=0)).number == 1


async def test_a_sealed_server_is_told_and_serves_again_with_the_same_token(
    bao: OpenBao, vault: Vault, login: Login, clock: Clock
) -> None:
    bao.put("secret/data/app/sealed", {"n": CANARY})
    path = KvPath("secret", "app/sealed")
    before = await vault.version(login, path, interval=INTERVAL)
    bao.seal()
    try:
        await raised(vault.read(login, path), failure.VaultSealed)
        clock.advance(INTERVAL)
        await raised(vault.version(login, path, interval=INTERVAL), failure.VaultSealed)
        assert vault.last(login, path) == before
        findings = await vault.check(login, [path])
        assert [(one.step, one.reason) for one in findings] == [("server", "VaultSealed")]
    finally:
        bao.unseal()
    clock.advance(5)
    assert await vault.version(login, path, interval=INTERVAL) == before
    assert vault.logins == 1


async def test_nobody_there_and_a_strangers_certificate_are_told_apart(
    bao: OpenBao, vault: Vault, login: Login, planes: Planes
) -> None:
    closed = replace(login, server="https://127.0.0.1:1")
    await raised(vault.read(closed, APP), failure.VaultUnreachable)
    # The system's CAs did not sign it, and another CA neither.
    await raised(vault.read(replace(login, ca=""), APP), failure.VaultUntrusted)
    other = planes.hub.authority.files.certificate.read_text()
    error = await raised(vault.read(replace(login, ca=other), APP), failure.VaultUntrusted)
    assert "BEGIN" not in error.text
    await raised(vault.read(replace(login, ca="no PEM"), APP), failure.VaultAddressRefused)
    assert bao.asked() > 0


async def test_another_server_that_answers_is_no_vault(vault: Vault, login: Login, planes: Planes) -> None:
    other = replace(login, server=planes.hub.server, ca=planes.hub.authority.files.certificate.read_text())
    with pytest.raises(failure.VaultError):
        await vault.version(other, APP, interval=0)
    assert vault.last(other, APP) is None


async def test_a_limit_is_kept_to_and_told_until_when(
    bao: OpenBao, vault: Vault, login: Login, clock: Clock
) -> None:
    bao.kv("limited", 2)
    bao.put("limited/data/x", {"n": "1"})
    bao.policy("reader", "secret/*", "limited/*")
    path = KvPath("limited", "x")
    seen = await vault.version(login, path, interval=INTERVAL)
    bao.root("POST", "sys/quotas/config", {"enable_rate_limit_response_headers": True})
    limit = {"path": "limited/", "rate": 1, "interval": "1h", "block_interval": "40s"}
    bao.root("POST", "sys/quotas/rate-limit/tests", limit)
    try:
        await vault.read(login, path)
        error = await raised(vault.read(login, path), failure.VaultLimited)
        assert 5 < error.retry_after <= 3600
        assert "429" in error.text
        sent = bao.asked()
        clock.advance(error.retry_after - 2)
        other = await raised(vault.read(login, KvPath("secret", "app/db")), failure.VaultLimited)
        assert other.text == error.text, "the text of a condition stands still"
        clock.advance(INTERVAL - error.retry_after + 1 if error.retry_after < INTERVAL else 0)
        assert bao.asked() == sent
        assert vault.last(login, path) == seen
    finally:
        bao.root("DELETE", "sys/quotas/rate-limit/tests")
    clock.advance(4)
    assert dict(await vault.read(login, path)) == {"n": "1"}


async def test_nothing_is_sent_for_a_path_that_climbs(bao: OpenBao, vault: Vault, login: Login) -> None:
    bao.put("secret/data/team-b/x", {"n": CANARY})
    await vault.version(login, APP, interval=0)
    sent = bao.asked()
    for text in (
        "../team-b/x",
        "team-a/../team-b/x",
        "team-a/%2e%2e/team-b/x",
        "a//b",
        "a/./b",
        "a\\..\\b",
        "x?version=1",
    ):
        await raised(vault.read(login, KvPath("secret", text)), failure.VaultPathRefused)
        await raised(vault.version(login, KvPath("secret", text), interval=0), failure.VaultPathRefused)
        await raised(vault.read(login, KvPath(f"secret/{text}", "x")), failure.VaultPathRefused)
    await raised(vault.read(replace(login, namespace="../other"), APP), failure.VaultPathRefused)
    await raised(vault.read(replace(login, mount="approle/../token"), APP), failure.VaultPathRefused)
    assert bao.asked() == sent


async def test_a_redirect_is_not_followed_and_no_token_of_the_environment_goes_along(
    bao: OpenBao, vault: Vault, login: Login, planes: Planes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", ROOT)
    with Standby(bao.url, planes.hub.authority) as standby:
        sent = bao.asked()
        away = replace(
            login, server=standby.url, ca=planes.hub.authority.files.certificate.read_text() + bao.ca
        )
        await raised(vault.read(away, APP), failure.VaultStandby)
        assert standby.tokens == [""]
        assert bao.asked() == sent


async def test_a_server_that_hangs_does_not_hold_up_the_others(
    bao: OpenBao, clock: Clock, login: Login
) -> None:
    async def secret_ids(name: str) -> str:
        return bao.secret_ids[name]

    bao.put("secret/data/app/hang", {"n": "1"})
    server = socket.create_server(("127.0.0.1", 0))  # nobody takes up what the kernel accepts
    port = server.getsockname()[1]
    vault = Vault(secret_ids_unused, secret_ids, clock, door=Door(connect=1.0, read=1.0))
    with server:
        hung = [
            asyncio.ensure_future(
                vault.read(replace(login, server=f"http://127.0.0.1:{port}", role=str(number)), APP)
            )
            for number in range(20)
        ]
        await asyncio.sleep(0)
        started = time.monotonic()
        assert dict(await vault.read(login, KvPath("secret", "app/hang"))) == {"n": "1"}
        assert time.monotonic() - started < 1.0
        assert not any(each.done() for each in hung)
        await raised(hung[0], failure.VaultUnreachable)
        for each in hung:
            each.cancel()
        await vault.close()
        await asyncio.gather(*hung, return_exceptions=True)
    await no_threads()


# --- logins -------------------------------------------------------------------------------------------------


async def test_a_jwt_of_a_service_account_logs_in(
    bao: OpenBao, vault: Vault, hub_api: Api, planes: Planes
) -> None:
    await account(hub_api)
    bao.put("secret/data/app/jwt", {"n": CANARY})
    bao.policy("jwt", "secret/data/app/jwt", "secret/metadata/app/jwt")
    bao.root("POST", "sys/auth/hubs/one", {"type": "jwt"})
    key = planes.hub.authority.signing_key("service-accounts").certificate.read_text()
    issuer = {"jwt_validation_pubkeys": [key], "bound_issuer": planes.hub.server}
    bao.root("POST", "auth/hubs/one/config", issuer)
    role = {
        "role_type": "jwt",
        "user_claim": "sub",
        "bound_audiences": [AUDIENCE],
        "bound_subject": f"system:serviceaccount:{names.HUB_NAMESPACE}:{ACCOUNT}",
        "token_policies": "jwt",
    }
    bao.root("POST", "auth/hubs/one/role/payments", role)
    login = Login(bao.url, "", Method.JWT, "hubs/one", "payments", ACCOUNT, AUDIENCE, ca=bao.ca)
    assert dict(await vault.read(login, KvPath("secret", "app/jwt"))) == {"n": CANARY}
    for wrong in (
        replace(login, audience="somebody-else"),
        replace(login, role="none"),
        replace(login, mount="none"),
        replace(login, namespace="none"),
    ):
        error = await raised(vault.read(wrong, KvPath("secret", "app/jwt")), failure.VaultLoginFailed)
        assert wrong.role in error.text


async def test_kubernetes_auth_asks_the_api_server_about_the_token(
    bao: OpenBao, vault: Vault, hub_api: Api, planes: Planes
) -> None:
    for name in (ACCOUNT, "vault-reviewer"):
        await account(hub_api, name)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "vault-reviewer"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "vault-reviewer", "namespace": names.HUB_NAMESPACE}],
    }
    await hub_api.apply(binding)
    bao.put("secret/data/app/k8s", {"n": CANARY})
    bao.policy("k8s", "secret/data/app/k8s")
    bao.root("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
    config = {
        "kubernetes_host": planes.hub.server,
        "kubernetes_ca_cert": planes.hub.authority.files.certificate.read_text(),
        "token_reviewer_jwt": await token_request(hub_api, "vault-reviewer", ""),
        "disable_local_ca_jwt": True,
    }
    bao.root("POST", "auth/kubernetes/config", config)
    role = {
        "bound_service_account_names": [ACCOUNT],
        "bound_service_account_namespaces": [names.HUB_NAMESPACE],
        "token_policies": "k8s",
    }
    bao.root("POST", "auth/kubernetes/role/payments", role)
    login = Login(bao.url, "", Method.KUBERNETES, "kubernetes", "payments", ACCOUNT, ca=bao.ca)
    assert dict(await vault.read(login, KvPath("secret", "app/k8s"))) == {"n": CANARY}
    await account(hub_api, "somebody")
    stranger = replace(login, account="somebody")
    await raised(vault.read(stranger, KvPath("secret", "app/k8s")), failure.VaultLoginFailed)


async def test_a_namespace_has_its_own_logins_and_secrets(bao: OpenBao, vault: Vault) -> None:
    bao.root("POST", "sys/namespaces/team-a", {})
    bao.kv("secret", 2, "team-a")
    bao.put("secret/data/app/ns", {"n": "of team-a"}, "team-a")
    bao.put("secret/data/app/ns", {"n": "of the root"})
    login = bao.approle("ns", "secret/data/app/ns", namespace="team-a")
    assert dict(await vault.read(login, KvPath("secret", "app/ns"))) == {"n": "of team-a"}
    error = await raised(
        vault.read(replace(login, namespace=""), KvPath("secret", "app/ns")), failure.VaultLoginFailed
    )
    assert "namespace" not in error.text


async def test_askers_share_one_login(bao: OpenBao, vault: Vault) -> None:
    login = bao.approle("shared", "secret/metadata/*")
    before = bao.asked("auth/approle/login")
    paths = [KvPath("secret", f"shared/{number}") for number in range(20)]
    await asyncio.gather(*(vault.version(login, path, interval=INTERVAL) for path in paths))
    assert bao.asked("auth/approle/login") == before + 1
    assert vault.logins == 1


async def test_a_revoked_token_is_replaced_at_once(bao: OpenBao, vault: Vault, door: Recording) -> None:
    bao.put("secret/data/app/revoked", {"n": "1"})
    login = bao.approle("revoked", "secret/data/app/revoked")
    await vault.read(login, KvPath("secret", "app/revoked"))
    bao.root("POST", "auth/token/revoke", {"token": door.tokens[-1]})
    found = await asyncio.gather(*(vault.read(login, KvPath("secret", "app/revoked")) for _ in range(5)))
    assert [dict(each) for each in found] == [{"n": "1"}] * 5
    assert vault.logins == 2


async def test_an_expired_token_is_replaced(bao: OpenBao, vault: Vault, door: Recording) -> None:
    bao.put("secret/data/app/expired", {"n": "1"})
    login = bao.approle("expired", "secret/data/app/expired", token_ttl="1s", token_max_ttl="1s")
    await vault.read(login, KvPath("secret", "app/expired"))
    await gone(bao, door.tokens[-1])
    assert dict(await vault.read(login, KvPath("secret", "app/expired"))) == {"n": "1"}
    assert vault.logins == 2


async def test_a_token_is_renewed_in_use_and_replaced_near_its_last_end(
    bao: OpenBao, vault: Vault, door: Recording, clock: Clock
) -> None:
    bao.put("secret/data/app/renewed", {"n": "1"})
    login = bao.approle("renewed", "secret/data/app/renewed", token_ttl="60s", token_max_ttl="62s")
    path = KvPath("secret", "app/renewed")
    await vault.read(login, path)
    clock.advance(39)
    await vault.read(login, path)
    assert door.verbs.count(Verb.RENEW) == 0
    clock.advance(2)
    await vault.read(login, path)
    assert (door.verbs.count(Verb.RENEW), vault.logins) == (1, 1)
    clock.advance(61)  # the server's time stands still: its token lives, ours has ended
    await vault.read(login, path)
    assert (door.verbs.count(Verb.RENEW), vault.logins) == (1, 2)


async def test_a_living_token_is_used_on_while_it_cannot_be_renewed(
    bao: OpenBao, vault: Vault, door: Recording, clock: Clock
) -> None:
    bao.put("secret/data/app/living", {"n": "1"})
    login = bao.approle("living", "secret/data/app/living", token_ttl="60s")
    path = KvPath("secret", "app/living")
    await vault.read(login, path)
    clock.advance(45)
    door.broken[Verb.RENEW] = failure.VaultUnreachable("no connection")
    await vault.read(login, path)
    await vault.read(login, path)
    assert door.verbs.count(Verb.RENEW) == 1
    assert vault.logins == 1


async def test_a_wrong_role_is_not_hammered(bao: OpenBao, vault: Vault, login: Login, clock: Clock) -> None:
    wrong = replace(login, role="no-such-role")
    before = bao.asked("auth/approle/login")
    first = await raised(vault.read(wrong, APP), failure.VaultLoginFailed)
    assert first.retry_after == 5
    for _ in range(5):
        await raised(vault.read(wrong, APP), failure.VaultLoginFailed)
    assert bao.asked("auth/approle/login") == before + 1
    clock.advance(5.1)
    second = await raised(vault.read(wrong, APP), failure.VaultLoginFailed)
    assert second.retry_after == 10
    assert bao.asked("auth/approle/login") == before + 2


async def test_a_token_that_may_not_look_itself_up_is_not_replaced_again_and_again(
    bao: OpenBao, vault: Vault
) -> None:
    login = bao.approle("mute", "secret/data/app/mute", token_no_default_policy=True)
    for number in range(4):
        await raised(vault.read(login, KvPath("secret", f"mute/{number}")), failure.VaultForbidden)
    assert vault.logins == 2


# --- what is around it ---------------------------------------------------------------------------------------


def test_the_environment_has_no_effect(bao: OpenBao, tmp_path: Path) -> None:
    (tmp_path / ".vault-token").write_text(ROOT)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    nowhere = str(tmp_path / "nowhere.pem")
    environment = {
        "VAULT_TOKEN": ROOT,
        "VAULT_ADDR": "https://127.0.0.1:1",
        "VAULT_CACERT": nowhere,
        "VAULT_CAPATH": nowhere,
        "VAULT_CLIENT_CERT": nowhere,
        "VAULT_CLIENT_KEY": nowhere,
        "VAULT_NAMESPACE": "nowhere",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
        "NO_PROXY": "",
        "REQUESTS_CA_BUNDLE": nowhere,
        "CURL_CA_BUNDLE": nowhere,
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    bao.put("secret/data/app/env", {"n": "1"})
    bao.put("secret/data/hidden", {"n": CANARY})
    narrow = bao.approle("env", "secret/data/app/env")
    given = [bao.url, narrow.role, bao.secret_ids["env"], bao.ca]
    done = subprocess.run(
        [sys.executable, "-c", FROM_OUTSIDE],
        input=json.dumps(given),
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["1", "VaultForbidden"], done.stderr


async def test_check_names_the_line_of_the_policy_that_is_missing(bao: OpenBao, vault: Vault) -> None:
    bao.put("secret/data/app/check", {"n": CANARY})
    login = bao.approle("check", "secret/metadata/app/check")
    findings = await vault.check(login, [KvPath("secret", "app/check")])
    assert [(one.step, one.holds) for one in findings] == [
        ("server", True),
        ("login", True),
        ("metadata", True),
        ("data", False),
    ]
    assert findings[-1].missing == 'path "secret/data/app/check" { capabilities = ["read"] }'
    bao.policy("check", "secret/+/app/check")
    assert all(one.holds for one in await vault.check(login, [KvPath("secret", "app/check")]))
    assert CANARY not in repr(findings)
    bao.put("kv1/app/check", {"n": CANARY})
    bao.policy("check", "kv1/app/check")
    first = await vault.check(login, [KvPath("kv1", "app/check")])
    assert [(one.step, one.holds) for one in first] == [("server", True), ("login", True), ("data", True)]
    assert first[-1].text == "kv1/app/check can be read (KV version 1)"
    wrong = await vault.check(replace(login, role="none"), [KvPath("secret", "app/check")])
    assert [(one.step, one.reason) for one in wrong] == [("server", ""), ("login", "VaultLoginFailed")]
    untrusted = await vault.check(replace(login, ca=""), [])
    assert [(one.step, one.reason) for one in untrusted] == [("server", "VaultUnreachable")]


async def test_no_representation_holds_a_token_or_a_value(
    bao: OpenBao, vault: Vault, login: Login, door: Recording
) -> None:
    bao.put("secret/data/app/repr", {"n": CANARY})
    await vault.read(login, KvPath("secret", "app/repr"))
    held = repr(vault._logins._held) + repr(Question(Verb.LOGIN, credential=CANARY)) + repr(login)
    assert door.tokens[-1]
    assert door.tokens[-1] not in held
    assert CANARY not in held
    assert "BEGIN" not in held


async def test_closing_forgets_tokens_and_ends_threads(bao: OpenBao, clock: Clock, login: Login) -> None:
    async def secret_ids(name: str) -> str:
        return bao.secret_ids[name]

    bao.put("secret/data/app/close", {"n": "1"})
    vault = Vault(secret_ids_unused, secret_ids, clock)
    await vault.read(login, KvPath("secret", "app/close"))
    await vault.close()
    assert vault._logins._held == {}
    await no_threads()


# --- what the tests are made of ------------------------------------------------------------------------------


async def secret_ids_unused(account: str, audience: str) -> str:
    raise AssertionError(f"nobody asks for a token of {account} for {audience}")


async def no_threads(before: int = 0) -> None:
    """Wait until no thread of a door that is closed runs."""
    deadline = time.monotonic() + 5
    while sum(each.name.startswith("fleethub-vault") for each in threading.enumerate()) > before:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def gone(bao: OpenBao, token: str) -> None:
    """Wait until the server knows a token no more."""
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while True:
        try:
            bao.root("GET", "auth/token/lookup-self", token=token)
        except Refused:
            return
        assert datetime.now(UTC) < deadline
        await asyncio.sleep(0.05)
