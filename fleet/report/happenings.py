"""What of a change deserves an Event: pure functions from before and after to happenings.

Contract: pure. A happening is a transition that a person cares about, never a state: the same Outcome twice
gives nothing the second time. ``before`` None is the first Outcome since the hub started: what is well
then is no news, so that a restart of the hub writes no Events for what did not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from fleet.model import Cause, Counts, Drift, Health, Hold, Outcome, Sync
from fleet.report import words
from fleet.report.standing import STRANGE, STUCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fleet.model import Fault, Reach

NORMAL: Final = "Normal"
WARNING: Final = "Warning"

# Holds whose beginning is a warning; the others are a policy's ordinary effect.
_WARNINGS: Final = STUCK | {Hold.HOOKS, Hold.DELETION_HELD}
# Drift is put back unless one of these holds it.
_NOT_HEALED: Final = frozenset(
    {Hold.SELF_HEAL_OFF, Hold.MANUAL, Hold.PAUSED, Hold.FOREIGN_HUB, Hold.CONTESTED}
)
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Happening:
    """An Event to be. Equal ones of several clusters become one Event that names them."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    cluster: str = ""


def transitions(before: Outcome | None, after: Outcome, *, was: Sync | None = None) -> tuple[Happening, ...]:
    """Give the happenings between two Outcomes of one target.

    ``was`` is what the Application's status said when this hub began, if known: with it a first Outcome is
    news also where the pass that did the work was superseded before it could tell.
    """
    return (
        *_synced(before, after, was),
        *_healthy(before, after),
        *_drifted(before, after),
        *_pruned(before, after),
        *_failed(before, after),
        *_held(before, after),
    )


def reached(before: Reach | None, after: Reach) -> tuple[Happening, ...]:
    """Give the happenings of a Cluster between two Reaches."""
    if after.reachable and (before is None or not before.reachable):
        version = f" (Kubernetes {after.version})" if after.version else ""
        return (Happening(NORMAL, "ClusterReachable", f"The API server answers{version}"),)
    if not after.reachable and (before is None or before.reachable):
        reason = after.reason if after.reason in STRANGE else "ClusterUnreachable"
        return (Happening(WARNING, reason, after.text or "The API server does not answer"),)
    if not after.reachable and after.reason in STRANGE and (before is None or before.reason != after.reason):
        return (Happening(WARNING, after.reason, after.text),)
    return ()


def abandoned(clusters: Sequence[str]) -> Happening:
    """Tell that an Application lets go of clusters that did not answer; what it had there stays."""
    return Happening(
        WARNING,
        "Abandoned",
        f"Let go of {words.listed(sorted(clusters))} without an answer; the objects there stay as they are",
    )


def _synced(before: Outcome | None, after: Outcome, was: Sync | None) -> Iterator[Happening]:
    if after.sync is Sync.SYNCED:
        did = after.counts.created + after.counts.changed + after.counts.pruned
        first = did > 0 or was not in (None, Sync.SYNCED)
        news = first if before is None else _moved(before, after)
        if news:
            yield _happening(after, NORMAL, "Synced", f"{_at(after)} is synced")
    elif after.sync is Sync.OUT_OF_SYNC and before is not None and before.sync is Sync.SYNCED:
        yield _happening(after, NORMAL, "OutOfSync", f"{_at(after)} is not what is live")


def _moved(before: Outcome, after: Outcome) -> bool:
    return before.sync is not Sync.SYNCED or _commits(before) != _commits(after)


def _healthy(before: Outcome | None, after: Outcome) -> Iterator[Happening]:
    if before is None or before.health is after.health:
        return
    if after.health is Health.DEGRADED:
        yield _happening(after, WARNING, "Degraded", "Objects are degraded")
    elif after.health is Health.HEALTHY and before.health is Health.DEGRADED:
        yield _happening(after, NORMAL, "Healthy", "All objects are healthy again")


def _drifted(before: Outcome | None, after: Outcome) -> Iterator[Happening]:
    known = set(before.findings.drifts) if before is not None else set()
    holds = {holding.hold for holding in after.holds}
    for drift in after.findings.drifts:
        if drift in known:
            continue
        if after.sync is Sync.SYNCED and not holds & _NOT_HEALED:
            yield _happening(after, NORMAL, "DriftHealed", f"{describe(drift)} and put back")
        else:
            yield _happening(after, WARNING, "DriftFound", f"{describe(drift)} and not put back")


def describe(drift: Drift) -> str:
    """Say what was done, by whom and when: ``spec.replicas of Deployment.apps hello/web was set by ...``."""
    fields = words.listed(drift.fields, _SHOWN)
    what = f"{fields} of {drift.ref}" if fields else str(drift.ref)
    verb = "were" if len(drift.fields) > 1 else "was"
    done = {
        Cause.CHANGED: f"{what} {verb} set",
        Cause.ENTRY_LOST: f"{drift.ref} lost our field ownership",
        Cause.LABEL_LOST: f"{drift.ref} lost our label",
        Cause.DELETED: f"{drift.ref} was deleted",
        Cause.DIFFERS: f"{what} {'differ' if len(drift.fields) > 1 else 'differed'} from Git",
        Cause.MISSING: f"{drift.ref} was missing",
        Cause.ADDED: f"{what} {verb} added",
    }[drift.cause]
    detail = ", ".join(part for part in (drift.operation, drift.at) if part)
    by = f" by {drift.manager}" if drift.manager else ""
    return f"{done}{by}" + (f" ({detail})" if detail and drift.manager else "")


def healed(drift: Drift) -> str:
    """Say what was put right."""
    return f"{describe(drift)} and {'taken away' if drift.cause is Cause.ADDED else 'put back'}"


def _pruned(before: Outcome | None, after: Outcome) -> Iterator[Happening]:
    pruned = after.counts.pruned
    counts = before.counts if before is not None else Counts()
    again = before is not None and counts == after.counts and _commits(before) == _commits(after)
    if pruned and not again:
        text = f"{pruned} object{'s' if pruned > 1 else ''} that {_at(after)} no longer names deleted"
        yield _happening(after, NORMAL, "Pruned", text)


def _failed(before: Outcome | None, after: Outcome) -> Iterator[Happening]:
    known = {_same(fault) for fault in before.faults} if before is not None else set()
    for fault in after.faults:
        if _same(fault) not in known:
            known.add(_same(fault))
            yield _happening(after, WARNING, "SyncFailed", f"{fault.reason}: {words.of_fault(fault)}")


def _held(before: Outcome | None, after: Outcome) -> Iterator[Happening]:
    known = {holding.hold for holding in before.holds} if before is not None else set()
    for holding in after.holds:
        if holding.hold not in known and holding.hold not in (Hold.MANUAL, Hold.RETRYING):
            kind: Literal["Normal", "Warning"] = WARNING if holding.hold in _WARNINGS else NORMAL
            yield _happening(after, kind, holding.hold.value, words.of_holding(holding))


def _same(fault: Fault) -> tuple[str, str]:
    return str(fault.ref), fault.reason


def _happening(after: Outcome, kind: Literal["Normal", "Warning"], reason: str, message: str) -> Happening:
    return Happening(kind, reason, message, after.target.cluster)


def _commits(outcome: Outcome) -> tuple[str, ...]:
    return tuple(revision.commit for revision in outcome.revisions)


def _at(outcome: Outcome) -> str:
    return outcome.revisions[0].commit[:7] if outcome.revisions else "Git"
