"""The hub's Lease while an installation is removed."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest

from fleet.cli import removal
from fleet.cli.errors import OUT_OF_TIME, CliError
from fleet.cli.options import Hub
from fleet.cli.session import Session
from fleet.errors import Conflict, NotFound
from fleet.kube.request import Answer, Request


class Lease:
    """The hub's Lease on a server, and who takes it as soon as it is free."""

    def __init__(self, holder: str | None, *, waits: str = "") -> None:
        self.version = 1
        self.holder = holder
        self.waits = waits

    @property
    def session(self) -> Session:
        return Session(Hub(), self.send, cast("Any", None))

    def body(self) -> dict[str, Any]:
        metadata = {"namespace": "fleethub", "name": "fleethub-hub", "resourceVersion": str(self.version)}
        return {"metadata": metadata, "spec": {"holderIdentity": self.holder, "leaseDurationSeconds": 60}}

    async def send(self, request: Request) -> Answer:
        if request.verb == "GET":
            if self.holder is None:
                raise NotFound("no", status=404)
            read = orjson.dumps(self.body())
            if self.waits and not self.holder:
                self.holder, self.version = self.waits, self.version + 1
            return Answer(200, read)
        if request.verb == "DELETE":
            self.holder = None
            return Answer(200, b"{}")
        wanted = orjson.loads(request.body or b"")
        if request.verb == "PUT" and wanted["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict("no", status=409)
        self.holder, self.version = wanted["spec"]["holderIdentity"], self.version + 1
        return Answer(200, orjson.dumps(self.body()))


@pytest.mark.parametrize("holder", [None, "", removal.HOLDER])
async def test_nobody_can_become_the_hub_while_it_is_removed(holder: str | None) -> None:
    lease = Lease(holder)
    async with removal.Stopped(lease.session, 1.0):
        assert lease.holder == removal.HOLDER
    assert lease.holder is None


async def test_one_that_takes_over_as_another_stops_is_waited_for() -> None:
    lease = Lease("", waits="standby")
    with pytest.raises(CliError, match="the hub standby is active") as caught:
        async with removal.Stopped(lease.session, 0.5):
            pass
    assert caught.value.exit_code == OUT_OF_TIME
    assert lease.holder == "standby"


async def test_what_broke_off_gives_the_lease_up() -> None:
    lease = Lease("")
    with pytest.raises(RuntimeError):
        async with removal.Stopped(lease.session, 1.0):
            raise RuntimeError
    assert lease.holder is None
