"""The schema of what the hub writes."""

from __future__ import annotations

from fleet.api import structural
from fleet.api.application_status import PROBLEM_MAX, PROBLEMS_MAX, ApplicationStatus
from fleet.model import Health, Sync

SCHEMA = structural.schema(ApplicationStatus, defaults=False)["properties"]


def test_its_words_are_those_of_the_model() -> None:
    assert SCHEMA["sync"]["enum"] == [sync.value for sync in Sync]
    assert SCHEMA["health"]["enum"] == [health.word for health in Health]


def test_problems_are_few_and_short_and_replaced_whole() -> None:
    problems = SCHEMA["problems"]
    assert (problems["maxItems"], problems["items"]["maxLength"]) == (PROBLEMS_MAX, PROBLEM_MAX) == (50, 100)
    assert problems["x-kubernetes-list-type"] == "atomic"


def test_no_default_is_told_where_nobody_applies_one() -> None:
    assert "default" not in str(SCHEMA)
