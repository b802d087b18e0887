"""The hub's Lease: a slow server is no end, and only the Lease itself is written without it."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.hub.lease import Authority
from fleet.kube.request import Answer, Request
from fleet.worker.member_lease import MemberLease

LEASE = {"metadata": {"resourceVersion": "1"}, "spec": {}}


async def test_a_write_of_the_lease_that_hangs_is_tried_again() -> None:
    hangs = False

    async def send(request: Request) -> Answer:
        if hangs and request.writes:
            await asyncio.sleep(10)
        return Answer(200, orjson.dumps(LEASE))

    authority = Authority("hub", "me", 3.3, Clock())
    authority._timeout = lambda: 0.05
    await authority.acquire(send)
    hangs = True
    keeping = asyncio.ensure_future(authority.keep(send))
    await asyncio.sleep(1.2)
    assert not keeping.done()
    with pytest.raises(FleetError, match="in time"):
        await asyncio.wait_for(keeping, 5)


@pytest.mark.parametrize("member", [False, True])
async def test_nobody_else_writes_while_a_lease_that_has_run_out_is_renewed(
    *,
    member: bool,
) -> None:
    authority, lease = Authority("hub", "me", 15, Clock()), MemberLease("me", "place", Clock())
    asked: list[bool] = []

    def allowed() -> bool:
        return lease.held() if member else authority.may_write("eu")

    async def other() -> bool:
        return allowed()

    async def send(request: Request) -> Answer:
        if request.writes:
            asked.extend((allowed(), await asyncio.ensure_future(other())))
        return Answer(200, orjson.dumps(LEASE))

    await (lease.acquire(send) if member else authority.acquire(send))
    assert asked == [True, False]
    assert await other()
