"""Problems are read back as they were written, or not at all."""

from __future__ import annotations

from typing import Any

from fleet.model import Health, Sync
from fleet.report.problems import lines, remembered
from fleet.report.standing import Standing

BAD = Standing("eu-1", Sync.OUT_OF_SYNC, Health.DEGRADED, "Invalid", "abc1234")
BARE = Standing("us-1", Sync.UNKNOWN, Health.UNKNOWN, "", "")


def status(problems: list[Any], total: int) -> dict[str, Any]:
    return {"targets": {"total": total}, "problems": problems, "revision": "f" * 40}


def test_what_was_written_is_remembered() -> None:
    held = remembered(status(lines([BAD, BARE]), 3), ("ap-1", "eu-1", "us-1"))
    assert held["eu-1"] == BAD
    assert held["us-1"] == BARE
    assert held["ap-1"].well


def test_what_cannot_be_told_for_sure_is_not_remembered() -> None:
    clusters = ("eu-1", "us-1")
    for problems, total in (
        (lines([BAD]), 3),
        (["eu-1: OutOfSync"], 2),
        (["eu-1: Odd Healthy -"], 2),
        (["gone: OutOfSync Healthy -"], 2),
        (["very-long~: OutOfSync Healthy -"], 2),
        ([5], 2),
        (lines([BAD, BAD]), 2),
    ):
        assert remembered(status(problems, total), clusters) == {}
    assert remembered({}, clusters) == {}
