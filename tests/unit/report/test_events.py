"""The Recorder: what becomes an Event, and what is kept from flooding the API server."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fleet.clock import Clock
from fleet.errors import FleetError, NotFound, Throttled
from fleet.kube.request import Answer, Request
from fleet.model import ObjectRef
from fleet.report.events import BURST, Recorder
from fleet.report.happenings import Happening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HELLO = ObjectRef("fleethub.dev", "Application", "team", "hello")


class Sent:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.failures: list[FleetError] = []

    async def send(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.failures:
            raise self.failures.pop(0)
        return Answer(201, b"{}")

    def bodies(self) -> list[Any]:
        return [json.loads(request.body or b"") for request in self.requests]


async def pass_time(clock: Clock, seconds: float) -> None:
    for _ in range(50):
        await asyncio.sleep(0)
    clock.advance(seconds)
    for _ in range(200):
        await asyncio.sleep(0)


@asynccontextmanager
async def recorder(sent: Sent, clock: Clock) -> AsyncIterator[Recorder]:
    made = Recorder(sent.send, clock)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_event_names_all_clusters_of_the_same_happening() -> None:
    sent, clock = Sent(), Clock()
    async with recorder(sent, clock) as events:
        for number in range(8):
            events.record(HELLO, "u-1", Happening("Normal", "Synced", "abc1234 is synced", f"c-{number}"))
        await pass_time(clock, 1.1)
    (body,) = sent.bodies()
    assert body["message"] == "c-0, c-1, c-2, c-3, c-4 and 3 more: abc1234 is synced"
    assert body["involvedObject"]["uid"] == "u-1"
    assert (body["type"], body["reason"], body["count"]) == ("Normal", "Synced", 1)
    assert body["metadata"]["namespace"] == "team"
    assert body["source"] == {"component": "fleethub"}


async def test_a_repeat_raises_the_count_of_the_same_event_at_most_every_ten_seconds() -> None:
    sent, clock = Sent(), Clock()
    happening = Happening("Warning", "SyncFailed", "Invalid: no")
    async with recorder(sent, clock) as events:
        events.record(HELLO, "u-1", happening)
        await pass_time(clock, 1.1)
        for _ in range(40):
            events.record(HELLO, "u-1", happening)
            await pass_time(clock, 0.1)
        assert len(sent.requests) == 1
        await pass_time(clock, 10)
    first, second = sent.requests
    assert (first.verb, second.verb) == ("POST", "PATCH")
    assert second.path.endswith("/" + sent.bodies()[0]["metadata"]["name"])
    assert sent.bodies()[1]["count"] == 41


async def test_an_event_that_the_server_has_expired_is_made_anew() -> None:
    sent, clock = Sent(), Clock()
    happening = Happening("Normal", "Synced", "x")
    async with recorder(sent, clock) as events:
        events.record(HELLO, "u-1", happening)
        await pass_time(clock, 1.1)
        sent.failures = [NotFound("gone", status=404)]
        events.record(HELLO, "u-1", happening)
        await pass_time(clock, 11)
    assert [request.verb for request in sent.requests] == ["POST", "PATCH", "POST"]
    assert events.dropped == 0


async def test_a_flood_about_one_object_is_cut_and_counted_and_others_are_still_heard() -> None:
    sent, clock = Sent(), Clock()
    async with recorder(sent, clock) as events:
        for number in range(BURST + 15):
            events.record(HELLO, "u-1", Happening("Warning", "SyncFailed", f"fault {number}"))
        events.record(HELLO._replace(name="other"), "u-2", Happening("Normal", "Synced", "x"))
        await pass_time(clock, 1.1)
    assert len(sent.requests) == BURST + 1
    assert events.dropped == 15


async def test_what_cannot_be_written_is_dropped_and_counted() -> None:
    sent, clock = Sent(), Clock()
    sent.failures = [Throttled("busy", status=429)]
    async with recorder(sent, clock) as events:
        events.record(HELLO, "u-1", Happening("Normal", "Synced", "x"))
        await pass_time(clock, 1.1)
        assert events.dropped == 1
