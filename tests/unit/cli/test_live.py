"""Whom the command line tells the token of the hub's API."""

from __future__ import annotations

import base64
import socket
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.cli.live import Live
from fleet.cli.options import Hub
from fleet.cli.session import Session
from fleet.errors import NotFound, Throttled
from fleet.kube.connection import Connection
from fleet.kube.request import Answer, Request

HERE = f"{socket.gethostname()}_7_abcd"
POD = "http://10.244.1.5:8080"


class Ways:
    """A hub's cluster with a Lease, and who was told the token."""

    def __init__(self, url: str, *, service: str = "answers", holder: str = HERE) -> None:
        self.lease = {"metadata": {"annotations": {names.URL: url}}, "spec": {"holderIdentity": holder}}
        self.service = service
        self.told: list[str] = []

    @property
    def session(self) -> Session:
        return Session(Hub(), self.send, self.open)  # type: ignore[arg-type]

    async def send(self, request: Request) -> Answer:
        if request.path.endswith(f"/leases/{names.HUB_LEASE}"):
            return Answer(200, orjson.dumps(self.lease))
        if request.path.endswith(f"/secrets/{names.API_SECRET}"):
            return Answer(200, orjson.dumps({"data": {"token": base64.b64encode(b"hunter2\n").decode()}}))
        assert "/services/" in request.path
        if self.service == "missing":
            raise NotFound("there is no Service", status=404)
        assert orjson.loads(request.body or b"")["token"] == "hunter2"
        self.told.append("proxy")
        if self.service == "silent":
            raise Throttled("nobody answers", status=503)
        return Answer(200, b"{}")

    def open(self, connection: Connection) -> Any:
        ways = self

        class Opened:
            async def send(self, _: Request) -> Answer:
                ways.told.append(connection.server)
                assert connection.token == "hunter2"
                return Answer(200, b"{}")

        return Opened()


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        (Ways(POD), ["proxy"]),
        (Ways(POD, service="silent"), ["proxy"]),  # what has that address here is not asked
        (Ways(POD, service="missing"), [POD]),
        (Ways("http://127.0.0.1:8080"), ["http://127.0.0.1:8080"]),
        (Ways("http://[::1]:8080"), ["http://[::1]:8080"]),
        (Ways("http://127.0.0.1:8080", holder="elsewhere_7_abcd"), ["proxy"]),
        (Ways("https://hub.example"), ["https://hub.example"]),
        (Ways("https://hub.example", holder=""), ["proxy"]),
        (Ways("http://127.0.0.1.example:8080"), ["proxy"]),
    ],
)
async def test_an_address_of_plain_http_is_not_told_the_token_where_the_api_server_leads_to_the_hub(
    ways: Ways, told: list[str]
) -> None:
    live = Live(ways.session)
    answer = await live.get("/clusters")
    assert ways.told == told
    assert (answer is None) == (ways.service == "silent")
