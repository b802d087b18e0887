"""New words for the hub's own doors count without a restart."""

from __future__ import annotations

import asyncio
import base64
import http.client
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from fleet import names
from fleet.clock import Clock
from fleet.hub.seams import Seams
from tests.stage.api import until
from tests.stage.theatre import API_TOKEN, Theatre

NEW = "another-token-of-the-tests"


async def say(theatre: Theatre, token: str) -> None:
    data = {"token": base64.b64encode(token.encode()).decode()}
    metadata = {"name": names.API_SECRET, "namespace": names.HUB_NAMESPACE}
    await theatre.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


@pytest.fixture
async def restored(theatre: Theatre) -> AsyncIterator[Theatre]:
    yield theatre
    await say(theatre, API_TOKEN)


def answer(url: str, token: str) -> int:
    """The status of a request for all Applications."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/api/v1/applications", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()


async def test_a_new_token_of_the_api_counts_within_a_minute_and_the_old_one_no_more(
    restored: Theatre,
) -> None:
    clock = Clock()
    await restored.start(Seams(clock=lambda: clock))
    assert restored.running is not None
    url = restored.running.url
    assert await asyncio.to_thread(answer, url, API_TOKEN) == 200
    await say(restored, NEW)
    clock.advance(70)

    async def taken() -> bool:
        return await asyncio.to_thread(answer, url, NEW) == 200

    await until(taken, 10, what="the new token opens the API")
    assert await asyncio.to_thread(answer, url, API_TOKEN) == 401
