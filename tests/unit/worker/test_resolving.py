"""Secrets are resolved for a pass, each for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fleet.clock import Clock
from fleet.model import Discovery, Fault, Manifest, ObjectRef, Origin, Resource, TargetKey
from fleet.secrets.arrange import FETCHED
from fleet.sync.claims import Claims
from fleet.sync.scope import Placed, Scoped
from fleet.worker import resolving
from fleet.worker.existence import Existence
from fleet.worker.ledger import Ledger
from fleet.worker.member import Identity, Member
from fleet.worker.resolver import Asked, Stamp
from fleet.worker.sightings import Sightings
from tests.unit.worker.played import work

if TYPE_CHECKING:
    from fleet.kube.client import Client

CANARY = "cn4ry-s3cr3t"
SECRETS = Resource("", "v1", "Secret", "secrets", namespaced=True)
GOOD, BAD = (ObjectRef("", "Secret", "shop", name) for name in ("good", "bad"))


class Stores:
    """Opens each Secret but one, of which nobody foresaw what is in it."""

    async def stamp(self, asked: Asked) -> Stamp:
        if asked.manifest.ref == BAD:
            raise TypeError(CANARY)
        return Stamp("1")

    async def clear(self, asked: Asked) -> bytes:
        if asked.manifest.ref == BAD:
            raise TypeError(CANARY)
        return b'{"apiVersion":"v1","kind":"Secret","metadata":{"name":"good","namespace":"shop"}}'

    def retain(self, target: TargetKey, refs: frozenset[ObjectRef]) -> None:
        """Nothing is followed."""


def member() -> Member:
    clock = Clock()

    async def send(_: Any) -> Any:
        raise AssertionError

    return Member(
        "eu",
        cast("Client", None),
        Identity("uid", "fleethub", b"key"),
        Discovery({}, frozenset(), "v1.34.0"),
        clock,
        Sightings(),
        Claims("fleethub"),
        Ledger(lambda *_: None),
        Existence(send, clock),
        resolver=Stores(),
    )


def scoped() -> Scoped:
    form = min(FETCHED)
    return Scoped(
        tuple(
            Placed(Manifest(ref, "v1", b'{"metadata":{}}', Origin("x"), form=form), SECRETS)
            for ref in (BAD, GOOD)
        )
    )


def silent(fault: Fault) -> None:
    assert fault.ref == BAD
    assert "TypeError" in fault.text
    assert CANARY not in fault.text


async def test_what_nobody_foresaw_of_one_version_is_a_fault_of_its_secret_alone() -> None:
    found = await resolving.stamped(work("app"), scoped(), member())
    assert set(found.unknown) == {BAD}
    silent(found.unknown[BAD])
    # It stays desired, so nothing of it is pruned.
    assert {placed.ref: placed.manifest.kept.stamp for placed in found.manifests} == {BAD: "", GOOD: "1"}


async def test_what_nobody_foresaw_of_one_value_is_a_fault_of_its_secret_alone() -> None:
    found = await resolving.resolve(work("app"), scoped(), member())
    assert set(found.clear) == {GOOD}
    assert set(found.faults) == {BAD}
    silent(found.faults[BAD])
