"""A short walk of a fixed seed; ``make soak`` walks further."""

from __future__ import annotations

import pytest

from tests.stage.theatre import Theatre
from tests.walk.walk import Walk

STEPS = 15
PATIENCE = 60.0  # other tests run beside this one


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [5])
async def test_live_is_what_the_rules_say_after_each_step_of_a_random_walk(
    theatre: Theatre, seed: int
) -> None:
    await Walk(theatre, seed, patience=PATIENCE).run(STEPS)
