"""Binding, and the one shape of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from fleet.errors import RepositoryUnreachable
from fleet.web.server import address, serve

if TYPE_CHECKING:
    from tests.unit.web.conftest import Serving


async def test_the_url_names_the_port_that_was_given(serving: Serving) -> None:
    async with serving() as session, session.get("/nothing") as answer:
        assert answer.status == 404
        assert (await answer.json())["reason"] == "NotFound"


async def test_what_nobody_foresaw_is_reported_and_answered_without_its_text(
    serving: Serving, unforeseen: list[BaseException]
) -> None:
    async def broken(_: web.Request) -> web.Response:
        raise ValueError("token=hunter2")

    async def known(_: web.Request) -> web.Response:
        raise RepositoryUnreachable("git.example does not answer")

    async with serving([web.get("/broken", broken), web.get("/known", known)]) as session:
        async with session.get("/broken") as answer:
            assert answer.status == 500
            assert "hunter2" not in await answer.text()
        async with session.get("/known") as answer:
            assert answer.status == 503
            assert await answer.json() == {
                "error": "git.example does not answer",
                "reason": "RepositoryUnreachable",
            }
    assert [type(error) for error in unforeseen] == [ValueError]


async def test_a_port_that_is_taken_is_an_error() -> None:
    first = await serve("127.0.0.1:0", report=print)
    try:
        with pytest.raises(OSError, match="address"):
            await serve(first.url.removeprefix("http://"), report=print)
    finally:
        await first.close()
        await first.close()


def test_addresses() -> None:
    assert address(":8080") == ("", 8080)
    assert address("[::1]:8080") == ("::1", 8080)
    for wrong in ("8080", "host:", "host:http", "host:70000"):
        with pytest.raises(ValueError, match="HOST:PORT"):
            address(wrong)
