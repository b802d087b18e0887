"""The hub is cut off at the making of a sealing key: in the end each ring has exactly one."""

from __future__ import annotations

import asyncio

import pytest

from fleet import names
from fleet.secrets import keys
from tests.stage.api import until
from tests.stage.seams import Guillotine, Journal, watched
from tests.stage.theatre import Theatre

POST = "@hub POST /api/v1/namespaces/fleethub/secrets #1"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_ring_has_exactly_one_key_where_the_hub_is_cut_off_at_its_making(
    theatre: Theatre, *, after: bool
) -> None:
    await theatre.register("eu")
    # A hub makes all that is made once, and one key is taken away: the first that a hub posts is then its heir.
    await theatre.start()
    await theatre.keyed("default", "hub")
    await theatre.stop()
    for secret in await _keys(theatre, "default"):
        await theatre.api.delete("Secret", secret, names.HUB_NAMESPACE)
    guillotine = Guillotine(POST, after=after)
    starting = asyncio.ensure_future(theatre.start(watched(Journal(), guillotine)))
    await asyncio.wait_for(guillotine.fallen.wait(), 60)
    starting.cancel()
    await asyncio.wait({starting})
    await theatre.kill()
    left = await _keys(theatre, "default")
    assert len(left) == after
    again = watched(journal := Journal())
    await theatre.start(again)
    await theatre.keyed("default", "hub")

    async def known() -> bool:
        found = theatre.hub.secrets.sealing.keyring.all("default")
        return {key.secret for key in found} == set(await _keys(theatre, "default"))

    await until(known, what="the hub knows what is there")
    found = await _keys(theatre, "default")
    assert len(found) == len(await _keys(theatre, "hub")) == 1
    if after:
        assert found == left, "what was made before the cut is the key"
        assert POST not in journal.writes


async def _keys(theatre: Theatre, ring: str) -> list[str]:
    found = await theatre.api.list("Secret", names.HUB_NAMESPACE, f"{keys.LABEL},{names.RING}={ring}")
    return [one["metadata"]["name"] for one in found]
