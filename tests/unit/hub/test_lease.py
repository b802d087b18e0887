"""The hub's Lease: a slow server is no end, and only the Lease itself is written without it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from fleet.clock import Clock
from fleet.errors import Conflict, FleetError, NotFound
from fleet.hub.hub import Hub
from fleet.hub.lease import Authority
from fleet.kube.request import Answer, Request
from fleet.worker.member_lease import MemberLease
from tests.stage.api import until

SOON = 0.6
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


class Server:
    """One Lease, as an API server keeps it: a write needs the version that stands."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.asked: list[str] = []

    def put(self, lease: dict[str, Any]) -> None:
        """Somebody writes it."""
        self.version += 1
        self.lease = {**lease, "metadata": {**lease["metadata"], "resourceVersion": str(self.version)}}

    async def send(self, request: Request) -> Answer:
        """Answer the hub."""
        self.asked.append(request.verb)
        if request.verb == "POST" and request.body is not None:
            self.put(orjson.loads(request.body))
        elif self.lease is None:
            raise NotFound("there is none", status=404)
        elif request.body is not None:
            given = orjson.loads(request.body)
            if given["metadata"]["resourceVersion"] != str(self.version):
                raise Conflict("it was changed", status=409)
            self.put(given)
        return Answer(200, orjson.dumps(self.lease))


async def cycles(server: Server, count: int) -> None:
    """Wait for this many requests."""

    async def look() -> bool:
        return len(server.asked) >= count

    await until(look, what=f"{count} requests")


async def test_a_lease_that_nobody_else_writes_is_renewed_by_one_request() -> None:
    server, authority = Server(), Authority("hub", "me", SOON, Clock())
    await authority.acquire(server.send)
    assert server.asked == ["GET", "POST"]
    keeping = asyncio.ensure_future(authority.keep(server.send))
    await cycles(server, 4)
    assert server.asked[2:] == ["PUT", "PUT"]
    server.lease = None  # removed by a person: it is made again
    await cycles(server, 7)
    assert server.asked[4:7] == ["PUT", "GET", "POST"]
    assert not keeping.done()
    keeping.cancel()


async def test_somebody_who_writes_into_the_lease_meanwhile_does_not_end_the_hub() -> None:
    server, authority = Server(), Authority("hub", "me", SOON, Clock())
    await authority.acquire(server.send)
    assert server.lease is not None
    server.put({**server.lease, "metadata": {"annotations": {"note": "by a person"}}})
    keeping = asyncio.ensure_future(authority.keep(server.send))
    await cycles(server, 5)
    assert server.asked[2:] == ["PUT", "GET", "PUT"]
    assert server.lease["metadata"]["annotations"] == {"note": "by a person"}
    assert not keeping.done()
    server.put({**server.lease, "spec": {"holderIdentity": "another", "leaseDurationSeconds": 60}})
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
