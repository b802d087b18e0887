"""The exposition is made off the loop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fleet.web import scrape

if TYPE_CHECKING:
    from tests.unit.web.conftest import Serving


async def test_metrics_are_exposed_in_another_thread(serving: Serving) -> None:
    threads: list[int] = []

    def expose() -> tuple[bytes, str]:
        threads.append(threading.get_ident())
        return b"fleethub_up 1\n", "text/plain; version=0.0.4; charset=utf-8"

    async with serving(scrape.routes(expose)) as session, session.get("/metrics") as answer:
        assert await answer.read() == b"fleethub_up 1\n"
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert threads != [threading.get_ident()]
