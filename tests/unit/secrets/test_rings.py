"""Rings of environments: whatever a label may say, its ring serves the clusters that have it."""

from __future__ import annotations

import pytest

from fleet.secrets import rings


@pytest.mark.parametrize(
    "environment",
    ["prod", "1", "2024", "1.0", "true", "no", "on", "y", "null", "0x10", "1e3", "default", "hub"],
)
def test_a_ring_serves_the_environment_that_it_was_made_for(environment: str) -> None:
    ring = rings.named(environment)
    found = rings.read({**rings.entries(), ring: rings.entry(environment)})
    assert found.faults == {}
    assert found.serving("eu", {"env": environment}) == (ring,)
    assert found.serving("us", {}) == (rings.DEFAULT,)
