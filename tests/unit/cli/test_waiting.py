"""Waiting ends with the right exit code."""

from __future__ import annotations

import time

import pytest

from fleet.cli import errors, waiting
from fleet.cli.waiting import Look
from fleet.errors import ApiError, FleetError, Forbidden, KindUnknown, ServerFailed, Throttled, Unreachable

BUSY = Throttled("the API server is not available", status=503)
PASSING = (
    BUSY,
    Throttled("the API server asks to slow down", status=429),
    ServerFailed("the API server answered 500", status=500),
    Unreachable("the connection was reset"),
)


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


@pytest.mark.parametrize("error", PASSING, ids=str)
async def test_a_server_that_gives_no_answer_for_a_moment_ends_no_wait(
    error: FleetError, capsys: pytest.CaptureFixture[str]
) -> None:
    looks: list[Look | FleetError] = [Look(done=False, lines=("a",)), error, error, Look(done=True, lines=())]

    async def look() -> Look:
        found = looks.pop(0)
        if isinstance(found, FleetError):
            raise found
        return found

    assert (await waiting.until(look, timeout=30, what="it")).done
    assert capsys.readouterr().err == f"a\n{error.text}\n"


async def test_out_of_time_names_why_the_last_look_found_nothing() -> None:
    async def look() -> Look:
        raise BUSY

    with pytest.raises(errors.CliError, match=BUSY.text) as caught:
        await waiting.until(look, timeout=0.01, what="it")
    assert caught.value.exit_code == errors.OUT_OF_TIME


@pytest.mark.parametrize(
    ("error", "patience"),
    [
        (Forbidden("the API server forbids it", status=403), 30.0),
        (KindUnknown("this cluster does not know the kind"), 30.0),
        (ApiError("the API server answered 418", status=418), 30.0),
        (BUSY, 0.0),
    ],
    ids=("a right", "a kind", "a refusal", "one look only"),
)
async def test_what_another_look_would_not_change_ends_a_wait(error: FleetError, patience: float) -> None:
    async def look() -> Look:
        raise error

    with pytest.raises(type(error)):
        await waiting.until(look, timeout=patience, what="it")


async def test_a_server_that_says_when_to_come_again_is_not_asked_before() -> None:
    busy = Throttled("the API server asks to slow down", status=429)
    busy.retry_after = 1.0
    asked: list[float] = []

    async def look() -> Look:
        asked.append(time.monotonic())
        if len(asked) == 1:
            raise busy
        return Look(done=True, lines=())

    await waiting.until(look, timeout=30, what="it")
    assert asked[1] - asked[0] >= busy.retry_after
