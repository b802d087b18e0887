"""How the hub stands to a member by the registration that was just written."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fleet.cli.cluster import registering, secrets
from fleet.cli.errors import CliError
from fleet.cli.session import Session
from fleet.kube.connection import Connection
from fleet.kube.request import Answer, Request
from fleet.names import SECRET_TYPE
from tests.unit.clusters.test_token import OURS, made


def cluster(registration: str, *, reached: bool = True) -> dict[str, Any]:
    condition = {"type": "Reachable", "status": "True" if reached else "False", "message": "no route"}
    return {"metadata": {"name": "eu"}, "status": {"registration": registration, "conditions": [condition]}}


@pytest.mark.parametrize(("by", "reached"), [("99", False), ("100", True), ("101", True), ("none", False)])
def test_a_hub_that_has_exchanged_the_token_already_has_reached_the_member(by: str, *, reached: bool) -> None:
    assert registering.stand("eu", cluster(by), "100").reached is reached


def test_what_a_later_registration_met_is_told() -> None:
    found = registering.stand("eu", cluster("101", reached=False), "100")
    assert (found.reached, found.text) == (False, "eu: no route")


@pytest.mark.parametrize(("kind", "fresh"), [("cluster-credential", True), ("repository", False)])
async def test_a_registration_whose_token_the_hub_has_renewed_needs_no_other(
    kind: str, *, fresh: bool
) -> None:
    now = time.time()
    old, new = (
        made(sub=OURS, iat=issued, exp=issued + 86400, **{"kubernetes.io": {"serviceaccount": {"uid": "a"}}})
        for issued in (now - 80000, now)
    )
    given = secrets.registration(("fleethub", "eu"), Connection("https://eu.example", token=old), {}, {})
    kept = secrets.credential(("fleethub", "eu"), Connection("", token=new))
    kept["metadata"]["labels"][SECRET_TYPE] = kind

    async def send(_: Request) -> Answer:
        return Answer(200, json.dumps(kept).encode())

    session = cast("Session", SimpleNamespace(send=send, hub=SimpleNamespace(hub_namespace="fleethub")))
    way = Connection("https://eu.example")
    assert not registering._fresh(given, way)
    assert registering._fresh(await registering._serving(session, "eu", given, way), way) is fresh


def test_a_proxy_that_is_no_url_is_an_error_in_words() -> None:
    with pytest.raises(CliError, match="the proxy is no URL"):
        registering._host("http://[x")
    assert registering._host("http://proxy.example:3128") == "proxy.example"
