"""Fixtures of all tests that need servers: one hub and two members a worker, a clean theatre a test."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from bootstrap.local.plane import Plane
from fleet.kube import discovery as kube_discovery
from fleet.kube.request import Send
from fleet.model import Discovery
from tests.stage.api import Api
from tests.stage.theatre import Planes, Theatre, install, raised

# How fast a machine is, is no property of the code.
settings.register_profile("fleethub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fleethub")

# Servers of tests live for minutes: they need not collect their garbage as eagerly as those that stay.
os.environ.setdefault("GOGC", "400")

# Whoever starts the tests in the background has them ignore Ctrl-C, and what they start inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planes]:
    """A hub and two members, API servers alone, that share one etcd."""
    with raised(tmp_path_factory.mktemp("stage")) as planes:
        yield planes


@pytest.fixture(scope="session")
async def hub_api(planes: Planes) -> AsyncIterator[Api]:
    """The hub's API server, with fleethub installed."""
    api = await Api.of(planes.hub.kubeconfig)
    await install(api)
    yield api
    await api.close()


@pytest.fixture(scope="session")
async def member_apis(planes: Planes) -> AsyncIterator[dict[str, Api]]:
    """The members' API servers."""
    apis = {name: await Api.of(plane.kubeconfig) for name, plane in planes.members.items()}
    yield apis
    for api in apis.values():
        await api.close()


@pytest.fixture
async def theatre(planes: Planes, hub_api: Api, member_apis: dict[str, Api]) -> AsyncIterator[Theatre]:
    """A clean theatre, hub not yet started, members not yet registered."""
    made = Theatre(planes, hub_api, member_apis)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def plane(planes: Planes) -> Plane:
    """One API server."""
    return planes.members["eu"]


@pytest.fixture
def send(member_apis: dict[str, Api]) -> Send:
    """The door to that server, as its admin."""
    return member_apis["eu"].send


@pytest.fixture
async def discovery(send: Send) -> Discovery:
    """What that server serves."""
    return await kube_discovery.read(send)


@pytest.fixture
async def namespace(theatre: Theatre) -> str:
    """A namespace of the test's own there."""
    return theatre.namespace
