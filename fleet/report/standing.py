"""How one target stands, joined with whether its cluster answers: the one place where Unknown is decided.

Contract: pure. A target on a cluster that has not answered for ``grace`` seconds is Unknown, never stale
green (D5); before that it keeps its last state, so that a member which flaps does not rewrite every
Application (H12). Status uses `GRACE`; the API and the command line ask with 0 and so show it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.model import Health, Hold, Outcome, Reach, Sync

if TYPE_CHECKING:
    from collections.abc import Iterable

GRACE: Final = 60.0

# The order in which sync folds: the worst wins.
_SYNC_ORDER: Final = (Sync.SYNCED, Sync.OUT_OF_SYNC, Sync.UNKNOWN)
# Holds that leave a target as it is by somebody's choice or need a person, so that nothing is in progress.
RESTING: Final = frozenset(
    {
        Hold.MANUAL,
        Hold.PAUSED,
        Hold.PRUNE_OFF,
        Hold.DELETION_HELD,
        Hold.EMPTY,
        Hold.SELF_HEAL_OFF,
        Hold.FOREIGN_HUB,
        Hold.HOOKS,
        Hold.PROJECT,
        Hold.SCOPE,
        Hold.RENDERER,
    }
)
# Holds that nothing but a person ends.
STUCK: Final = frozenset(
    {
        Hold.EMPTY,
        Hold.CONTESTED,
        Hold.FOREIGN_HUB,
        Hold.PROJECT,
        Hold.SCOPE,
        Hold.IDENTITY,
        Hold.TWICE,
        Hold.RENDERER,
    }
)
# Why a cluster that answers is not the one that is meant: known for certain, so that no grace is needed.
STRANGE: Final = frozenset({Hold.IDENTITY.value, Hold.TWICE.value})


@dataclass(frozen=True, slots=True)
class Standing:
    """One target in words: ``reason`` is empty when it is Synced and Healthy and nothing holds it."""

    cluster: str
    sync: Sync
    health: Health
    reason: str = ""
    commit: str = ""
    silent: bool = False  # the cluster does not answer
    pending: bool = False  # there is no Outcome yet

    @property
    def well(self) -> bool:
        """Whether it counts in ``3/3``."""
        return self.sync is Sync.SYNCED and self.health is Health.HEALTHY


def silent(reach: Reach | None, now: float, grace: float = GRACE) -> bool:
    """Whether a cluster has not answered for ``grace`` seconds, or another one has; one never tried is not silent."""
    if reach is None or reach.reachable:
        return False
    return reach.reason in STRANGE or now - reach.since >= grace


def stand(
    cluster: str, outcome: Outcome | None, reach: Reach | None, *, now: float, grace: float = GRACE
) -> Standing:
    """Give the standing of a target; ``outcome`` None: nothing has been seen of it since the hub started."""
    commit = outcome.revisions[0].commit if outcome is not None and outcome.revisions else ""
    if silent(reach, now, 0.0 if outcome is None else grace):
        return Standing(
            cluster,
            Sync.UNKNOWN,
            Health.UNKNOWN,
            reach.reason if reach is not None and reach.reason in STRANGE else "ClusterUnreachable",
            commit,
            silent=True,
            pending=outcome is None,
        )
    if outcome is None:
        return Standing(cluster, Sync.UNKNOWN, Health.UNKNOWN, "NotYetSynced", pending=True)
    return Standing(cluster, outcome.sync, outcome.health, _why(outcome), commit)


def fold(standings: Iterable[Standing]) -> tuple[Sync, Health]:
    """Give the worst of each; Unknown where there is none."""
    held = tuple(standings)
    if not held:
        return Sync.UNKNOWN, Health.UNKNOWN
    return max((one.sync for one in held), key=_SYNC_ORDER.index), max(one.health for one in held)


def turns(reaches: Iterable[Reach], now: float, grace: float = GRACE) -> float | None:
    """Seconds until a silent cluster's targets turn Unknown by time alone; None where none will."""
    left = [
        reach.since + grace - now for reach in reaches if not reach.reachable and reach.since + grace > now
    ]
    return min(left, default=None)


def _why(outcome: Outcome) -> str:
    for fault in sorted(outcome.faults, key=lambda fault: fault.transient):
        return fault.reason
    for holding in outcome.holds:
        if holding.hold in STUCK:
            return holding.hold.value
    return outcome.holds[0].hold.value if outcome.holds else ""
