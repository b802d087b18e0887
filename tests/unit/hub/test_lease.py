"""The hub's Lease: a slow server is no end, and only the Lease itself is written without it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import orjson
import pytest

from fleet.clock import Clock
from fleet.errors import Conflict, FleetError
from fleet.hub.hub import Hub
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


async def test_somebody_who_writes_into_the_lease_meanwhile_does_not_end_the_hub() -> None:
    lease, meanwhile, conflicts = dict(LEASE), [False], []

    async def send(request: Request) -> Answer:
        if request.writes and meanwhile[0]:
            meanwhile[0] = False
            conflicts.append(request.verb)
            raise Conflict("it was changed", status=409)
        return Answer(200, orjson.dumps(lease))

    authority = Authority("hub", "me", 3.0, Clock())
    authority._timeout = lambda: 1.0
    await authority.acquire(send)
    meanwhile[0] = True
    keeping = asyncio.ensure_future(authority.keep(send))
    await asyncio.sleep(1.2)
    assert conflicts
    assert not keeping.done()
    lease["spec"] = {"holderIdentity": "another", "leaseDurationSeconds": 60}
    with pytest.raises(FleetError, match="another holds"):
        await asyncio.wait_for(keeping, 5)


def test_what_was_heard_long_ago_about_the_active_process_counts_no_more() -> None:
    clock = Clock()
    authority = Authority("hub", "me", 15, clock)
    hub = cast("Hub", SimpleNamespace(authority=authority))
    elsewhere = Hub.elsewhere.fget
    assert elsewhere is not None
    assert elsewhere(hub) is None
    authority.waiting_for, authority.active = "another", "http://10.0.0.7:8080"
    authority._heard = clock.boottime()
    assert elsewhere(hub) == "http://10.0.0.7:8080"
    authority._heard -= 60
    assert elsewhere(hub) == ""


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
