"""The ApplySet parent on a member (H5, H15)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet import names
from fleet.errors import Conflict
from fleet.model import GroupKind, Revision
from fleet.sync import parent
from fleet.sync.parent import Intent

CONFIG_MAP, DEPLOYMENT = GroupKind("", "ConfigMap"), GroupKind("apps", "Deployment")
REVISIONS = (Revision("https://git.example/shop", "c" * 40, "refs/heads/main"),)


def intent(lab: Any, application: str = "a", **more: Any) -> Intent:
    first = Intent(
        lab.target(application), REVISIONS, "r1", "", frozenset({DEPLOYMENT}), frozenset({"team-b", "team-a"})
    )
    return replace(first, **more)


async def test_a_declared_parent_reads_as_it_was_declared(lab: Any) -> None:
    made = await parent.declare(lab.send, None, intent(lab), lab.namespace)
    (found,) = await parent.read_all(lab.send, "eu-1", lab.namespace)
    assert found == made
    assert found.target == lab.target()
    assert found.kinds == {DEPLOYMENT}
    assert found.namespaces == {"team-a", "team-b", lab.namespace}
    assert found.recorded.revisions == REVISIONS
    assert (found.recorded.render, found.recorded.seal) == ("r1", None)


async def test_it_is_an_apply_set_as_kubectl_writes_one(lab: Any) -> None:
    made = await parent.declare(
        lab.send, None, intent(lab, kinds=frozenset({DEPLOYMENT, CONFIG_MAP})), lab.namespace
    )
    labels, annotations = made.meta.labels, made.meta.annotations
    assert labels == {names.APPLYSET_ID: parent.set_id(lab.target(), lab.namespace)}
    assert annotations[names.APPLYSET_KINDS] == "ConfigMap,Deployment.apps"
    assert annotations[names.APPLYSET_NAMESPACES] == "team-a,team-b"
    assert annotations[names.APPLYSET_TOOLING].startswith("fleethub/")


async def test_what_is_declared_already_costs_nothing(lab: Any) -> None:
    made = await parent.declare(lab.send, None, intent(lab), lab.namespace)
    lab.sent.clear()
    assert await parent.declare(lab.send, made, intent(lab), lab.namespace) is made
    assert not lab.sent


async def test_kinds_and_namespaces_only_grow_until_they_are_sealed(lab: Any) -> None:
    made = await parent.declare(lab.send, None, intent(lab), lab.namespace)
    grown = await parent.declare(
        lab.send,
        made,
        intent(lab, kinds=frozenset({CONFIG_MAP}), namespaces=frozenset({"new"})),
        lab.namespace,
    )
    assert grown.kinds == {CONFIG_MAP, DEPLOYMENT}
    assert grown.namespaces >= {"team-a", "team-b", "new"}
    sealed = await parent.seal(lab.send, grown, "s1", frozenset({CONFIG_MAP}), frozenset({"new"}))
    (found,) = await parent.read_all(lab.send, "eu-1", lab.namespace)
    assert found == sealed
    assert found.kinds == {CONFIG_MAP}
    assert found.namespaces == {"new", lab.namespace}
    assert found.recorded.seal == "s1"


async def test_a_new_render_breaks_the_seal_and_an_old_one_does_not(lab: Any) -> None:
    made = await parent.declare(lab.send, None, intent(lab), lab.namespace)
    sealed = await parent.seal(lab.send, made, "s1", made.kinds, made.namespaces)
    moved = (replace_commit("d"),)
    same = await parent.declare(lab.send, sealed, intent(lab, revisions=moved), lab.namespace)
    assert same.recorded.seal == "s1"
    await parent.declare(lab.send, same, intent(lab, render="r2"), lab.namespace)
    (found,) = await parent.read_all(lab.send, "eu-1", lab.namespace)
    assert (found.recorded.render, found.recorded.seal) == ("r2", None)
    assert names.SET_SEAL not in found.meta.annotations


def replace_commit(letter: str) -> Revision:
    return REVISIONS[0]._replace(commit=letter * 40)


async def test_another_version_of_the_hub_does_not_rewrite_parents(lab: Any) -> None:
    made = await parent.declare(lab.send, None, intent(lab), lab.namespace)
    older = {**made.meta.annotations, names.APPLYSET_TOOLING: "fleethub/0.0.1"}
    before = replace(made, meta=replace(made.meta, annotations=older))
    lab.sent.clear()
    assert await parent.declare(lab.send, before, intent(lab), lab.namespace) is before
    assert not lab.sent


async def test_a_parent_spoiled_by_hand_is_mended(lab: Any) -> None:
    made = await parent.declare(lab.send, None, intent(lab), lab.namespace)
    spoil = {"metadata": {"annotations": {names.APPLYSET_KINDS: "Secret"}}}
    await lab.merge(lab.config_map, spoil, "kubectl", made.meta.ref.name)
    (spoiled,) = await parent.read_all(lab.send, "eu-1", lab.namespace)
    mended = await parent.declare(lab.send, spoiled, intent(lab), lab.namespace)
    assert mended.meta.annotations[names.APPLYSET_KINDS] == "Deployment.apps,Secret"


async def test_others_config_maps_and_sets_are_not_read(lab: Any) -> None:
    await lab.create(lab.config_map, "plain")
    labels = {names.APPLYSET_ID: "applyset-theirs-v1"}
    annotations = {names.APPLYSET_TOOLING: "kubectl/v1.37.1", names.SET_APPLICATION: "a/b"}
    await lab.create(lab.config_map, "theirs", metadata={"labels": labels, "annotations": annotations})
    forged = annotations | {names.APPLYSET_TOOLING: "fleethub/1"}
    await lab.create(lab.config_map, "forged", metadata={"labels": labels, "annotations": forged})
    assert await parent.read_all(lab.send, "eu-1", lab.namespace) == ()


async def test_the_namespace_is_made_where_it_is_missing(lab: Any) -> None:
    namespace = f"{lab.namespace}-new"
    made = await parent.declare(lab.send, None, intent(lab), namespace)
    assert made.meta.ref.namespace == namespace
    assert await parent.read_all(lab.send, "eu-1", namespace) == (made,)


async def test_a_namespace_that_is_not_there_has_no_parents(lab: Any) -> None:
    assert await parent.read_all(lab.send, "eu-1", f"{lab.namespace}-none") == ()


async def test_a_removed_parent_is_gone_and_one_written_since_is_not(lab: Any) -> None:
    made = await parent.declare(lab.send, None, intent(lab), lab.namespace)
    sealed = await parent.seal(lab.send, made, "s1", made.kinds, made.namespaces)
    with pytest.raises(Conflict):
        await parent.remove(lab.send, made)
    await parent.remove(lab.send, sealed)
    await parent.remove(lab.send, sealed)
    assert await parent.read_all(lab.send, "eu-1", lab.namespace) == ()
