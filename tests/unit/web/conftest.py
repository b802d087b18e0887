"""The hub's own server on a free port, as a client sees it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import pytest

from fleet.web.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Serving(Protocol):
    def __call__(self, *routes: Any) -> AbstractAsyncContextManager[aiohttp.ClientSession]: ...


@pytest.fixture
def unforeseen() -> list[BaseException]:
    return []


@pytest.fixture
def serving(unforeseen: list[BaseException]) -> Serving:
    @asynccontextmanager
    async def start(*routes: Any) -> AsyncIterator[aiohttp.ClientSession]:
        server = await serve("127.0.0.1:0", *routes, report=unforeseen.append)
        try:
            async with aiohttp.ClientSession(server.url) as session:
                yield session
        finally:
            await server.close()

    return start
