"""Two processes of one hub: one works, the other waits; killed, frozen, cut off, and replaced one by one."""

from __future__ import annotations

import hashlib
import hmac
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from fleet import names
from tests.stage.api import until
from tests.stage.hubprocess import HubProcess, active
from tests.stage.proxy import Proxy
from tests.stage.theatre import API_TOKEN, Theatre, config

SOON = 6.0  # a Lease shorter than the default, where its length is not what is tried


class Troupe:
    """The processes of one hub."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre
        self.hubs: list[HubProcess] = []

    async def start(self, lasts: float | None = None, kubeconfig: Path | None = None) -> HubProcess:
        """Start one more and wait until it works or waits."""
        more = ["--allow-git", f"{self.theatre.planes.git.url}/"]
        if lasts is not None:
            more += ["--lease-duration", f"{lasts:g}s"]
        hub = HubProcess(kubeconfig or self.theatre.planes.hub.kubeconfig, self.theatre.folder, *more)
        self.hubs.append(hub)
        await hub.ready()
        return hub

    async def holds(self, hub: HubProcess, within: float = 30, what: str = "") -> None:
        """Wait until a process holds the Lease."""

        async def look() -> bool:
            return await active(self.theatre.api) == hub.url

        await until(look, within, what=f"the other takes over: {what}")

    async def takes_over(self, hub: HubProcess, since: float, within: float, what: str) -> None:
        """Wait until a process holds the Lease and its lists are complete, and say how long that took."""
        await self.holds(hub, within + 30, what)
        held = time.monotonic() - since

        async def works() -> bool:
            return (await hub.get("/readyz"))[1] == {"status": "ok"}

        await until(works, what="its lists are complete")
        works_after = time.monotonic() - since
        print(f"{what}: holds the Lease after {held:.1f} s, works after {works_after:.1f} s")  # noqa: T201
        assert held < within, what


@pytest.fixture
async def troupe(theatre: Theatre) -> AsyncIterator[Troupe]:
    """Two members, an Application of two objects on both; no hub yet."""
    made = Troupe(theatre)
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    for name in theatre.members:
        await theatre.register(name, {"env": "test"})
    await theatre.application()
    yield made
    for hub in made.hubs:
        await hub.stop()


async def versions(theatre: Theatre) -> dict[str, str]:
    """What the members have of the test."""
    return {
        f"{name}/{one['metadata']['name']}": one["metadata"]["resourceVersion"]
        for name, member in theatre.members.items()
        for one in await member.list("ConfigMap", theatre.namespace)
    }


async def drift(theatre: Theatre, value: str) -> None:
    """What a hub would put back at once, and a commit that it would apply."""
    for member in theatre.members.values():
        await member.patch("ConfigMap", "a", theatre.namespace, {"data": {"k": value}})
    theatre.repo.commit({"apps/app/b.yaml": config("b", k=value)})


async def mended(theatre: Theatre, value: str) -> None:
    """Wait until that is as Git has it."""

    async def look() -> bool:
        for member in theatre.members.values():
            for name, wanted in (("a", "1"), ("b", value)):
                found = await member.get("ConfigMap", name, theatre.namespace)
                if found is None or found["data"] != {"k": wanted}:
                    return False
        return True

    await until(look, what="drift and commit have been dealt with")


@pytest.mark.timeout(240)
async def test_a_dead_process_is_replaced_within_fifteen_seconds_and_one_that_stops_within_two(
    troupe: Troupe,
) -> None:
    theatre = troupe.theatre
    first = await troupe.start()
    await theatre.synced()
    second = await troupe.start()
    assert await second.ready() == {"status": "standby", "active": first.url}
    assert (await second.get("/healthz"))[0] == 200
    await first.kill()
    died = time.monotonic()
    await drift(theatre, "2")
    await troupe.takes_over(second, died, 15, "killed")
    await mended(theatre, "2")
    # One by one, as a Deployment replaces its Pods: what is untouched stays, what comes meanwhile is done.
    third = await troupe.start()
    before = await versions(theatre)
    stopped = time.monotonic()
    second.send(signal.SIGTERM)
    theatre.repo.commit({"apps/app/c.yaml": config("c", k="1")})
    await troupe.takes_over(third, stopped, 2, "stopped")
    assert await second.ended() == 0
    await theatre.everywhere("ConfigMap", "c")
    await theatre.synced()
    after = await versions(theatre)
    assert {key: after[key] for key in before} == before


async def test_who_waits_hands_on_what_comes_to_it(troupe: Troupe) -> None:
    theatre = troupe.theatre
    metadata = {"name": names.WEBHOOK_SECRET, "namespace": names.HUB_NAMESPACE}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"webhookSecret": "x"}}
    await theatre.api.apply(body)
    try:
        first = await troupe.start(SOON)
        await theatre.synced()
        second = await troupe.start(SOON)
        token = [("Authorization", f"Bearer {API_TOKEN}")]
        for hub in (first, second):
            status, found = await hub.get("/api/v1/clusters", headers=token)
            assert status == 200
            assert [one["name"] for one in found["items"]] == ["eu", "us"]
        assert (await second.get("/api/v1/clusters", headers=[("Authorization", "Bearer wrong")]))[0] == 401
        push = orjson.dumps({"ref": "refs/heads/main", "repository": {"clone_url": theatre.repo.url}})
        told = [
            ("Content-Type", "application/json"),
            ("X-GitHub-Event", "push"),
            ("X-Hub-Signature-256", f"sha256={hmac.new(b'x', push, hashlib.sha256).hexdigest()}"),
        ]
        assert await second.get("/webhook", push, told) == (202, {"woken": 1})
        # Handed on once, and no further; and while nobody is active, said so.
        assert (await second.get("/api/v1/clusters", headers=[*token, ("X-Fleethub-Forwarded", "1")]))[
            0
        ] == 503
        await first.kill()
        status, found = await second.get("/api/v1/clusters", headers=token)
        assert (status, found["reason"]) == (503, "NotActive")
    finally:
        await theatre.api.delete("Secret", names.WEBHOOK_SECRET, names.HUB_NAMESPACE)


@pytest.mark.timeout(240)
async def test_who_was_frozen_or_cut_off_past_its_lease_writes_nothing_any_more(troupe: Troupe) -> None:
    theatre = troupe.theatre
    first = await troupe.start(SOON)
    await theatre.synced()
    second = await troupe.start(SOON)
    frozen = time.monotonic()
    first.send(signal.SIGSTOP)
    await troupe.takes_over(second, frozen, SOON + 3, "frozen")
    await theatre.synced()
    # Now the other stands still, so that whatever is written is the first one's; and it has every reason to write.
    second.send(signal.SIGSTOP)
    await drift(theatre, "2")
    before = await versions(theatre)
    first.send(signal.SIGCONT)
    assert await first.ended() == 1
    assert "LeaseLost" in first.log.read_text()
    assert await versions(theatre) == before
    second.send(signal.SIGCONT)
    await mended(theatre, "2")

    # Cut off from the hub's API server, with its members still in reach.
    proxy = Proxy(theatre.planes.hub)
    await proxy.start()
    try:
        third = await troupe.start(SOON, proxy.kubeconfig(theatre.folder))
        fourth = await troupe.start(SOON)
        second.send(signal.SIGTERM)
        assert await second.ended() == 0
        turn = {third.url: third, fourth.url: fourth}[await until(lambda: active(theatre.api))]
        if turn is fourth:
            fourth.send(signal.SIGTERM)
            await fourth.ended()
            # Who starts looks at once: before the third has the Lease, the next might take it.
            await troupe.holds(third)
            fourth = await troupe.start(SOON)
        await theatre.synced()
        assert await active(theatre.api) == third.url
        proxy.silence()
        cut = time.monotonic()
        await troupe.takes_over(fourth, cut, SOON + 3, "cut off")
        fourth.send(signal.SIGSTOP)
        await drift(theatre, "3")
        before = await versions(theatre)
        assert await third.ended() == 1
        assert "LeaseLost" in third.log.read_text()
        assert await versions(theatre) == before
        fourth.send(signal.SIGCONT)
        await mended(theatre, "3")
    finally:
        for hub in troupe.hubs:
            await hub.stop()
        await proxy.close()
