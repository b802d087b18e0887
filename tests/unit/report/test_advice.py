"""Every answer is in the page that people read, and every fault that rooms name has some advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet import errors
from fleet.model import ApplicationKey, Fault, Health, Hold, Holding, ObjectRef
from fleet.report import advice
from fleet.report.stages import Stage, Verdict
from fleet.world.repositories import How

PAGE = (Path(__file__).parents[3] / "docs" / "trace.md").read_text()
KEY = ApplicationKey("team", "web")


@pytest.mark.parametrize("word", [*Stage, *Verdict])
def test_the_page_names_every_stage_and_verdict(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("how", list(How))
def test_the_page_names_whatever_a_look_came_by(how: How) -> None:
    assert how.value in PAGE.split("## Stages")[1]


def _below(error: type[errors.FleetError]) -> set[type[errors.FleetError]]:
    return {error}.union(*map(_below, error.__subclasses__()))


@pytest.mark.parametrize("reason", sorted({error.reason for error in _below(errors.FleetError)}))
def test_every_reason_has_advice(reason: str) -> None:
    for transient in (True, False):
        told = advice.of_fault(Fault(None, reason, "words", transient=transient), KEY, "eu")
        assert told
        assert "{" not in told


def test_faults_of_an_application_stand_for_their_stage() -> None:
    table = {
        "InvalidSpec": Stage.HELD,
        "RevisionNotFound": Stage.NOT_SEEN,
        "RepositoryUnreachable": Stage.NOT_SEEN,
        "PathNotFound": Stage.NOT_RENDERED,
        "InvalidManifest": Stage.NOT_RENDERED,
        "ClusterUnknown": Stage.NOT_PLACED,
        "ProjectRefused": Stage.HELD,
        "NeverHeardOf": Stage.NOT_RENDERED,
    }
    assert {reason: advice.stage_of(Fault(None, reason, "")) for reason in table} == table


def test_of_several_holds_the_one_that_has_to_end_first_is_told() -> None:
    holds = [Holding(hold, "") for hold in (Hold.PRUNE_OFF, Hold.WAVE, Hold.MANUAL, Hold.PROJECT)]
    assert advice.first(tuple(holds)).hold is Hold.PROJECT
    assert advice.first(tuple(holds[:3])).hold is Hold.MANUAL
    assert advice.first(tuple(holds[:2])).hold is Hold.WAVE


def test_where_to_look_is_a_command_that_can_be_pasted() -> None:
    web = ObjectRef("apps", "Deployment", "shop", "web")
    assert advice.of_health(web, Health.DEGRADED, "eu") == (
        "Look at it on eu: kubectl describe deployment.apps web -n shop"
    )
    node = ObjectRef("", "Node", "", "n1")
    assert advice.of_health(node, Health.UNKNOWN, "@hub") == "Look at it on the hub: kubectl describe node n1"
    assert "put back by itself" in advice.of_health(web, Health.MISSING, "eu")
