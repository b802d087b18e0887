"""What helps, by what was found."""

from __future__ import annotations

import shlex
from typing import cast

import orjson
import pytest

from fleet.clusters import doctor
from fleet.clusters.doctor import Patient
from fleet.errors import Unreachable, fault
from fleet.kube import acting, failure
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Answer, Request
from fleet.model import Fault
from tests.unit.clusters.test_token import OURS, made

DAY = 86400.0


def refused(message: str) -> Fault:
    body = orjson.dumps({"kind": "Status", "reason": "Forbidden", "message": message})
    return fault(failure.from_answer(403, body, {}, None))


def test_a_refused_account_is_given_exactly_what_it_lacks() -> None:
    message = (
        'deployments.apps "web" is forbidden: User "system:serviceaccount:shop:deployer" cannot patch resource '
        '"deployments" in API group "apps" in the namespace "shop"'
    )
    error = failure.from_answer(403, orjson.dumps({"reason": "Forbidden", "message": message}), {}, None)
    named = fault(acting._named(error, "shop/deployer"))  # type: ignore[arg-type]
    (found,) = doctor.refusals("eu", [named, named])
    assert not found.well
    assert found.help == (
        "kubectl create role -n shop fleethub-apply-deployments --verb=create,patch --resource=deployments.apps && "
        "kubectl create rolebinding -n shop fleethub-apply-deployments --role=fleethub-apply-deployments "
        "--serviceaccount=shop:deployer"
    )


def test_the_hubs_own_account_is_made_whole() -> None:
    message = 'User "system:serviceaccount:fleethub:fleethub" cannot list resource "secrets" in API group "" at the cluster scope'
    (found,) = doctor.refusals("eu", [refused(message)])
    assert "may not list secrets" in found.text
    assert found.help.startswith("fleethub cluster rotate eu --member-kubeconfig FILE")


def test_what_no_right_would_help_is_none() -> None:
    assert list(doctor.refusals("eu", [refused("exceeded quota: small"), Fault(None, "Invalid", "x")])) == []


@pytest.mark.parametrize(
    ("version", "well"),
    [("v1.32.9", False), ("v1.33.0", True), ("v1.36.3-eks-1", True), ("v1.37.0", False), ("odd", False)],
)
def test_the_versions_that_the_hub_is_made_for(version: str, *, well: bool) -> None:
    found = doctor.version(version)
    assert (found.well, bool(found.help)) == (well, not well)


@pytest.mark.parametrize(
    ("age", "well", "cure"),
    [
        (0.0, True, ""),
        (12.0, True, ""),
        (16.0, False, "rotate eu"),
        (31.0, False, "rotate eu --member-kubeconfig FILE"),
    ],
)
def test_a_token_that_is_not_renewed_is_told_before_it_ends(age: float, cure: str, *, well: bool) -> None:
    connection = Connection("https://eu", token=made(sub=OURS, iat=1, exp=1 + 30 * DAY))
    (found,) = doctor.ends(Patient("eu", "", connection, 1 + age * DAY))
    assert (found.well, found.help) == (well, f"fleethub cluster {cure}" if cure else "")


class Server:
    """A client of a server that answers with another version and a clock of its own."""

    certificate_ends = 0.0

    def __init__(self, date: float) -> None:
        self.date = date

    async def send(self, request: Request) -> Answer:
        if request.path == "/version":
            return Answer(200, b'{"gitVersion": "v1.35.1"}')
        metadata = {"name": "kube-system", "uid": "one", "resourceVersion": "1"}
        return Answer(200, orjson.dumps({"metadata": metadata}))


@pytest.mark.parametrize(("ahead", "well"), [(5, True), (-5, True), (300, False), (-300, False)])
async def test_a_clock_that_is_off_is_told(ahead: float, *, well: bool) -> None:
    patient = Patient("eu", "one", Connection("https://eu", token="t"), 1000.0)
    found = await doctor.examine(patient, Server(1000.0 + ahead))  # type: ignore[arg-type]
    assert [one.well for one in found if one.check == "clock"] == [well]
    assert all(one.well for one in found if one.check != "clock")


async def test_another_cluster_is_told_by_its_identity() -> None:
    patient = Patient("eu", "other", Connection("https://eu", token="t"), 1000.0)
    found = await doctor.examine(patient, Server(1000.0))  # type: ignore[arg-type]
    (wrong,) = [one for one in found if not one.well]
    assert "it reaches one, and eu is other" in wrong.text
    assert "fleethub cluster replace eu" in wrong.help


class Dark:
    """A member where nobody is."""

    async def send(self, _: Request) -> Answer:
        raise Unreachable("nobody is there")


async def test_advice_runs_nothing_that_a_registration_wrote_into_it() -> None:
    server = "https://eu.example/$(touch${IFS}x);y"
    patient = Patient("eu", "", Connection(server), 0.0)
    (found,) = await doctor.examine(patient, cast("Client", Dark()))
    assert shlex.split(found.help, comments=True) == ["curl", "-v", f"{server}/version"]
