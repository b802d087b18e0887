"""What the hub keeps a new token in, which of two serves, and how often a member is asked."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleet import names
from fleet.clock import Clock
from fleet.clusters import kubeconfig
from fleet.errors import RegistrationError
from fleet.hub.renewals import Renewals
from fleet.kube.request import Answer, Request
from fleet.world.discovered import Discovered
from fleet.world.objects import World
from fleet.world.registrations import Registrations
from tests.unit.clusters.secrets import Body, coded, secret

PLACE = names.HUB_NAMESPACE
HOUR = 3600.0


def token(*, lifetime: float, issued: float, account: str = "a") -> str:
    claims = {
        "sub": "system:serviceaccount:fleethub:fleethub",
        "iat": issued,
        "exp": issued + lifetime,
        "kubernetes.io": {"serviceaccount": {"uid": account}},
    }
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"


def labelled(name: str, kind: str, at: str, **data: str) -> Body:
    """A Secret whose content a person wrote at that time of the day."""
    entry = {"manager": "person", "time": f"2026-11-25T{at}Z", "fieldsV1": {"f:data": {"f:token": {}}}}
    metadata = {
        "labels": {names.SECRET_TYPE: kind},
        "creationTimestamp": entry["time"],
        "managedFields": [entry],
        "resourceVersion": "7",
    }
    return secret(name, metadata=metadata, **data)


class Stage:
    """The hub's API server, as far as Secrets are written, and a member that grants an hour."""

    def __init__(self) -> None:
        self.world, self.clock = World(), Clock()
        elsewhere = Discovered(self, (), self.clock)
        self.registrations = Registrations(self, self.world, PLACE, kubeconfig.NOTHING, self.clock, elsewhere)
        self.renewals = Renewals(self.world, self.registrations, self.clock)
        self.renewals.door = lambda _: self.member
        self.renewals.open = lambda *_: self  # type: ignore[assignment,return-value]
        self.renewals.identity = lambda _: "u"
        self.registrations.changed_cluster = self.renewals.changed
        self.asked = 0
        self.written: list[Body] = []

    def cluster(self, **spec: Any) -> None:
        metadata = {"name": "eu", "namespace": PLACE, "uid": "c", "resourceVersion": "1"}
        spec = {"server": "https://eu.example", **spec}
        self.world.saw(
            names.CLUSTER,
            {"apiVersion": names.API_VERSION, "kind": "Cluster", "metadata": metadata, "spec": spec},
        )

    def holds(self, body: Body) -> None:
        self.registrations._saw(body, json.dumps(body["metadata"]["managedFields"]).encode())

    async def member(self, _: Request) -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        granted = token(lifetime=HOUR, issued=self.clock.now())
        status = {"token": granted, "expirationTimestamp": "2026-11-25T12:00:00Z"}
        return Answer(201, json.dumps({"status": status}).encode())

    async def send(self, request: Request) -> Answer:
        if not request.writes:
            return Answer(200, json.dumps({"metadata": {"name": "kube-system", "uid": "u"}}).encode())
        body = json.loads(request.body or b"")
        entry = {
            "manager": dict(request.query)["fieldManager"],
            "time": "2026-11-25T10:00:00Z",
            "fieldsV1": {"f:data": {"f:token": {}}},
        }
        body["metadata"] |= {"managedFields": [entry], "resourceVersion": str(8 + len(self.written))}
        self.written.append(body)
        return Answer(200, json.dumps(body).encode())

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        raise NotImplementedError(request.path)

    async def close(self) -> None:
        pass

    async def settle(self) -> None:
        """Let the renewals do what they do in a fifth of a second."""
        self.renewals.changed("eu")
        running = asyncio.ensure_future(self.renewals.run())
        await asyncio.sleep(0.2)
        running.cancel()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize("spec", [{}, {"credential": {"secretRef": {"name": "eu-token"}}}])
async def test_a_member_that_grants_less_than_a_day_is_asked_once(stage: Stage, spec: Body) -> None:
    stage.cluster(**spec)
    given = token(lifetime=HOUR, issued=stage.clock.now())
    stage.holds(labelled("eu-token", names.SECRET_CREDENTIAL, "09:00:00", token=given))
    await stage.settle()
    assert stage.asked == 1
    assert stage.registrations.renewed("eu")
    # A hub that begins anew knows its own token by who wrote it.
    stage.renewals._got.clear()
    await stage.settle()
    assert stage.asked == 1


async def test_a_member_is_not_asked_again_at_once_where_another_token_serves(stage: Stage) -> None:
    stage.cluster(credential={"secretRef": {"name": "given"}})
    # By the clock of an API server that is ahead; and its account was made anew, so that the times are all there is.
    given = token(lifetime=HOUR, issued=stage.clock.now(), account="b")
    stage.holds(labelled("given", names.SECRET_CREDENTIAL, "11:00:00", token=given))
    await stage.settle()
    assert stage.asked == 1
    assert not stage.registrations.renewed("eu")


async def test_what_could_not_be_renewed_is_not_said_of_what_was_given_since(stage: Stage) -> None:
    stage.cluster()
    short = token(lifetime=HOUR, issued=stage.clock.now())
    stage.holds(labelled("eu-token", names.SECRET_CREDENTIAL, "09:00:00", token=short))
    stage.renewals.identity = lambda _: "another"
    await stage.settle()
    assert "another cluster" in stage.renewals.facts("eu").problem
    month = token(lifetime=30 * 24 * HOUR, issued=stage.clock.now())
    stage.holds(labelled("eu-token", names.SECRET_CREDENTIAL, "09:30:00", token=month))
    await stage.settle()
    assert stage.renewals.facts("eu").problem == ""


async def test_a_token_that_comes_after_the_hub_has_left_is_not_kept(stage: Stage) -> None:
    stage.cluster()
    given = token(lifetime=HOUR, issued=stage.clock.now())
    stage.holds(labelled("eu-token", names.SECRET_CREDENTIAL, "09:00:00", token=given))
    doors = [stage.member]
    stage.renewals.door = lambda _: doors.pop() if doors else None
    await stage.settle()
    assert (stage.asked, stage.written) == (1, [])


@pytest.mark.parametrize("kind", [names.SECRET_REPOSITORY, names.SECRET_CLUSTER])
async def test_a_secret_of_another_purpose_under_that_name_stays_as_it_is(stage: Stage, kind: str) -> None:
    stage.cluster(credential={"secretRef": {"name": "given"}})
    given = token(lifetime=HOUR, issued=stage.clock.now())
    stage.holds(labelled("given", names.SECRET_CREDENTIAL, "09:00:00", token=given))
    stage.holds(labelled("eu-token", kind, "09:00:00", url="https://forge.example/r.git", password="p"))
    await stage.settle()
    assert (stage.asked, stage.written) == (0, [])
    assert "rename it" in stage.renewals.facts("eu").problem
    with pytest.raises(RegistrationError, match="rename it"):
        await stage.registrations.keep("eu", given)


async def test_of_two_tokens_of_one_account_the_one_granted_last_serves(stage: Stage) -> None:
    stage.cluster(credential={"secretRef": {"name": "given"}})
    older, newer = (token(lifetime=HOUR, issued=at) for at in (1000, 2000))
    stage.holds(labelled("eu-token", names.SECRET_CREDENTIAL, "09:00:00", token=newer))
    # As Git writes all of a Secret when one of its labels changes.
    stage.holds(labelled("given", names.SECRET_CREDENTIAL, "10:00:00", token=older))
    assert stage.registrations.registration("eu").connection.token == newer
    again = token(lifetime=HOUR, issued=500, account="b")
    given = labelled("given", names.SECRET_CREDENTIAL, "10:00:00", token=again)
    stage.holds(given)
    assert stage.registrations.registration("eu").connection.token == again
    # Within one second, the later one of the two.
    kept = labelled("eu-token", names.SECRET_CREDENTIAL, "10:00:00", token=newer)
    kept["metadata"]["resourceVersion"] = "10"
    stage.holds(kept)
    assert stage.registrations.registration("eu").connection.token == newer
    given["metadata"]["resourceVersion"] = "11"
    stage.holds(given)
    assert stage.registrations.registration("eu").connection.token == again


def test_a_token_that_ends_on_no_date_breaks_nothing(stage: Stage) -> None:
    stage.cluster()
    endless = coded(json.dumps({"sub": "x", "iat": 1, "exp": 10**400}).encode())
    stage.holds(labelled("eu-token", names.SECRET_CREDENTIAL, "09:00:00", token=f"e30.{endless}.x"))
    assert stage.renewals.facts("eu").expires == 0
