"""What metadata says of versions."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.secrets.vault import history
from fleet.secrets.vault.failure import DEFAULT_PAUSE, LONGEST_PAUSE, pause
from fleet.secrets.vault.history import State

NOW = history.moment("2026-11-25T12:00:00Z") or 0.0


def metadata(current: int, **versions: tuple[str, bool]) -> dict[str, Any]:
    told = {name[1:]: {"deletion_time": end, "destroyed": gone} for name, (end, gone) in versions.items()}
    return {"current_version": current, "versions": told}


def test_an_end_that_is_past_deletes_and_one_to_come_does_not() -> None:
    found = history.read(
        metadata(
            3,
            v1=("2026-11-25T11:59:59.123456789Z", False),
            v2=("", True),
            v3=("2026-11-25T14:00:00.5+01:00", False),
        )
    )
    assert [found.version(number, NOW).state for number in (1, 2, 3)] == [
        State.DELETED,
        State.DESTROYED,
        State.LIVE,
    ]
    assert found.version(None, NOW).until == NOW + 3600.5
    assert found.version(None, NOW + 3601).state is State.DELETED


def test_a_number_that_comes_again_is_another_version() -> None:
    told = metadata(1, v1=("", False))
    found = []
    for time in ("2026-11-25T11:00:00.000000001Z", "2026-11-25T11:00:00.000000002Z"):
        told["versions"]["1"]["created_time"] = time
        found.append(history.read(told).version(None, NOW))
    assert found[0] != found[1]
    assert found[0].number == found[1].number == 1


def test_a_path_without_versions_is_gone() -> None:
    assert history.read({"current_version": 0, "versions": {}}).version(None, NOW).state is State.GONE
    assert history.read({"current_version": 0, "versions": None}).version(4, NOW).state is State.GONE


@pytest.mark.parametrize(
    "data",
    [{}, {"current_version": 1}, {"current_version": 1, "versions": ["x"]}, metadata(1, v1=("soon", False))],
)
def test_what_is_no_metadata_is_not_taken_for_any(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no metadata"):
        history.read(data)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("30", 30.0),
        ("0", 1.0),
        ("-5", 1.0),
        ("", DEFAULT_PAUSE),
        ("nan", DEFAULT_PAUSE),
        ("soon", DEFAULT_PAUSE),
        ("1e9", LONGEST_PAUSE),
        ("inf", LONGEST_PAUSE),
    ],
)
def test_a_limit_holds_for_a_time_that_can_be(told: str, seconds: float) -> None:
    assert pause(told) == seconds
