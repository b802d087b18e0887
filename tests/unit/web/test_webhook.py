"""Pushes: what is refused, what wakes the hub."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.web import webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.web.conftest import Serving


class RefusedError(FleetError):
    reason = "PushRefused"


def verify(headers: Mapping[str, str], body: bytes) -> Any:
    if headers.get("X-Hub-Signature-256") != "good":
        raise RefusedError("the signature does not fit")
    return SimpleNamespace(urls=("git.example/acme/deploy",), body=body)


async def test_a_verified_push_wakes_and_says_how_many(serving: Serving) -> None:
    events: list[Any] = []

    def nudge(event: Any) -> int:
        events.append(event)
        return 2

    async with (
        serving(webhook.routes(verify, nudge, Clock())) as session,
        session.post("/webhook", data=b"{}", headers={"X-Hub-Signature-256": "good"}) as answer,
    ):
        assert answer.status == 202
        assert await answer.json() == {"woken": 2}
    assert events[0].body == b"{}"


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


async def test_a_flood_is_turned_away(serving: Serving) -> None:
    async with serving(webhook.routes(verify, lambda _: 0, Still())) as session:
        statuses = []
        for _ in range(webhook.BURST + 1):
            async with session.post("/webhook", data=b"") as answer:
                statuses.append(answer.status)
        assert statuses[-1] == 429
        assert set(statuses[:-1]) == {401}
