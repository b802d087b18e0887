"""The lines of ``status.problems``: one a target that is not well, and how to read one back.

Contract: pure. ``eu-1: OutOfSync Degraded abc1234 Reason`` in at most 100 bytes, sorted, 50 at most, no time
in it (H12). Read back after a restart, they are the last state of targets of which nothing has been seen yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fleet.model import Health, Sync
from fleet.report import words
from fleet.report.standing import Standing

MOST: Final = 50
BYTES: Final = 100
NAME_BYTES: Final = 60
SHORT: Final = 7

_LINE: Final = re.compile(
    r"(?P<cluster>[^ ]+): (?P<sync>\w+) (?P<health>\w+) (?P<commit>\S+)(?: (?P<reason>\S+))?"
)
_HEALTH: Final = {health.word: health for health in Health}


def lines(standings: Iterable[Standing]) -> list[str]:
    """Give a line for each target that is not Synced and Healthy."""
    return sorted(line(one) for one in standings if not one.well)[:MOST]


def line(standing: Standing) -> str:
    """One target's line."""
    name = words.cut_bytes(standing.cluster, NAME_BYTES)
    commit = standing.commit[:SHORT] or "-"
    text = f"{name}: {standing.sync.value} {standing.health.word} {commit} {standing.reason}".rstrip()
    return words.cut_bytes(text, BYTES)


def remembered(status: Mapping[str, Any], targets: tuple[str, ...]) -> dict[str, Standing]:
    """Give the last state of every target as a status tells it; empty where it cannot tell for sure."""
    counts, told = status.get("targets"), status.get("problems")
    if not isinstance(counts, Mapping) or counts.get("total") != len(targets) or not isinstance(told, list):
        return {}
    if len(told) >= MOST or any(not isinstance(text, str) or "~" in text for text in told):
        return {}
    held = {one.cluster: one for one in map(_read, told) if one is not None}
    if len(held) != len(told) or not held.keys() <= set(targets):
        return {}
    commit = str(status.get("revision") or "")
    return {
        cluster: held.get(cluster, Standing(cluster, Sync.SYNCED, Health.HEALTHY, "", commit))
        for cluster in targets
    }


def _read(text: str) -> Standing | None:
    found = _LINE.fullmatch(text)
    if found is None or found["health"] not in _HEALTH or found["sync"] not in set(Sync):
        return None
    commit = "" if found["commit"] == "-" else found["commit"]
    return Standing(
        found["cluster"], Sync(found["sync"]), _HEALTH[found["health"]], found["reason"] or "", commit
    )
