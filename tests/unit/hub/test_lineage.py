"""Which Applications hold one, from what stands on the objects."""

from __future__ import annotations

from typing import Any

from fleet import names
from fleet.hub.lineage import Lineage
from fleet.model import ApplicationKey, TargetKey
from fleet.sync.sets import set_id
from fleet.world.objects import World

ROOT, MID, LEAF = (ApplicationKey("hub", name) for name in ("root", "mid", "leaf"))
ENTRY = [
    {
        "manager": "fleethub",
        "operation": "Apply",
        "fieldsV1": {"f:metadata": {"f:labels": {f"f:{names.APPLYSET_PART_OF}": {}}}},
    }
]


def see(world: World, key: ApplicationKey, parent: ApplicationKey | None = None, **extra: Any) -> None:
    labels = {names.APPLYSET_PART_OF: set_id(TargetKey(parent, names.HUB_CLUSTER), "hub")} if parent else {}
    metadata = {
        "namespace": key.namespace,
        "name": key.name,
        "uid": key.name,
        "resourceVersion": str(extra.get("version", 1)),
        "generation": extra.pop("version", 1),
        "labels": labels,
        "managedFields": extra.pop("entry", ENTRY) if parent else [],
    }
    spec = {
        "project": extra.pop("project", "default"),
        "source": {"repoURL": "https://git.test/a"},
        "placement": {"hub": True},
    }
    kind = {"apiVersion": names.API_VERSION, "kind": names.APPLICATION}
    world.saw(names.APPLICATION, {**kind, "metadata": metadata, "spec": spec})


def fleet() -> tuple[World, Lineage]:
    world = World()
    lineage = Lineage(world, "hub", lambda _: None)
    world.subscribe(lambda _kind, key: lineage.changed(key) and None)
    for kind in names.HUB_KINDS:
        world.listed(kind)
    see(world, LEAF, MID)
    see(world, MID, ROOT)
    see(world, ROOT)
    return world, lineage


def test_the_chain_follows_the_marks_to_the_top_in_whatever_order_they_came() -> None:
    _, lineage = fleet()
    chain = lineage.chain(LEAF)
    assert [link.key for link in chain.links] == [LEAF, MID, ROOT]
    assert not chain.lost


def test_a_claimant_counts_besides_the_mark() -> None:
    world, _ = fleet()
    other = ApplicationKey("hub", "other")
    see(world, other, project="narrow")
    lineage = Lineage(world, "hub", lambda key: other if key == LEAF else None)
    for key in world.applications:
        lineage.changed(key)
    assert {link.key for link in lineage.chain(LEAF).links} == {LEAF, MID, ROOT, other}


def test_a_mark_of_ours_that_leads_nowhere_is_a_lost_parent_and_anothers_label_is_not() -> None:
    world, lineage = fleet()
    world.gone(names.APPLICATION, MID)
    assert lineage.chain(LEAF).lost
    see(world, LEAF, MID, entry=[], version=2)
    assert not lineage.chain(LEAF).lost


def test_before_all_is_listed_every_mark_that_leads_nowhere_is_a_lost_parent() -> None:
    world = World()
    lineage = Lineage(world, "hub", lambda _: None)
    see(world, LEAF, MID, entry=[])
    lineage.changed(LEAF)
    assert lineage.chain(LEAF).lost


def test_whoever_is_below_hears_of_a_new_project_and_of_nothing_else() -> None:
    world, lineage = fleet()
    heard: list[frozenset[ApplicationKey]] = []
    world.subscribe(lambda _kind, key: heard.append(lineage.changed(key)))
    world._subscribers.pop(0)
    see(world, ROOT, project="narrow", version=2)
    assert heard == [frozenset({MID, LEAF})]
    heard.clear()
    assert lineage.changed(ROOT) == frozenset()
    assert set(lineage.under("narrow")) == {ROOT, MID, LEAF}
    assert set(lineage.under("default")) == {MID, LEAF}


def test_a_circle_of_marks_ends() -> None:
    world, lineage = fleet()
    see(world, ROOT, LEAF, version=2)
    assert {link.key for link in lineage.chain(LEAF).links} == {LEAF, MID, ROOT}
