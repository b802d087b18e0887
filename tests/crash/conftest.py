"""An OpenBao and a sealing key that stay for all runs, and run 0, which says where to cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from fleet import names
from fleet.projects import default
from fleet.secrets.keys import certified
from tests.crash.scenario import SETTINGS, Cut, Safe, certain, cuts, let_in, normal, scenario
from tests.stage import openbao
from tests.stage.api import Api
from tests.stage.openbao import OpenBao
from tests.stage.seams import Journal
from tests.stage.theatre import Planes, Theatre


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """A real OpenBao."""
    with openbao.serving(tmp_path_factory.mktemp("openbao")) as found:
        yield found


@pytest.fixture(scope="module")
async def safe(
    planes: Planes, hub_api: Api, member_apis: dict[str, Api], bao: OpenBao
) -> AsyncIterator[Safe]:
    """A hub makes its key, which stays: making one takes longer than a run."""
    theatre = Theatre(planes, hub_api, member_apis)
    await theatre.open()
    try:
        await let_in(theatre, bao)
        await theatre.register("eu")
        await theatre.start(**SETTINGS)
        await theatre.keyed("default", "hub")
        key = theatre.hub.secrets.sealing.keyring.newest("default")
        assert key is not None
        found = Safe(certified(key.certificate.encode()), bao)
    finally:
        await theatre.close()
    yield found
    await hub_api.apply(default.manifest(names.HUB_NAMESPACE))


@pytest.fixture(scope="module")
async def found(planes: Planes, hub_api: Api, member_apis: dict[str, Api], safe: Safe) -> tuple[Cut, ...]:
    """Run 0; what is cut at is what two runs before it wrote too, the first of which makes the members' namespace."""
    runs = []
    for journal in (Journal(), Journal(), Journal()):
        theatre = Theatre(planes, hub_api, member_apis)
        await theatre.open()
        try:
            await scenario(theatre, safe, journal, None)
        finally:
            await theatre.close()
        runs.append([(moment, normal(write, theatre)) for moment, write in journal.moments])
    sure = set.intersection(*({write for _, write in run if write and certain(write)} for run in runs))
    return tuple(cuts(runs[-1], sure))
