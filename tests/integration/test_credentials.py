"""What the hub signs in to members with: renewed by itself, on request, taken back, and what happens without it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.cli.cluster import registering
from fleet.clock import Clock
from fleet.clusters import enrol
from fleet.documents import read
from fleet.errors import Unreachable
from fleet.hub.seams import Seams
from fleet.kube.client import Client
from fleet.kube.request import Answer, Request
from tests.integration.test_cli import add, fleethub
from tests.integration.test_clusters_enrol import KUBECTL
from tests.integration.test_identity import cluster, nowhere, says
from tests.stage.api import until
from tests.stage.seams import Meddler, meddled
from tests.stage.teams import Team
from tests.stage.theatre import Theatre, config

KEPT = f"/api/v1/namespaces/{names.HUB_NAMESPACE}/secrets"
SHORT = 600  # seconds, the least that an API server grants


@pytest.fixture
async def stage(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Theatre]:
    """Signs of life each second; the hub's account on eu is taken away again."""
    monkeypatch.setattr("fleet.worker.probing.EVERY", 1.0)
    yield theatre
    await theatre.stop()
    await enrol.unenrol(theatre.members["eu"].send)


async def kept(theatre: Theatre) -> dict[str, Any]:
    return await theatre.api.get("Secret", "eu-token", names.HUB_NAMESPACE) or {}


async def beginning(theatre: Theatre) -> None:
    """Register eu with a token that the test asks for, as somebody else than our commands may."""
    granted = await enrol.enrol(theatre.members["eu"].send, "eu")
    found = read.value(theatre.planes.members["eu"].kubeconfig.read_bytes(), path="eu")
    found["users"][0]["user"] = {"token": granted.token}
    file = theatre.folder / "beginning.yaml"
    file.write_text(json.dumps(found))
    await theatre.register("eu", {"env": "prod"}, kubeconfig=file)


async def holds(theatre: Theatre, value: str) -> None:
    """Commit, and wait until it is on eu."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k=value)})

    async def look() -> bool:
        found = await theatre.members["eu"].get("ConfigMap", "a", theatre.namespace)
        return found is not None and found["data"] == {"k": value}

    await until(look, what=f"a is {value} on eu")


async def test_a_hub_that_renews_its_token_ten_times_drops_no_sync(
    stage: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.start()
    await add(stage, "eu", "--label", "env=prod")
    granted = (await cluster(stage, "eu"))["status"]
    assert granted["credentialLifetime"] == "720h"
    given = await stage.api.get("Secret", "eu-kubeconfig", names.HUB_NAMESPACE)
    await stage.application()
    await holds(stage, "0")
    told: list[bool] = []

    def tell(_: str) -> None:
        reach = stage.hub.board.reach_of("eu")
        told.append(reach is not None and reach.reachable)

    stage.hub.board.on_cluster(tell)
    monkeypatch.setattr(enrol, "TOKEN_SECONDS", SHORT)
    monkeypatch.setattr("fleet.clusters.token.SHARE", 1.0 / SHORT)  # a second of ten minutes
    done = await fleethub(stage, "cluster", "rotate", "eu")
    assert "granted for 10m" in done.out
    tokens = {(await kept(stage))["data"]["token"]}
    number = 0
    while len(tokens) < 11:
        number += 1
        begun = time.monotonic()
        await holds(stage, str(number))
        assert time.monotonic() - begun < 5
        tokens.add((await kept(stage))["data"]["token"])
    await stage.synced()
    assert all(told)
    status = (await cluster(stage, "eu"))["status"]
    assert status["credentialLifetime"] == "10m"
    shown = await fleethub(stage, "cluster", "get", "eu")
    assert "granted for 10m" in shown.out
    after = await stage.api.get("Secret", "eu-kubeconfig", names.HUB_NAMESPACE)
    assert after == given, "what a person gave stays as it was"
    assert (await cluster(stage, "eu"))["metadata"]["labels"]["env"] == "prod"


async def test_a_token_that_was_given_for_the_beginning_is_exchanged_at_once(
    stage: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(enrol, "TOKEN_SECONDS", SHORT)
        await beginning(stage)
    await stage.start()

    async def exchanged() -> bool:
        status = (await cluster(stage, "eu")).get("status") or {}
        return status.get("credentialLifetime") == "720h"

    await until(exchanged, what="a token of the hub's own serves")
    assert (await kept(stage))["data"]["token"]
    assert (await cluster(stage, "eu"))["metadata"]["labels"]["env"] == "prod"


async def test_where_a_member_grants_less_than_a_day_it_is_asked_once_and_has_been_reached(
    stage: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrol, "TOKEN_SECONDS", SHORT)
    await beginning(stage)
    given = await stage.api.get("Secret", "eu", names.HUB_NAMESPACE) or {}
    await stage.start()
    first = await until(lambda: kept(stage), what="the hub has a token of its own")

    async def reached() -> bool:
        """As whoever waits for what he has registered hears it, who may look only now."""
        version = given["metadata"]["resourceVersion"]
        return registering.stand("eu", await cluster(stage, "eu"), version).reached

    await until(reached, what="whoever registered it hears so")
    await stage.application()
    await holds(stage, "0")
    assert await kept(stage) == first


async def test_a_renewal_that_dies_between_its_steps_leaves_a_token_that_works(
    stage: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    meddler = Meddler()
    await stage.start(meddled(meddler))
    await add(stage, "eu")
    await stage.application()
    await holds(stage, "0")

    # A token that is no good is never written, however the member came to give it.
    real = enrol.token_of

    async def bad(send: Any, place: str) -> tuple[str, float]:
        token, expires = await real(send, place)
        return f"{token[:-8]}AAAAAAAA", expires

    monkeypatch.setattr(enrol, "token_of", bad)
    refused = await fleethub(stage, "cluster", "rotate", "eu", code=1)
    assert "does not accept the credential" in refused.err
    assert not await kept(stage)
    monkeypatch.setattr(enrol, "token_of", real)

    # The hub dies after the token was asked for, and before it was written.
    async def cut(name: str, request: Request) -> None:
        if name == names.HUB_CLUSTER and request.writes and request.path.startswith(KEPT):
            raise Unreachable("cut off")

    meddler.before = cut
    asked = await fleethub(stage, "cluster", "rotate", "eu", code=1)
    assert "cut off" in asked.err
    await holds(stage, "1")
    await stage.stop()
    meddler.before = None
    assert not await kept(stage)

    # The next one finds the request and acts on it; after the write nothing else is left to do.
    await stage.start(meddled(meddler))
    word = (await cluster(stage, "eu"))["metadata"]["annotations"][names.ROTATE]

    async def rotated() -> bool:
        return bool((await cluster(stage, "eu"))["status"].get("rotated") == word)

    await until(rotated, what="the request is answered")
    version = (await kept(stage))["metadata"]["resourceVersion"]
    await stage.stop()
    await stage.start()
    await says(stage, "eu", "Reachable")
    await holds(stage, "2")
    assert (await kept(stage))["metadata"]["resourceVersion"] == version, "answered once"


async def test_a_revoked_credential_is_void_and_said_until_another_is_given(stage: Theatre) -> None:
    await stage.start()
    await add(stage, "eu")
    await stage.application()
    await holds(stage, "0")
    done = await fleethub(stage, "cluster", "revoke", "eu", "--yes")
    assert "ServiceAccount fleethub/fleethub of eu is deleted" in done.out
    told = await says(stage, "eu", "Revoked", "fleethub cluster rotate eu --member-kubeconfig FILE")
    assert told
    eu = stage.members["eu"]
    assert await eu.get("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE) is None
    assert await eu.get("ConfigMap", "a", stage.namespace), "what runs there stays"
    await stage.stop()
    await stage.start()
    await says(stage, "eu", "Revoked")
    wrong = str(stage.planes.members["us"].kubeconfig)
    refused = await fleethub(stage, "cluster", "rotate", "eu", "--member-kubeconfig", wrong, code=1)
    assert "UIDs of kube-system" in refused.err
    admin = str(stage.planes.members["eu"].kubeconfig)
    await fleethub(stage, "cluster", "rotate", "eu", "--member-kubeconfig", admin)
    await holds(stage, "1")
    await stage.stop()
    await stage.start()
    await says(stage, "eu", "Ready")
    assert await eu.get("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE), "once is once"


async def test_a_token_that_was_revoked_by_hand_is_found_by_doctor_whose_advice_mends_it(
    stage: Theatre,
) -> None:
    def client(connection: Any, cluster: str, budget: Any, permit: Any, observe: Any, clock: Any) -> Client:
        return Aged(connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock)

    await stage.start(Seams(client=client))
    await add(stage, "eu")
    await stage.application()
    await holds(stage, "0")
    well = await fleethub(stage, "cluster", "doctor", "eu", "-o", "json")
    checks = {one["check"]: one for one in json.loads(well.out)["items"][0]["checks"]}
    assert all(one["well"] for one in checks.values())
    assert {
        "reachable",
        "credential",
        "identity",
        "version",
        "token",
        "server certificate",
        "clock",
    } <= checks.keys()

    # One that is as good, but for what its server says of itself; and one where nobody is.
    Aged.version = "v1.32.4"
    await stage.register("us", kubeconfig=nowhere(stage, "us"))

    async def tried() -> bool:
        return any(
            one["type"] == "Reachable"
            for one in (await cluster(stage, "us")).get("status", {}).get("conditions", ())
        )

    await until(tried, what="us was tried")
    old = await fleethub(stage, "cluster", "doctor", "--all", code=1)
    assert "it runs v1.32.4, older than supported (1.33 to 1.36)" in old.out
    assert "us: curl -v https://127.0.0.1:1/version" in old.out
    Aged.version = ""

    await stage.members["eu"].delete("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE)

    async def found() -> list[str]:
        done = await fleethub(stage, "cluster", "doctor", "eu", code=None)
        return [line.removeprefix("eu: ") for line in done.out.splitlines() if line.startswith("eu: ")]

    advice = (await until(found, what="doctor finds it"))[0]
    program, *arguments = advice.replace("FILE", str(stage.planes.members["eu"].kubeconfig)).split()
    assert program == "fleethub"
    await fleethub(stage, *arguments)
    await holds(stage, "1")
    assert "WRONG" not in (await fleethub(stage, "cluster", "doctor", "eu")).out


class Aged(Client):
    """The real door, but for the version that a member says it has."""

    version = ""

    async def send(self, request: Request) -> Answer:
        answer = await super().send(request)
        if request.path == "/version" and self.version and self.cluster == "eu":
            return Answer(answer.status, orjson.dumps({"gitVersion": self.version}))
        return answer


async def test_an_account_that_only_acts_as_others_writes_as_them_and_looks_after_its_own_token(
    stage: Theatre,
) -> None:
    eu, admin = stage.members["eu"], str(stage.planes.members["eu"].kubeconfig)
    await stage.start()
    added = await add(stage, "eu", "--scope", "impersonate")
    assert "to act as any ServiceAccount" in added.out
    team = Team(stage)
    await team.open(serviceAccount=f"deployer-{stage.number}")
    stage.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    backoff = {"duration": "1s", "maxDuration": "2s"}
    policy = {"automated": {}, "retry": {"limit": 100, "backoff": backoff}}
    await team.application("web", team.spec("web", syncPolicy=policy))

    async def advised() -> bool:
        """Do what doctor says, as the administrator of eu, until there is nothing more to say."""
        told = await fleethub(stage, "cluster", "doctor", "eu", code=None)
        for line in told.out.splitlines():
            command = line.removeprefix("eu: ")
            if command.startswith("kubectl create "):
                command = command.replace("kubectl ", f"{KUBECTL} --kubeconfig {admin} ")
                run = ["sh", "-c", command]
                given = await asyncio.to_thread(subprocess.run, run, capture_output=True, timeout=30)
                assert given.returncode == 0 or b"AlreadyExists" in given.stderr, given
        return await eu.get("ConfigMap", "a", stage.namespace) is not None

    await until(advised, what="doctor's advice lets the account in")
    done = await fleethub(stage, "cluster", "rotate", "eu")
    assert "granted for 720h" in done.out
    await fleethub(stage, "cluster", "rotate", "eu", "--member-kubeconfig", admin)
    bound = await eu.get("ClusterRoleBinding", names.MEMBER_ACCOUNT)
    assert bound is not None
    assert bound["roleRef"]["name"] == names.MEMBER_ACCOUNT, "no way to more"
    await fleethub(stage, "cluster", "revoke", "eu", "--yes")
    assert await eu.get("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE) is None


async def test_a_hub_that_was_stopped_past_the_life_of_its_token_says_so(stage: Theatre) -> None:
    await stage.start()
    await add(stage, "eu")
    await stage.application()
    await holds(stage, "0")
    await stage.stop()
    await enrol.void(stage.members["eu"].send, names.MEMBER_NAMESPACE)  # as refused as one that has ended

    class Later(Clock):
        def __init__(self) -> None:
            super().__init__()
            self.advance(31 * 86400.0)

    await stage.start(meddled(Meddler(), Later))
    told = await says(stage, "eu", "CredentialExpired", "fleethub cluster rotate eu --member-kubeconfig FILE")
    assert "ended" in told

    # The account is there, perhaps with tokens that others have, and the hub cannot get at it: it is not said to be gone.
    eu = stage.members["eu"]
    await enrol.enrol(eu.send, "eu")
    there = await eu.get("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE) or {}
    revoked = await fleethub(stage, "cluster", "revoke", "eu", "--yes", "--timeout", "3s", code=4)
    assert "its token has ended" in revoked.err
    assert not (await cluster(stage, "eu"))["status"].get("revoked")
    admin = str(stage.planes.members["eu"].kubeconfig)
    done = await fleethub(stage, "cluster", "rotate", "eu", "--member-kubeconfig", admin)
    assert "Revoked, as asked" in done.out
    anew = await eu.get("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE) or {}
    assert anew["metadata"]["uid"] != there["metadata"]["uid"]
    await holds(stage, "1")

    # Whatever verb lets the hub in does first what was asked for: it would hit the token that comes now.
    await stage.stop()
    asked = {"metadata": {"annotations": {names.REVOKE: "while no hub runs"}}}
    await stage.api.patch("Cluster", "eu", names.HUB_NAMESPACE, asked)
    again = await add(stage, "eu", "--no-wait")
    assert "Revoked, as asked while no hub runs" in again.err
    await stage.start()
    await holds(stage, "2")
    assert (await cluster(stage, "eu"))["status"].get("revoked") != "while no hub runs"
