"""Follow against a scripted door and a moved clock; against real servers: integration/test_kube_watch.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from typing import Any

from fleet.clock import Clock
from fleet.errors import Expired, FleetError, NotFound, Throttled, Unreachable
from fleet.kube import watch
from fleet.kube.request import Answer, Request
from fleet.kube.watch import Gone, Happening, Listed, Seen, Silent
from fleet.model import Resource

HANG = "hang"
Step = dict[str, Any] | FleetError | str


def event(kind: str, name: str, version: str) -> dict[str, Any]:
    return {
        "type": kind,
        "object": {"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}},
    }


def bookmark(version: str) -> dict[str, Any]:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}


class Door:
    """Lists answer with ``lists`` in turn (the last again and again), streams with ``streams``, then hang."""

    def __init__(self, *streams: list[Step], lists: list[FleetError | str] | None = None) -> None:
        self.streams = list(streams)
        self.lists = lists or ["10"]
        self.listed = 0
        self.opened: list[str] = []
        self.closed = 0
        self.times: list[float] = []

    async def send(self, _request: Request) -> Answer:
        found = self.lists[min(self.listed, len(self.lists) - 1)]
        self.listed += 1
        if isinstance(found, FleetError):
            raise found
        items = [{"metadata": {"name": "first", "namespace": "shop"}}]
        return Answer(200, json.dumps({"metadata": {"resourceVersion": found}, "items": items}).encode())

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        self.opened.append(dict(request.query)["resourceVersion"])
        steps = self.streams.pop(0) if self.streams else [HANG]
        try:
            for step in steps:
                if isinstance(step, FleetError):
                    raise step
                if step == HANG:
                    await asyncio.Event().wait()
                yield json.dumps(step).encode()
        finally:
            self.closed += 1


class Follower:
    """Collects what happens, in a task of its own."""

    def __init__(self, door: Door, clock: Clock, resource: Resource) -> None:
        self.seen: list[Happening] = []
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._run(door, clock, resource))

    async def _run(self, door: Door, clock: Clock, resource: Resource) -> None:
        stream = watch.follow(door, resource, None, selector="a", whole=False, clock=clock)
        async with aclosing(stream):
            async for happening in stream:
                self.seen.append(happening)
                self._more.set()

    async def until(self, count: int) -> list[Happening]:
        while len(self.seen) < count:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 5)
        await idle()
        return self.seen

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def idle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def kinds(seen: list[Happening]) -> list[str]:
    return [type(each).__name__ for each in seen]


async def test_a_list_comes_first_and_changes_follow(clock: Clock, configmaps: Resource) -> None:
    steps: list[Step] = [
        event("ADDED", "a", "11"),
        event("MODIFIED", "a", "12"),
        event("DELETED", "a", "13"),
        HANG,
    ]
    follower = Follower(Door(steps), clock, configmaps)
    listed, added, modified, gone = await follower.until(4)
    assert isinstance(listed, Listed)
    assert [item.meta.ref.name for item in listed.items] == ["first"]
    assert isinstance(added, Seen)
    assert isinstance(modified, Seen)
    assert modified.meta.version == "12"
    assert isinstance(gone, Gone)
    assert gone.meta.ref.name == "a"
    await follower.stop()


async def test_an_ordinary_end_is_resumed_where_it_ended(clock: Clock, configmaps: Resource) -> None:
    door = Door([event("ADDED", "a", "11"), bookmark("15")], [event("ADDED", "b", "16"), HANG])
    follower = Follower(door, clock, configmaps)
    seen = await follower.until(3)
    assert kinds(seen) == ["Listed", "Seen", "Seen"]
    assert door.opened == ["10", "15"]
    assert door.listed == 1
    await follower.stop()


async def test_a_watch_that_brought_nothing_is_never_resumed(clock: Clock, configmaps: Resource) -> None:
    door = Door([], [bookmark("21"), HANG], lists=["10", "20"])
    follower = Follower(door, clock, configmaps)
    seen = await follower.until(2)
    assert kinds(seen) == ["Listed", "Listed"]
    assert door.opened == ["10", "20"]
    await follower.stop()


async def test_a_broken_watch_is_said_and_listed_afresh(clock: Clock, configmaps: Resource) -> None:
    door = Door([event("ADDED", "a", "11"), Unreachable("cut")], lists=["10", "20"])
    follower = Follower(door, clock, configmaps)
    seen = await follower.until(3)
    assert kinds(seen) == ["Listed", "Seen", "Silent"]
    assert isinstance(seen[2], Silent)
    assert seen[2].reason == "Unreachable"
    clock.advance(1)
    assert kinds(await follower.until(4))[3] == "Listed"
    assert door.opened == ["10", "20"]
    await follower.stop()


async def test_a_watch_silent_for_90_seconds_is_dead(clock: Clock, configmaps: Resource) -> None:
    door = Door([bookmark("11"), HANG], lists=["10", "20"])
    follower = Follower(door, clock, configmaps)
    await follower.until(1)
    clock.advance(89)
    await idle()
    assert kinds(follower.seen) == ["Listed"]
    clock.advance(2)
    seen = await follower.until(2)
    assert isinstance(seen[1], Silent)
    assert door.closed == 1
    clock.advance(1)
    assert kinds(await follower.until(3))[2] == "Listed"
    await follower.stop()


async def test_each_line_begins_the_90_seconds_anew(clock: Clock, configmaps: Resource) -> None:
    more = asyncio.Event()

    class Slow(Door):
        async def stream(self, request: Request) -> AsyncIterator[bytes]:
            self.opened.append(request.path)
            for version in ("11", "12", "13"):
                yield json.dumps(bookmark(version)).encode()
                await more.wait()
                more.clear()

    follower = Follower(Slow(), clock, configmaps)
    await follower.until(1)
    for _ in range(2):
        clock.advance(80)
        await idle()
        more.set()
        await idle()
    clock.advance(80)
    await idle()
    assert kinds(follower.seen) == ["Listed"]
    await follower.stop()


async def test_a_slow_consumer_is_no_silence(clock: Clock, configmaps: Resource) -> None:
    door = Door([event("ADDED", "a", "11"), event("ADDED", "b", "12"), HANG])
    stream = watch.follow(door, configmaps, None, selector="", whole=False, clock=clock)
    async with aclosing(stream):
        assert isinstance(await anext(stream), Listed)
        assert isinstance(await anext(stream), Seen)
        clock.advance(500)
        await idle()
        assert isinstance(await anext(stream), Seen)


async def test_410_lists_afresh_without_alarm(clock: Clock, configmaps: Resource) -> None:
    gone: Step = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    door = Door([event("ADDED", "a", "11"), gone], [Expired("too old", status=410)], lists=["10", "20", "30"])
    follower = Follower(door, clock, configmaps)
    await follower.until(3)
    clock.advance(2)
    seen = await follower.until(4)
    assert kinds(seen) == ["Listed", "Seen", "Listed", "Listed"]
    assert door.opened == ["10", "20", "30"]
    await follower.stop()


async def test_another_error_event_is_said(clock: Clock, configmaps: Resource) -> None:
    broken: Step = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "hunter2"}}
    follower = Follower(Door([broken]), clock, configmaps)
    seen = await follower.until(2)
    assert isinstance(seen[1], Silent)
    assert "hunter2" not in str(seen[1].error)
    await follower.stop()


async def test_a_line_that_does_not_read_breaks_the_watch(clock: Clock, configmaps: Resource) -> None:
    follower = Follower(Door([{"type": 7}]), clock, configmaps)
    assert kinds(await follower.until(2)) == ["Listed", "Silent"]
    await follower.stop()


async def test_lists_that_fail_are_tried_at_growing_distances(clock: Clock, configmaps: Resource) -> None:
    door = Door(lists=[Unreachable("dark")])
    follower = Follower(door, clock, configmaps)
    waits = []
    for count in range(1, 12):
        await follower.until(count)
        start = clock.boottime()
        while len(follower.seen) == count:
            clock.advance(0.05)
            await idle()
        waits.append(clock.boottime() - start)
    assert 0.3 <= waits[0] <= 0.8
    assert all(earlier * 0.9 <= later * 2 for earlier, later in pairwise(waits))
    assert 20 <= waits[-1] <= 40
    await follower.stop()


async def test_a_server_that_asks_for_time_gets_it(clock: Clock, configmaps: Resource) -> None:
    error = Throttled("slow down", status=429)
    error.retry_after = 20.0
    door = Door(lists=[error, "10"])
    follower = Follower(door, clock, configmaps)
    await follower.until(1)
    clock.advance(13)
    await idle()
    assert door.listed == 1
    clock.advance(14)
    assert kinds(await follower.until(2)) == ["Silent", "Listed"]
    await follower.stop()


async def test_a_kind_that_is_gone_is_asked_for_slowly(clock: Clock, configmaps: Resource) -> None:
    door = Door(lists=[NotFound("no such kind", status=404), "10"])
    follower = Follower(door, clock, configmaps)
    (silent,) = await follower.until(1)
    assert isinstance(silent, Silent)
    assert isinstance(silent.error, NotFound)
    clock.advance(20)
    await idle()
    assert door.listed == 1
    clock.advance(20)
    await follower.until(2)
    await follower.stop()


async def test_a_server_that_ends_each_watch_at_once_is_not_hammered(
    clock: Clock, configmaps: Resource
) -> None:
    class Cutting(Door):
        async def stream(self, request: Request) -> AsyncIterator[bytes]:
            self.opened.append(request.path)
            yield json.dumps(bookmark("11")).encode()

    door = Cutting()
    follower = Follower(door, clock, configmaps)
    await follower.until(1)
    await idle()
    assert len(door.opened) == 2
    await follower.stop()


async def test_stopping_closes_the_stream(clock: Clock, configmaps: Resource) -> None:
    door = Door([event("ADDED", "a", "11"), HANG])
    follower = Follower(door, clock, configmaps)
    await follower.until(2)
    before = len(asyncio.all_tasks())
    await follower.stop()
    await idle()
    assert door.closed == 1
    assert len(asyncio.all_tasks()) == before - 2  # the follower and its vigil


async def test_a_list_from_before_what_was_seen_says_so(clock: Clock, configmaps: Resource) -> None:
    steps: list[Step] = [event("MODIFIED", "a", "42"), Unreachable("it broke")]
    door = Door(steps, lists=["10", "12", "13"])
    follower = Follower(door, clock, configmaps)
    await follower.until(3)
    clock.advance(10)
    seen = await follower.until(4)
    lists = [each for each in seen if isinstance(each, Listed)]
    assert [(each.version, each.rewound) for each in lists[:2]] == [("10", False), ("12", True)]
    await follower.stop()


async def test_a_later_list_is_no_rewinding(clock: Clock, configmaps: Resource) -> None:
    steps: list[Step] = [event("MODIFIED", "a", "42"), Unreachable("it broke")]
    follower = Follower(Door(steps, lists=["10", "42"]), clock, configmaps)
    await follower.until(3)
    clock.advance(10)
    seen = await follower.until(4)
    assert [each.rewound for each in seen if isinstance(each, Listed)] == [False, False]
    await follower.stop()
