"""The writer of status: what it sends, how often, and what it does when that fails."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fleet.clock import Clock
from fleet.errors import FleetError, Invalid, NotFound, Throttled
from fleet.kube.request import Answer, Request
from fleet.report.status import StatusWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

KEY = ("team", "hello")


class Sent:
    """Records what is sent, fails as told, and lets a test wait for a number of requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.failures: list[FleetError] = []
        self._came = asyncio.Condition()

    async def send(self, request: Request) -> Answer:
        async with self._came:
            self.requests.append(request)
            self._came.notify_all()
        if self.failures:
            raise self.failures.pop(0)
        return Answer(200, b"{}")

    async def reach(self, count: int) -> None:
        async with self._came, asyncio.timeout(5):
            await self._came.wait_for(lambda: len(self.requests) >= count)
        await settle()

    def statuses(self) -> list[Any]:
        return [json.loads(request.body or b"")[-1]["value"] for request in self.requests]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def writer(sent: Sent, clock: Clock) -> AsyncIterator[StatusWriter]:
    made = StatusWriter(sent.send, clock)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def after(step: Callable[[], None]) -> None:
    step()
    await settle()


async def test_the_first_write_goes_at_once_and_replaces_the_status_of_that_very_object() -> None:
    sent = Sent()
    async with writer(sent, Clock()) as status:
        await after(lambda: status.put("Application", KEY, {"sync": "Synced"}, uid="u-1"))
        (request,) = sent.requests
        assert request.path == "/apis/fleethub.dev/v1alpha1/namespaces/team/applications/hello/status"
        assert request.query == (("fieldManager", "fleethub-status"),)
        assert request.content_type == "application/json-patch+json"
        assert json.loads(request.body or b"") == [
            {"op": "test", "path": "/metadata/uid", "value": "u-1"},
            {"op": "add", "path": "/status", "value": {"sync": "Synced"}},
        ]


async def test_within_a_second_the_newest_wins_and_only_one_is_sent() -> None:
    sent, clock = Sent(), Clock()
    async with writer(sent, clock) as status:
        await after(lambda: status.put("Application", KEY, {"n": 0}))
        for number in range(1, 9):
            await after(lambda number=number: status.put("Application", KEY, {"n": number}))  # type: ignore[misc]
        assert sent.statuses() == [{"n": 0}]
        clock.advance(1.0)
        await sent.reach(2)
        assert sent.statuses() == [{"n": 0}, {"n": 8}]


async def test_objects_do_not_wait_for_each_other() -> None:
    sent = Sent()
    async with writer(sent, Clock()) as status:
        for number in range(30):
            status.put("Application", ("team", f"app-{number}"), {"n": 0})
        await sent.reach(30)


async def test_what_is_there_already_is_not_written() -> None:
    sent, clock = Sent(), Clock()
    async with writer(sent, clock) as status:
        status.seen("Application", KEY, {"a": 1, "b": [2]})
        await after(lambda: status.put("Application", KEY, {"b": [2], "a": 1}))
        assert sent.requests == []
        await after(lambda: status.put("Application", KEY, {"a": 2}))
        clock.advance(5)
        await after(lambda: status.put("Application", KEY, {"a": 2}))
        assert sent.statuses() == [{"a": 2}]


async def test_back_to_what_was_written_sends_nothing() -> None:
    sent, clock = Sent(), Clock()
    async with writer(sent, clock) as status:
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        await after(lambda: status.put("Application", KEY, {"a": 2}))
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        clock.advance(2)
        await settle()
        assert sent.statuses() == [{"a": 1}]


async def test_a_late_watch_does_not_hide_a_later_change_back() -> None:
    sent, clock = Sent(), Clock()
    async with writer(sent, clock) as status:
        status.seen("Application", KEY, {"a": 1})
        await after(lambda: status.put("Application", KEY, {"a": 2}))
        status.seen("Application", KEY, {"a": 1})  # from before the write
        clock.advance(2)
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        assert sent.statuses() == [{"a": 2}, {"a": 1}]


async def test_what_somebody_else_wrote_is_written_over_at_the_next_put() -> None:
    sent, clock = Sent(), Clock()
    async with writer(sent, clock) as status:
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        clock.advance(10)
        status.seen("Application", KEY, {"a": "by hand"})
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        assert sent.statuses() == [{"a": 1}, {"a": 1}]


async def test_previous_is_the_last_put_until_a_watch_has_shown_it() -> None:
    sent = Sent()
    async with writer(sent, Clock()) as status:
        assert status.previous("Application", KEY) is None
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        assert status.previous("Application", KEY) == {"a": 1}
        status.seen("Application", KEY, {"a": 1})
        assert status.previous("Application", KEY) is None


async def test_transient_failures_are_retried_with_backoff() -> None:
    sent, clock = Sent(), Clock()
    sent.failures = [Throttled("busy", status=429), Throttled("busy", status=429)]
    async with writer(sent, clock) as status:
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        for count in (2, 3):
            clock.advance(3)
            await sent.reach(count)
        clock.advance(60)
        await settle()
        assert sent.statuses() == [{"a": 1}] * 3
        assert status.failures == 2


async def test_refusals_and_objects_that_are_gone_or_new_are_not_retried() -> None:
    for failure in (Invalid("no", status=422), NotFound("gone", status=404)):
        sent, clock = Sent(), Clock()
        sent.failures = [failure]
        async with writer(sent, clock) as status:
            await after(lambda status=status: status.put("Cluster", KEY, {"a": 1}, uid="u"))  # type: ignore[misc]
            clock.advance(60)
            await settle()
            assert len(sent.requests) == 1
            assert status.previous("Cluster", KEY) is None


async def test_flush_sends_what_waits_without_the_second() -> None:
    sent = Sent()
    async with writer(sent, Clock()) as status:
        await after(lambda: status.put("Application", KEY, {"a": 1}))
        status.put("Application", KEY, {"a": 2})
        assert await status.flush(2.0)
        assert sent.statuses() == [{"a": 1}, {"a": 2}]


async def test_flush_gives_up_in_time() -> None:
    async def never(_: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    status = StatusWriter(never, Clock())
    task = asyncio.create_task(status.run())
    status.put("Application", KEY, {"a": 1})
    assert not await status.flush(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
