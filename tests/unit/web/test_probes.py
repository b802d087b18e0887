"""Probes say what is not well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.web import probes

if TYPE_CHECKING:
    from tests.unit.web.conftest import Serving


async def test_probes_follow_their_checks(serving: Serving) -> None:
    trouble = [""]
    async with serving(probes.routes(lambda: "", lambda: trouble[0])) as session:
        async with session.get("/readyz") as answer:
            assert answer.status == 200
        trouble[0] = "the lists of hub objects are not complete"
        async with session.get("/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["error"] == trouble[0]
        async with session.get("/healthz") as answer:
            assert answer.status == 200
