"""What is let in, in which order it is written down, and who is told that it may try again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fleet import names
from fleet.clusters.identity import IdentityChanged, RegisteredTwice
from fleet.errors import NotReady
from fleet.hub.identities import Identities
from fleet.hub.takeovers import TakeOvers
from fleet.model import ApplicationKey
from fleet.world.objects import World

VERSIONS = iter(range(1, 10_000))


class Stage:
    """A World of Clusters, and what Identities asked of others."""

    def __init__(self) -> None:
        self.world = World()
        self.identities = Identities(self.world)
        self.recorded: list[str] = []
        self.again: list[str] = []
        self.stands = True
        self.identities.record = self._record
        self.identities.again = self.again.append
        self.identities.lifted()

    async def _record(self, name: str) -> bool:
        self.recorded.append(name)
        return self.stands

    def cluster(self, name: str, *, age: int = 0, identity: str = "", uid: str = "", **notes: str) -> None:
        body: dict[str, Any] = {
            "apiVersion": names.API_VERSION,
            "kind": "Cluster",
            "metadata": {
                "name": name,
                "namespace": names.HUB_NAMESPACE,
                "uid": uid or f"uid-of-{name}",
                "resourceVersion": str(next(VERSIONS)),
                "creationTimestamp": f"2026-01-01T00:00:{30 - age:02}Z",
                "annotations": {f"{names.GROUP}/{key}": value for key, value in notes.items()},
            },
            "spec": {"server": "https://cluster.example"},
            "status": {"identity": identity} if identity else {},
        }
        self.world.saw("Cluster", body)
        self.identities.changed(name)

    def remove(self, name: str) -> None:
        self.world.gone("Cluster", ApplicationKey(names.HUB_NAMESPACE, name))
        self.identities.changed(name)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_first_contact_is_written_down_once(stage: Stage) -> None:
    stage.cluster("eu")
    await stage.identities.admit("eu", "one")
    await stage.identities.admit("eu", "one")
    assert stage.recorded == ["eu"]
    assert stage.identities.identity("eu") == "one"


async def test_what_could_not_be_written_down_is_not_let_in(stage: Stage) -> None:
    stage.cluster("eu")
    stage.stands = False
    with pytest.raises(NotReady):
        await stage.identities.admit("eu", "one")
    assert stage.identities.identity("eu") == ""


async def test_nobody_is_let_in_before_the_lists_are_complete(stage: Stage) -> None:
    late = Identities(stage.world)
    stage.cluster("eu")
    waiting = asyncio.ensure_future(late.admit("eu", "one"))
    await asyncio.sleep(0)
    assert not waiting.done()
    late.lifted()
    await waiting


async def test_who_it_was_is_read_from_the_status_after_a_start(stage: Stage) -> None:
    stage.cluster("eu", identity="one")
    with pytest.raises(IdentityChanged):
        await stage.identities.admit("eu", "two")
    assert stage.identities.other("eu") == "two"
    assert stage.recorded == []
    await stage.identities.admit("eu", "one")
    assert stage.identities.other("eu") == ""


async def test_a_word_for_another_has_the_refused_try_again(stage: Stage) -> None:
    stage.cluster("eu", identity="one")
    with pytest.raises(IdentityChanged):
        await stage.identities.admit("eu", "two")
    stage.again.clear()
    stage.cluster("eu", identity="one", replace="two")
    assert stage.again == ["eu"]
    await stage.identities.admit("eu", "two")
    assert stage.identities.identity("eu") == "two"
    with pytest.raises(IdentityChanged):
        await stage.identities.admit("eu", "one")


async def test_a_cluster_of_the_same_name_that_is_made_anew_is_learnt_anew(stage: Stage) -> None:
    stage.cluster("eu")
    await stage.identities.admit("eu", "one")
    stage.cluster("eu", uid="another")
    assert stage.identities.identity("eu") == ""
    await stage.identities.admit("eu", "two")


async def test_the_second_tries_again_when_the_first_goes(stage: Stage) -> None:
    stage.cluster("eu", age=5, identity="one")
    stage.cluster("again")
    with pytest.raises(RegisteredTwice):
        await stage.identities.admit("again", "one")
    assert stage.identities.first("again") == "eu"
    stage.again.clear()
    stage.remove("eu")
    assert stage.again == ["again"]
    await stage.identities.admit("again", "one")
    assert stage.identities.first("again") == ""


async def test_an_older_one_that_comes_late_takes_the_word_from_the_younger(stage: Stage) -> None:
    stage.cluster("eu", age=5)
    stage.cluster("again")
    await stage.identities.admit("again", "one")
    assert stage.identities.may_write("again")
    await stage.identities.admit("eu", "one")
    assert stage.identities.may_write("eu")
    assert not stage.identities.may_write("again")
    assert "again" in stage.again
    with pytest.raises(RegisteredTwice):
        await stage.identities.admit("again", "one")


def test_a_take_over_counts_until_it_was_acted_on_and_a_new_word_counts_anew(stage: Stage) -> None:
    take_overs = TakeOvers(stage.world)
    stage.cluster("eu")
    assert not take_overs.due("eu")
    stage.cluster("eu", **{"take-over": "monday"})
    assert take_overs.due("eu")
    take_overs.arrived("eu")
    assert not take_overs.due("eu")
    assert take_overs.used("eu") == "monday"
    stage.cluster("eu", **{"take-over": "tuesday"})
    assert take_overs.due("eu")
