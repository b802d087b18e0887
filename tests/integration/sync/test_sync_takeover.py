"""Whose objects may be taken, and what comes along (H3, H4, H9)."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from fleet.errors import ClaimRefused
from fleet.ownership import entries, membership
from fleet.sync.apply import apply
from fleet.sync.takeover import take

NONE: frozenset[str] = frozenset()
HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "default"},
}


async def test_an_object_of_another_tool_is_refused_by_its_owners_name(lab: Any) -> None:
    made = await lab.create(lab.config_map, manager="helm", metadata=HELM, data={"a": "1"})
    with pytest.raises(ClaimRefused) as refused:
        await take(lab.send, lab.config_map, made, NONE, ours=NONE)
    assert "helm (default/shop)" in str(refused.value)
    assert "remove its mark" in str(refused.value)
    assert (await lab.meta(lab.config_map)).version == made.version


async def test_it_is_taken_where_the_application_says_so(lab: Any) -> None:
    made = await lab.create(lab.config_map, manager="helm", metadata=HELM, data={"a": "1"})
    taken = await take(lab.send, lab.config_map, made, frozenset({"helm"}), ours=NONE)
    assert taken is not None
    assert {one.manager for one in entries.entries(taken.fields)} == {names.FIELD_MANAGER}


async def test_an_object_that_a_controller_made_is_left_to_it(lab: Any) -> None:
    owner = await lab.create(lab.config_map, "owner")
    owners = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid, "controller": True}
    ]
    made = await lab.create(lab.config_map, manager="operator", metadata={"ownerReferences": owners})
    with pytest.raises(ClaimRefused, match="ConfigMap owner made it"):
        await take(lab.send, lab.config_map, made, NONE, ours=NONE)


async def test_a_member_of_another_set_is_refused_unless_that_set_hands_over(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, application="a", data={"a": "1"}), None)
    with pytest.raises(ClaimRefused, match=lab.set_id("a")):
        await take(lab.send, lab.config_map, first.meta, NONE, ours={lab.set_id("b")})
    handed = await take(lab.send, lab.config_map, first.meta, NONE, ours={lab.set_id("a"), lab.set_id("b")})
    moved = await apply(lab.send, lab.shaped(lab.config_map, application="b", data={"a": "1"}), handed)
    assert membership.member(moved.meta, lab.set_id("b"))
    assert moved.meta.uid == first.meta.uid


async def test_an_apply_set_of_kubectl_is_another_owner(lab: Any) -> None:
    labels = {names.APPLYSET_PART_OF: "applyset-theirs-v1"}
    made = await lab.apply(lab.config_map, "kubectl-applyset", metadata={"labels": labels})
    with pytest.raises(ClaimRefused, match="applyset-theirs-v1"):
        await take(lab.send, lab.config_map, made, NONE, ours={lab.set_id()})


async def test_our_own_object_costs_nothing(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    lab.sent.clear()
    assert await take(lab.send, lab.config_map, first.meta, NONE, ours={lab.set_id()}) is first.meta
    assert not lab.sent


async def test_an_object_written_meanwhile_is_read_again(lab: Any) -> None:
    stale = await lab.create(lab.config_map, data={"a": "1"})
    await lab.merge(lab.config_map, {"data": {"b": "2"}}, "kubectl-edit")
    taken = await take(lab.send, lab.config_map, stale, NONE, ours=NONE)
    assert taken is not None
    assert {one.manager for one in entries.entries(taken.fields)} == {names.FIELD_MANAGER}
    assert [request.verb for request in lab.sent] == ["PATCH", "GET", "PATCH"]


async def test_a_mark_set_meanwhile_is_respected(lab: Any) -> None:
    stale = await lab.create(lab.config_map, data={"a": "1"})
    await lab.merge(lab.config_map, {"metadata": HELM}, "helm")
    with pytest.raises(ClaimRefused):
        await take(lab.send, lab.config_map, stale, NONE, ours=NONE)


async def test_an_object_gone_meanwhile_is_none(lab: Any) -> None:
    made = await lab.create(lab.config_map, data={"a": "1"})
    await lab.remove(lab.config_map)
    assert await take(lab.send, lab.config_map, made, NONE, ours=NONE) is None
