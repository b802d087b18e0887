"""A cluster that does not answer: it takes nobody's slots, and is asked for a sign of life whoever waits."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from fleet.clock import Clock
from fleet.errors import Unreachable
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Request
from fleet.model import Lane

VERSION = Request("GET", "/version", timeout=5.0)


def client(budget: Budget) -> Client:
    """A client of a server that nobody runs."""
    return Client(Connection("https://127.0.0.1:1"), cluster="eu", budget=budget, clock=Clock())


async def test_it_is_still_a_suspect_for_the_next_client_until_there_is_to_be_none() -> None:
    budget = Budget(total=1, each=1, suspects=1)
    first = client(budget)
    with pytest.raises(Unreachable):
        await first.send(VERSION)
    await first.close()
    async with budget.slot("eu", Lane.URGENT), asyncio.timeout(5), budget.slot("us", Lane.URGENT):
        pass  # the one slot of those that answer is free
    await client(budget).close(for_good=True)
    async with budget.slot("eu", Lane.URGENT):
        assert budget._trusted.inflight == 1


async def test_a_sign_of_life_waits_for_no_slot() -> None:
    budget = Budget(total=2, each=2, suspects=1)
    asking = client(budget)
    async with AsyncExitStack() as taken:
        for _ in range(2):
            await taken.enter_async_context(budget.slot("eu", Lane.URGENT))
        async with asyncio.timeout(5):
            with pytest.raises(Unreachable):
                await asking.send(Request("GET", "/version", timeout=5.0, apart=True))
    await asking.close()
