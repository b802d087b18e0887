"""When a sync that somebody asked for has ended."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from fleet.hub.asking import Asking
from fleet.hub.record import Record
from fleet.model import ApplicationKey, Findings, Health, Outcome, Sync, TargetKey
from fleet.world.objects import World

KEY = ApplicationKey("team", "web")
COMMIT = "a" * 40


async def begun(*served: str) -> tuple[Asking, Record, str]:
    """A request that was taken up for these clusters."""
    world, asking, record = World(), Asking(), Record(uid="u", served=served)
    metadata = {"name": KEY.name, "namespace": KEY.namespace, "uid": "u", "annotations": {names.SYNC: COMMIT}}
    world.saw(names.APPLICATION, {"metadata": metadata, "spec": {}})
    asked = await asking.asked(KEY, world.applications[KEY], record)
    assert asked is not None
    return asking, record, asked.request


def pass_(cluster: str, request: str) -> Outcome:
    """What a pass that answers a request comes to."""
    target = TargetKey(KEY, cluster)
    return Outcome(target, (), Sync.SYNCED, Health.HEALTHY, findings=Findings(answered=request))


def phase(record: Record) -> Any:
    assert record.last_sync is not None
    return record.last_sync["phase"]


@pytest.mark.parametrize(
    ("barred", "wanted"), [({}, "Succeeded"), ({"a": False}, "Failed")], ids=["gone", "barred"]
)
async def test_a_request_ends_when_the_cluster_that_has_not_answered_cannot(
    barred: dict[str, bool], wanted: str
) -> None:
    asking, record, request = await begun("a", "b")
    assert not asking.answered(record, pass_("b", request))
    assert not asking.ended(record)
    assert phase(record) == "Running"
    record.answered.update(barred)
    record.served = ("a", "b") if barred else ("b",)
    assert asking.ended(record)
    assert phase(record) == wanted
    assert not asking.ended(record), "it ends once"


async def test_a_request_that_no_cluster_is_left_for_has_failed() -> None:
    asking, record, _ = await begun("a")
    record.served = ()
    assert asking.ended(record)
    assert phase(record) == "Failed"


async def test_a_request_goes_on_while_a_cluster_that_is_served_has_not_answered() -> None:
    asking, record, request = await begun("a", "b")
    assert not asking.answered(record, pass_("a", request))
    assert phase(record) == "Running"
    assert asking.answered(record, pass_("b", request))
    assert phase(record) == "Succeeded"
