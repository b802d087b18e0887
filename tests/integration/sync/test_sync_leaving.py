"""Removing and letting go of objects (H2, H7)."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from fleet.errors import Conflict, NotFound
from fleet.ownership import entries, membership
from fleet.sync.apply import apply
from fleet.sync.delete import delete
from fleet.sync.orphan import release


async def test_a_deleted_object_is_gone(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    assert await delete(lab.send, lab.config_map, first.meta)
    assert await delete(lab.send, lab.config_map, first.meta), "to do it again is no error"
    with pytest.raises(NotFound):
        await lab.meta(lab.config_map)


async def test_an_object_written_since_it_was_looked_at_is_not_deleted(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    await lab.merge(lab.config_map, {"metadata": {"labels": {names.APPLYSET_PART_OF: None}}}, "kubectl")
    with pytest.raises(Conflict):
        await delete(lab.send, lab.config_map, first.meta)
    assert (await lab.meta(lab.config_map)).uid == first.meta.uid


async def test_an_object_made_anew_is_not_deleted(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    await lab.remove(lab.config_map)
    other = await lab.create(lab.config_map, data={"precious": "1"})
    with pytest.raises(Conflict):
        await delete(lab.send, lab.config_map, first.meta)
    assert (await lab.meta(lab.config_map)).uid == other.uid


async def test_an_object_that_a_finalizer_keeps_is_on_its_way(lab: Any) -> None:
    shaped = lab.shaped(lab.config_map, metadata={"finalizers": ["example.dev/hold"]})
    first = await apply(lab.send, shaped, None)
    assert not await delete(lab.send, lab.config_map, first.meta)
    leaving = await lab.meta(lab.config_map)
    assert leaving.deleting
    lab.sent.clear()
    assert not await delete(lab.send, lab.config_map, leaving)
    assert not lab.sent, "it is asked for once"


async def test_a_released_object_stays_as_it_is_and_is_nobodys(lab: Any) -> None:
    content = lab.deployed("A") | {"metadata": {"labels": {"app": "web"}, "annotations": {"note": "x"}}}
    first = await apply(lab.send, lab.shaped(lab.deployment, **content), None)
    before = await lab.live(lab.deployment)
    await release(lab.send, lab.deployment, first.meta)
    after = await lab.live(lab.deployment)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["labels"] == {"app": "web"}
    assert after["metadata"]["annotations"]["note"] == "x"
    assert names.MANIFEST not in after["metadata"]["annotations"]
    meta = await lab.meta(lab.deployment)
    assert entries.entry(meta.fields) is None
    assert not [one for one in entries.entries(meta.fields) if one.manager == names.FIELD_MANAGER]


async def test_a_released_object_keeps_what_others_wrote_since_it_was_read(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    await lab.merge(lab.config_map, {"data": {"b": "2"}}, "kubectl-edit")
    await release(lab.send, lab.config_map, first.meta)
    assert (await lab.live(lab.config_map))["data"] == {"a": "1", "b": "2"}
    meta = await lab.meta(lab.config_map)
    assert [one.manager for one in entries.entries(meta.fields)] == ["kubectl-edit"]


async def test_what_another_set_has_taken_is_not_released(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, application="a", data={"a": "1"}), None)
    await apply(lab.send, lab.shaped(lab.config_map, application="b", data={"a": "1"}), first.meta)
    await release(lab.send, lab.config_map, first.meta)
    assert membership.member(await lab.meta(lab.config_map), lab.set_id("b"))


async def test_to_release_what_is_gone_is_nothing(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    await lab.remove(lab.config_map)
    await release(lab.send, lab.config_map, first.meta)
