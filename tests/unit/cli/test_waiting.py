"""Waiting ends with the right exit code."""

from __future__ import annotations

import pytest

from fleet.cli import errors, waiting
from fleet.cli.waiting import Look


async def test_it_ends_as_soon_as_it_is_so(capsys: pytest.CaptureFixture[str]) -> None:
    looks = iter(
        [Look(done=False, lines=("a",)), Look(done=False, lines=("a",)), Look(done=True, lines=("b",))]
    )

    async def look() -> Look:
        return next(looks)

    assert (await waiting.until(look, timeout=30, what="it")).lines == ("b",)
    assert capsys.readouterr().err == "a\n"


@pytest.mark.parametrize(("patience", "code"), [(0.0, errors.NOT_YET), (0.01, errors.OUT_OF_TIME)])
async def test_out_of_time_and_not_yet_so_are_told_apart(patience: float, code: int) -> None:
    async def look() -> Look:
        return Look(done=False, lines=("eu-1: no answer",))

    with pytest.raises(errors.CliError, match="eu-1: no answer") as caught:
        await waiting.until(look, timeout=patience, what="reaching eu-1")
    assert caught.value.exit_code == code
