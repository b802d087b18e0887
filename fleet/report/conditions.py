"""Conditions in kstatus' shape: Ready, Reconciling and Stalled always, any other only while it is true.

Contract: pure. ``lastTransitionTime`` moves only when a condition's status flips; the previous conditions are
an input. Sources: kstatus (sigs.k8s.io/cli-utils), metav1.Condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleet.report import words

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
REACHABLE: Final = "Reachable"

_FIRST: Final = (READY, RECONCILING, STALLED, REACHABLE)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition without its times. ``status`` is ``True``, ``False`` or ``Unknown``."""

    type: str
    status: str
    reason: str
    message: str = ""


def word(value: bool | None) -> str:  # noqa: FBT001 (the value is the subject)
    """Give a condition's status: True, False, or Unknown for None."""
    return "Unknown" if value is None else str(value)


def dated(
    conditions: Iterable[Condition], previous: object, *, generation: int, now: float
) -> list[dict[str, Any]]:
    """Give the conditions as the API stores them, the standing ones first; ``previous``: the last list."""
    before = _by_type(previous)
    ordered = sorted(conditions, key=lambda one: (_rank(one.type), one.type))
    return [
        {
            "type": one.type,
            "status": one.status,
            "reason": words.reason(one.reason),
            "message": words.cut(one.message),
            "observedGeneration": generation,
            "lastTransitionTime": _since(one, before.get(one.type), now),
        }
        for one in ordered
    ]


def _since(condition: Condition, before: Mapping[str, Any] | None, now: float) -> str:
    if before is not None and before.get("status") == condition.status:
        time = before.get("lastTransitionTime")
        if isinstance(time, str) and time:
            return time
    return words.stamp(now)


def _by_type(previous: object) -> dict[str, Mapping[str, Any]]:
    if not isinstance(previous, list):
        return {}
    return {
        one["type"]: one for one in previous if isinstance(one, Mapping) and isinstance(one.get("type"), str)
    }


def _rank(kind: str) -> int:
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST)
