"""The clock: what a late timeout says."""

from __future__ import annotations

import asyncio

from fleet.clock import LAG_SECONDS, Clock


async def test_a_timeout_that_is_served_late_says_that_this_loop_lags() -> None:
    clock = Clock()
    now = asyncio.get_running_loop().time()
    assert clock.lags(now - LAG_SECONDS - 0.5)
    assert not clock.lags(now)
    assert not clock.lags(now + 30)


async def test_so_does_the_last_reading() -> None:
    clock = Clock()
    clock.lag = LAG_SECONDS + 0.5
    assert clock.lags(asyncio.get_running_loop().time())
