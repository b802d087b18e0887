"""Conditions are those of Kubernetes."""

from __future__ import annotations

from fleet.api import structural
from fleet.api.application_status import ApplicationStatus
from fleet.api.conditions import Condition


def test_the_required_fields_are_those_of_metav1() -> None:
    required = structural.schema(Condition)["required"]
    assert required == ["type", "status", "lastTransitionTime", "reason", "message"]


def test_a_list_of_them_is_a_map_by_type() -> None:
    conditions = structural.schema(ApplicationStatus)["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
