"""The hub is cut off right before and right after its writes, the other half of them, so that two workers share them."""

from __future__ import annotations

import pytest

from tests.crash.halves import check
from tests.crash.scenario import Cut, Safe
from tests.stage.api import Api
from tests.stage.theatre import Planes, Theatre


@pytest.mark.timeout(1500)
async def test_the_world_ends_up_the_same_wherever_the_hub_is_cut_off(
    found: tuple[Cut, ...], planes: Planes, hub_api: Api, member_apis: dict[str, Api], safe: Safe
) -> None:
    await check(found, 1, lambda: Theatre(planes, hub_api, member_apis), safe)
