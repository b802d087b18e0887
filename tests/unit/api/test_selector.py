"""Label selectors mean what they mean in Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.api.selector import LabelSelector, matches

LABELS = {"env": "prod", "region": "eu"}


def selector(*expressions: Any, **labels: str) -> LabelSelector:
    return LabelSelector.model_validate({"matchLabels": labels, "matchExpressions": list(expressions)})


def need(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


@pytest.mark.parametrize(
    "chosen",
    [
        selector(),
        selector(env="prod"),
        selector(need("env", "In", "test", "prod"), region="eu"),
        selector(need("env", "NotIn", "test")),
        selector(need("absent", "NotIn", "test")),
        selector(need("env", "Exists"), need("absent", "DoesNotExist")),
    ],
)
def test_takes_what_meets_every_requirement(chosen: LabelSelector) -> None:
    assert matches(chosen, LABELS)


@pytest.mark.parametrize(
    "chosen",
    [
        selector(env="test"),
        selector(env="prod", region="us"),
        selector(absent=""),
        selector(need("env", "In", "test")),
        selector(need("absent", "In", "test")),
        selector(need("env", "NotIn", "prod")),
        selector(need("absent", "Exists")),
        selector(need("env", "DoesNotExist")),
        selector(need("env", "Exists"), env="test"),
    ],
)
def test_leaves_what_misses_one(chosen: LabelSelector) -> None:
    assert not matches(chosen, LABELS)


def test_the_empty_selector_takes_what_has_no_labels() -> None:
    assert matches(selector(), {})
