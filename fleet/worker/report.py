"""Whom a worker tells: what it was wired with. Methods never await."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from fleet.model import (
    ApplicationKey,
    ChangeId,
    Drift,
    Gone,
    Holding,
    ObjectRef,
    Outcome,
    Reach,
    Recorded,
    TargetKey,
    Work,
)

Unrendered = Callable[[], tuple[ApplicationKey, ...]]
"""Gives the names of those who have not rendered yet, as it is then."""


class Report(Protocol):
    """Told of what happened; decides nothing for the worker."""

    def outcome(self, outcome: Outcome) -> None:
        """How a target stands now."""

    def recorded(self, recorded: Recorded) -> None:
        """What a parent on the cluster says was to be applied."""

    def reach(self, reach: Reach) -> None:
        """Whether the cluster answers."""

    def healed(self, target: TargetKey, found: Drift) -> None:
        """Drift was put back."""

    def withdrawn(self, outcome: Outcome, state: Gone) -> None:
        """How far a withdrawal has come."""

    def met(self, cluster: str) -> None:
        """The cluster answers, is the one that is meant, and its Lease is ours."""

    def heard(self, cluster: str) -> None:
        """It is known now what the cluster holds, or that it does not answer: who waited for that may go on."""

    def discovered(self, cluster: str) -> None:
        """What the cluster serves is something else than before."""

    def left(self, cluster: str) -> None:
        """The Lease of a cluster that was to be left is given back."""

    def passed(self, seconds: float, *, well: bool) -> None:
        """A whole pass has ended."""


class Knowledge(Protocol):
    """What a worker asks of those who know the world. Methods never await."""

    def unrendered(self, work: Work) -> Unrendered | None:
        """Who gives the Applications that pruning of this work waits for; None where no change of it is open."""

    def open(self, change: ChangeId) -> bool:
        """Whether somebody whom a change concerns has not rendered it yet."""

    def exists(self, application: ApplicationKey) -> bool:
        """Whether the Application exists, or may exist since the lists are not complete yet."""

    def detains(self, work: Work) -> Holding | None:
        """A reason of the hub's own against this target's prune (an app of apps whose children are new)."""

    def guards(self, work: Work, precious: Mapping[ObjectRef, str]) -> Holding | None:
        """Why nothing of what the target would prune may go: the guard, over all clusters."""

    def spares(self, target: TargetKey, precious: Mapping[ObjectRef, str]) -> Holding | None:
        """Why what is precious of a target that leaves its cluster must stay there."""

    def retains(self, target: TargetKey) -> Holding | None:
        """Why nothing of a target that leaves may go yet: others may claim it who have not rendered for the cluster."""

    def placed(self, target: TargetKey) -> bool:
        """Whether the target may have something on the cluster, as it is written down before anything is put there."""

    def stood(self, target: TargetKey) -> bool:
        """Whether the target was placed on the cluster before this hub started, so that it had a parent."""
