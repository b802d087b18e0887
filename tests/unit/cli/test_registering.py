"""How the hub stands to a member by the registration that was just written."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.cli.cluster import registering


def cluster(registration: str, *, reached: bool = True) -> dict[str, Any]:
    condition = {"type": "Reachable", "status": "True" if reached else "False", "message": "no route"}
    return {"metadata": {"name": "eu"}, "status": {"registration": registration, "conditions": [condition]}}


@pytest.mark.parametrize(("by", "reached"), [("99", False), ("100", True), ("101", True), ("none", False)])
def test_a_hub_that_has_exchanged_the_token_already_has_reached_the_member(by: str, *, reached: bool) -> None:
    assert registering.stand("eu", cluster(by), "100").reached is reached


def test_what_a_later_registration_met_is_told() -> None:
    found = registering.stand("eu", cluster("101", reached=False), "100")
    assert (found.reached, found.text) == (False, "eu: no route")
