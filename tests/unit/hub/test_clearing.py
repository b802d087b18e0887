"""Leaving a cluster, and being called back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fleet import names
from fleet.hub.clearing import Clearing
from fleet.world.objects import World


def cluster(version: str, *, clean: bool) -> dict[str, Any]:
    metadata = {
        "name": "eu",
        "namespace": names.HUB_NAMESPACE,
        "uid": "c",
        "resourceVersion": version,
        "annotations": {names.CLEAN: "now"} if clean else {},
    }
    spec = {"server": "https://eu.example"}
    return {"apiVersion": names.API_VERSION, "kind": "Cluster", "metadata": metadata, "spec": spec}


def test_a_cleaning_that_is_called_off_while_the_lease_is_given_back_has_somebody_sent_there_again() -> None:
    world: Any = World()
    for kind in names.HUB_KINDS:
        world.listed(kind)
    asked: list[str] = []
    member = SimpleNamespace(parents={}, parents_listed=True)
    worker = SimpleNamespace(running=SimpleNamespace(member=member), leave=lambda: asked.append("leave"))
    roster: Any = SimpleNamespace(get=lambda _: worker, withdrawing=lambda _: False)
    nothing: Any = SimpleNamespace(placed=lambda _: frozenset(), all_missing=tuple, drop=lambda _: None)
    clearing = Clearing(world, roster, nothing, nothing, nothing, nothing)
    rehired: list[str] = []
    clearing.rehire = rehired.append
    world.saw(names.CLUSTER, cluster("1", clean=True))
    clearing.changed("eu")
    clearing.look()
    assert asked == ["leave"]
    world.saw(names.CLUSTER, cluster("2", clean=False))
    clearing.changed("eu")
    assert rehired == []
    clearing.left("eu")
    assert rehired == ["eu"]
    clearing.look()
    assert not clearing.away("eu")
