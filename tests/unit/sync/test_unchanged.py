"""What counts as no change."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.sync.unchanged import unchanged


def entry(manager: str = "fleethub", time: str = "t1", field: str = "f:data") -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "time": time, "fieldsV1": {field: {}}}


@pytest.fixture
def before(make: Any) -> Any:
    return make.meta(make.config_map, fields=[entry(), entry("kubectl")])


def test_an_equal_version_is_unchanged(before: Any) -> None:
    assert unchanged(before, before)


def test_a_new_version_with_nothing_but_our_time_is_unchanged(make: Any, before: Any) -> None:
    after = make.meta(make.config_map, version="2", fields=[entry("kubectl"), entry(time="t2")])
    assert unchanged(before, after)


@pytest.mark.parametrize(
    "more",
    [
        {"uid": "u2"},
        {"labels": {"a": "b"}},
        {"annotations": {"a": "b"}},
        {"owners": [("A", "a", "u", True)]},
        {"deleting": True},
        {"fields": [entry(field="f:other"), entry("kubectl")]},
        {"fields": [entry(), entry("kubectl", "t2")]},
        {"fields": [entry()]},
    ],
)
def test_anything_else_is_a_change(make: Any, before: Any, more: dict[str, Any]) -> None:
    fields = more.pop("fields", [entry(), entry("kubectl")])
    assert not unchanged(before, make.meta(make.config_map, version="2", fields=fields, **more))
