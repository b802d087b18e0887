"""What is said of a credential that was to be taken back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from fleet import names
from fleet.clock import Clock
from fleet.errors import Forbidden
from fleet.hub.revocations import Revocations
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Answer, Request
from fleet.world.objects import World
from fleet.world.registrations import Registrations
from tests.unit.clusters.test_token import OURS, made


class Member:
    """It takes the token no more."""

    async def send(self, _: Request) -> Answer:
        raise Forbidden("the cluster does not accept the credential", status=401)

    async def close(self) -> None:
        pass


def asked(world: World) -> None:
    """A Cluster whose credential is to be taken back."""
    metadata: dict[str, Any] = {
        "name": "eu",
        "namespace": names.HUB_NAMESPACE,
        "uid": "c",
        "resourceVersion": "1",
        "annotations": {names.REVOKE: "now"},
    }
    kind = {"apiVersion": names.API_VERSION, "kind": "Cluster"}
    world.saw("Cluster", {**kind, "metadata": metadata, "spec": {"server": "https://eu.example"}})


@pytest.mark.parametrize(("left", "revoked"), [(60.0, True), (-60.0, False)])
async def test_a_token_that_has_ended_says_nothing_of_the_account(left: float, *, revoked: bool) -> None:
    world, clock = World(), Clock()
    asked(world)
    token = made(sub=OURS, iat=clock.now() - 3600, exp=clock.now() + left)
    found = SimpleNamespace(connection=Connection("https://eu.example", token=token))
    registrations = SimpleNamespace(registration=lambda _: found, version=lambda _: "7")
    revocations = Revocations(world, cast("Registrations", registrations), clock)
    revocations.open = lambda *_: cast("Client", Member())
    await revocations._look("eu")
    fault = revocations.fault("eu")
    assert fault is not None
    assert revocations.done("eu") == (("now", "7") if revoked else ("", ""))
    assert fault.reason == ("Revoked" if revoked else "Revoking")
    assert ("kubectl delete serviceaccount -n fleethub fleethub" in fault.text) is not revoked


class Strange:
    """A member that answers who it is, and to all else with what is no answer."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def send(self, request: Request) -> Answer:
        who = b'{"metadata": {"name": "kube-system", "uid": "u", "resourceVersion": "1"}}'
        return Answer(200, who if request.path.endswith("/kube-system") else self.body)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"metadata": []}', b"[" * 100_000])
async def test_whatever_a_member_that_is_revoked_answers_the_hub_goes_on(body: bytes) -> None:
    world, clock = World(), Clock()
    asked(world)
    token = made(sub=OURS, iat=clock.now() - 60, exp=clock.now() + 3600)
    found = SimpleNamespace(connection=Connection("https://eu.example", token=token))
    registrations = SimpleNamespace(registration=lambda _: found, version=lambda _: "7")
    revocations = Revocations(world, cast("Registrations", registrations), clock)
    revocations.open = lambda *_: cast("Client", Strange(body))
    revocations.identity = lambda _: "u"
    await revocations._look("eu")
    fault = revocations.fault("eu")
    assert fault is not None
    assert fault.reason == "Revoking"
