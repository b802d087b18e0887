"""What a process that waits hands on, and to whom."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from fleet.web.server import Server, serve


class Active:
    """A server that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Say that it was asked."""
        self.asked.append((request.method, request.raw_path, await request.read()))
        return web.json_response({"active": True})


@pytest.fixture
async def active() -> AsyncIterator[Active]:
    made = Active()
    server = await serve("127.0.0.1:0", [web.route("*", "/{rest:.*}", made.answer)], report=print)
    made.url = server.url
    yield made
    await server.close()


@pytest.fixture
async def standby(active: Active) -> AsyncIterator[Server]:
    server = await serve("127.0.0.1:0", report=print, elsewhere=lambda: active.url)
    yield server
    await server.close()


async def test_a_body_that_came_packed_is_handed_on_as_it_reads(active: Active, standby: Server) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{standby.url}/webhook?a=1",
            data=gzip.compress(b"pushed"),
            headers={"Content-Encoding": "gzip"},
        ) as answer,
    ):
        assert await answer.json() == {"active": True}
    assert active.asked == [("POST", "/webhook?a=1", b"pushed")]


@pytest.mark.parametrize("target", ["CONNECT @{other}", "CONNECT x:1@{other}", "GET http://{other}/secret"])
async def test_no_caller_has_another_server_asked(active: Active, standby: Server, target: str) -> None:
    other = Active()
    elsewhere = await serve("127.0.0.1:0", [web.route("*", "/{rest:.*}", other.answer)], report=print)
    try:
        at = urlsplit(standby.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        line = target.format(other=urlsplit(elsewhere.url).netloc)
        writer.write(f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        assert head.split()[1] == b"400"
        assert other.asked == active.asked == []
    finally:
        await elsewhere.close()
