"""Pushes: what is refused, what wakes the hub."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.git.push import PushEvent
from fleet.web import webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.web.conftest import Serving


class RefusedError(FleetError):
    reason = "PushRefused"


SIGNED = {"X-Hub-Signature-256": "good"}
DEPLOY = ("https://git.example/acme/deploy.git", "git@git.example:acme/deploy.git")


def verify(headers: Mapping[str, str], body: bytes) -> PushEvent:
    """The body is the URLs, or nothing for an event that is no push."""
    if headers.get("X-Hub-Signature-256") != "good":
        raise RefusedError("the signature does not fit")
    return PushEvent(tuple(body.decode().split()), "refs/heads/main", "c" * 40)


async def test_a_verified_push_wakes_and_says_how_many(serving: Serving) -> None:
    events: list[PushEvent] = []

    def nudge(event: PushEvent) -> int:
        events.append(event)
        return 2

    async with (
        serving(webhook.routes(verify, nudge, Clock())) as session,
        session.post("/webhook", data=" ".join(DEPLOY), headers=SIGNED) as answer,
    ):
        assert answer.status == 202
        assert await answer.json() == {"woken": 2}
    assert events == [PushEvent(DEPLOY, "refs/heads/main", "c" * 40)]


async def test_a_wrong_signature_wakes_nobody(serving: Serving) -> None:
    def nudge(_: Any) -> int:
        raise AssertionError

    async with serving(webhook.routes(verify, nudge, Clock())) as session:
        async with session.post("/webhook", data=b"{}") as answer:
            assert answer.status == 401
            assert (await answer.json())["reason"] == "PushRefused"
        async with session.get("/webhook") as answer:
            assert answer.status == 405


async def test_a_body_over_one_mebibyte_is_refused_unread(serving: Serving) -> None:
    async with (
        serving(webhook.routes(verify, lambda _: 0, Clock())) as session,
        session.post("/webhook", data=io.BytesIO(b"x" * (1024 * 1024 + 1))) as answer,
    ):
        assert answer.status == 413


class Still(Clock):
    """A clock that stands: how fast the requests come does not matter."""

    def boottime(self) -> float:
        return 1000.0


async def flood(post: Any, **given: Any) -> list[int]:
    """As many requests as are let through at once, and one more."""
    statuses = []
    for _ in range(webhook.BURST + 1):
        async with post("/webhook", **given) as answer:
            statuses.append(answer.status)
    return statuses


async def test_a_flood_is_turned_away(serving: Serving) -> None:
    async with serving(webhook.routes(verify, lambda _: 0, Still())) as session:
        statuses = await flood(session.post, data=b"")
        assert statuses[-1] == 429
        assert set(statuses[:-1]) == {401}


async def test_a_flood_of_what_nobody_signed_turns_away_no_push_from_the_same_address(
    serving: Serving,
) -> None:
    async with serving(webhook.routes(verify, lambda _: 1, Still())) as session:
        assert (await flood(session.post, data=b""))[-1] == 429
        async with session.post("/webhook", data=DEPLOY[0], headers=SIGNED) as answer:
            assert answer.status == 202


async def test_signed_events_that_are_no_push_are_counted_with_strangers(serving: Serving) -> None:
    async with serving(webhook.routes(verify, lambda _: 0, Still())) as session:
        statuses = await flood(session.post, data=b"", headers=SIGNED)
        assert (set(statuses[:-1]), statuses[-1]) == ({202}, 429)


async def test_a_repository_that_is_pushed_to_without_end_turns_away_no_other(serving: Serving) -> None:
    woken: list[tuple[str, ...]] = []

    def nudge(event: PushEvent) -> int:
        woken.append(event.urls)
        return 1

    async with serving(webhook.routes(verify, nudge, Still())) as session:
        statuses = await flood(session.post, data=DEPLOY[0], headers=SIGNED)
        assert (set(statuses[:-1]), statuses[-1]) == ({202}, 429)
        # Under another spelling it is the same repository.
        async with session.post("/webhook", data=DEPLOY[1], headers=SIGNED) as answer:
            assert answer.status == 429
        assert len(woken) == webhook.BURST
        other = "https://git.example/acme/other"
        async with session.post("/webhook", data=f"{DEPLOY[0]} {other}", headers=SIGNED) as answer:
            assert answer.status == 202
    assert woken[-1] == (other,)


async def test_however_many_bodies_come_the_loop_goes_on_between_them() -> None:
    rounds = 0
    seen: list[int] = []

    def refused(_: Any, __: bytes) -> PushEvent:
        seen.append(rounds)
        raise RefusedError("no")

    async def others() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async def read() -> bytes:
        return b""

    (route,) = webhook.routes(refused, lambda _: 0, Still())
    handler: Any = route.handler
    request = SimpleNamespace(remote="", headers={}, read=read)
    going = asyncio.ensure_future(others())
    await asyncio.gather(*(handler(request) for _ in range(20)))
    going.cancel()
    assert len(set(seen)) == len(seen) == 20
