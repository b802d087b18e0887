"""Since when a target stands as it does: the smallest memory that gives honest times.

Contract: pure memory, no method awaits; the time is an argument. Kept are three marks a target and an
Application (what is wrong, what holds it, how it stands), each with the time at which it became so. What is seen
first after a start, and was not done by the hub just then, is older than that: such a stamp says ``early``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from fleet.model import Fault, Holding, Outcome


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time; ``early``: it was so at least since then, and maybe before. 0 is none."""

    at: float = 0.0
    early: bool = False


NEVER: Final = Stamp()


@dataclass(frozen=True, slots=True)
class Stamps:
    """Since when: these faults, these holds, this state."""

    faults: Stamp = NEVER
    holds: Stamp = NEVER
    state: Stamp = NEVER


_Marks = tuple[Hashable, Hashable, Hashable]


@dataclass(slots=True)
class Since:
    """See the module. Keys are TargetKeys and ApplicationKeys, which cannot be equal."""

    _known: dict[Hashable, tuple[_Marks, Stamps]] = field(default_factory=dict)

    def outcome(self, outcome: Outcome, now: float) -> None:
        """A target stands like this now."""
        marks = _faults(outcome.faults), _holds(outcome.holds), _state(outcome)
        wrote = bool(outcome.counts.created or outcome.counts.changed or outcome.counts.pruned)
        self._note(outcome.target, marks, now, early=not wrote)

    def application(
        self,
        key: Hashable,
        faults: tuple[Fault, ...],
        holds: tuple[Holding, ...],
        state: Hashable,
        now: float,
    ) -> None:
        """An Application has these faults and holds of its own, and was computed to this."""
        self._note(key, (_faults(faults), _holds(holds), state), now, early=True)

    def of(self, key: Hashable) -> Stamps:
        """Since when; zeros where nothing was seen."""
        known = self._known.get(key)
        return known[1] if known is not None else Stamps()

    def forget(self, key: Hashable) -> None:
        """It is gone."""
        self._known.pop(key, None)

    def _note(self, key: Hashable, marks: _Marks, now: float, *, early: bool) -> None:
        known = self._known.get(key)
        if known is None:
            first = Stamp(now, early)
            self._known[key] = marks, Stamps(first, first, first)
            return
        if known[0] == marks:
            return
        new = Stamp(now)
        old = known[1]
        same = tuple(left == right for left, right in zip(known[0], marks, strict=True))
        stamps = Stamps(
            old.faults if same[0] else new, old.holds if same[1] else new, old.state if same[2] else new
        )
        self._known[key] = marks, stamps


def _faults(faults: tuple[Fault, ...]) -> Hashable:
    """The first that matters, as the answer names one."""
    first = min(faults, key=lambda fault: fault.transient, default=None)
    return (first.reason, first.ref, first.field) if first is not None else None


def _holds(holds: tuple[Holding, ...]) -> Hashable:
    return frozenset(holding.hold for holding in holds)


def _state(outcome: Outcome) -> Hashable:
    revision = outcome.revisions[0].commit if outcome.revisions else ""
    return revision, outcome.sync, outcome.health
