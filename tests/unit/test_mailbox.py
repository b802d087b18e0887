"""The queue: newest wins, one holder, lanes, delays on the clock."""

import asyncio

from fleet.clock import Clock
from fleet.mailbox import Mailbox


async def test_newest_value_replaces_the_older():
    box = Mailbox[str, int](Clock())
    box.put("a", 1)
    box.put("a", 2)
    claim = await box.take()
    assert claim.value == 2
    assert box.depth() == (0,)


async def test_a_held_key_is_not_handed_out_again_and_its_holder_is_told():
    box = Mailbox[str, int](Clock())
    box.put("a", 1)
    first = await box.take()
    box.put("a", 2)
    box.put("b", 3)
    assert first.superseded.is_set()
    assert (await box.take()).key == "b"
    waiter = asyncio.ensure_future(box.take())
    await asyncio.sleep(0)
    assert not waiter.done()
    box.done(first)
    assert (await waiter).value == 2


async def test_urgent_lane_is_served_first_and_a_key_keeps_its_more_urgent_lane():
    box = Mailbox[str, int](Clock(), lanes=3)
    box.put("cold", 1, lane=1)
    box.put("heal", 2, lane=0)
    box.put("heal", 3, lane=2)
    claim = await box.take()
    assert (claim.key, claim.value, claim.lane) == ("heal", 3, 0)


async def test_a_delayed_key_waits_for_the_clock_and_an_earlier_put_brings_it_forward():
    clock = Clock()
    box = Mailbox[str, int](clock)
    box.put("a", 1, not_before=clock.boottime() + 100)
    waiter = asyncio.ensure_future(box.take())
    await asyncio.sleep(0)
    assert not waiter.done()
    clock.advance(101)
    assert (await waiter).value == 1
    box.put("b", 1, not_before=clock.boottime() + 100)
    box.put("b", 2)
    assert (await box.take()).value == 2


async def test_merge_joins_waiting_values():
    box = Mailbox[str, frozenset[int]](Clock(), merge=lambda older, newer: older | newer)
    box.put("a", frozenset({1}))
    box.put("a", frozenset({2}))
    assert (await box.take()).value == {1, 2}


async def test_forgotten_key_is_not_served():
    clock = Clock()
    box = Mailbox[str, int](clock)
    box.put("a", 1, not_before=clock.boottime() + 5)
    box.forget("a")
    clock.advance(10)
    box.put("b", 2)
    assert (await box.take()).key == "b"
    assert not box.pending("a")


async def test_a_value_that_replaces_nothing_waits_without_stopping_the_holder():
    box = Mailbox[str, int](Clock(), replaces=lambda newer, held: newer > held)
    box.put("a", 2)
    first = await box.take()
    box.put("a", 1)
    assert not first.superseded.is_set()
    box.put("a", 3)
    assert first.superseded.is_set()


async def test_the_queue_tells_who_waits_in_order_who_is_delayed_and_who_is_in_hand():
    clock = Clock()
    box = Mailbox[str, int](clock, lanes=2)
    box.put("held", 1)
    claim = await box.take()
    for key, lane in (("a", 1), ("b", 0), ("c", 1)):
        box.put(key, 1, lane=lane)
    box.put("late", 1, not_before=clock.boottime() + 100)
    box.put("held", 2)
    queue = box.queue()
    assert queue.ready == (("b",), ("a", "c"))
    assert list(queue.delayed) == ["late"]
    assert queue.held == ("held",)
    assert [key for key in ("held", "a", "late", "none") if box.imminent(key)] == ["held", "a"]
    box.done(claim)
    assert box.queue().ready == (("b", "held"), ("a", "c"))


def _box(clock: Clock) -> Mailbox[str, int]:
    """Values below zero give way."""
    return Mailbox[str, int](clock, lanes=3, yields=lambda value: value < 0)


async def test_what_gives_way_hastens_nothing_and_is_not_put_over_anything():
    clock = Clock()
    box = _box(clock)
    later = clock.boottime() + 300
    for first, second in ((1, -1), (-1, 1)):
        box.put("a", first, lane=1, not_before=later if first > 0 else clock.boottime() + 1)
        box.put("a", second, lane=1, not_before=later if second > 0 else clock.boottime() + 1)
        assert box.queue().delayed == {"a": later}
        assert box.waiting("a") == 1
        box.forget("a")
    box.put("b", -1, lane=0)
    box.put("b", 1, lane=2)
    assert box.queue().ready == ((), (), ("b",))
    claim = await box.take()
    box.put("b", -2, lane=2)
    box.done(claim)
    assert (await box.take()).value == -2, "it waits for who has the key in hand"


async def test_who_gives_way_to_nobody_joins_as_ever():
    box = _box(Clock())
    box.put("a", -1, lane=2)
    box.put("a", -2, lane=1)
    assert box.queue().ready == ((), ("a",), ())


async def test_taking_from_some_lanes_alone_ends_at_its_time_and_leaves_the_rest():
    clock = Clock()
    box = Mailbox[str, int](clock, lanes=3)
    box.put("a", 1, lane=2)
    waiter = asyncio.ensure_future(box.take_by(clock.boottime() + 100, 2))
    await asyncio.sleep(0)
    assert not waiter.done()
    clock.advance(101)
    assert await waiter is None
    box.put("b", 2, lane=1)
    found = await box.take_by(clock.boottime() + 100, 2)
    assert found is not None
    assert found.key == "b"
    assert (await box.take()).key == "a"


async def test_who_takes_from_some_lanes_sleeps_through_what_comes_in_the_others():
    clock = Clock()
    box = Mailbox[str, int](clock, lanes=3)
    first, every = asyncio.ensure_future(box.take(1)), asyncio.ensure_future(box.take())
    await asyncio.sleep(0)
    woken = box._changed[1]
    box.put("late", 1, lane=2, not_before=clock.boottime() + 1)
    box.put("now", 2, lane=2)
    assert not woken.is_set()
    assert (await every).key == "now"
    box.put("urgent", 3)
    assert (await first).key == "urgent"


async def test_what_waits_for_nothing_but_its_turn_is_counted_by_lanes():
    clock = Clock()
    box = Mailbox[str, int](clock, lanes=3)
    box.put("a", 1, lane=0)
    box.put("b", 1, lane=1, not_before=clock.boottime() + 10)
    box.put("c", 1, lane=2)
    assert box.ready(2) == 1
    clock.advance(11)
    assert box.ready(2) == 2
