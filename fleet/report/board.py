"""The Board: the last known Outcome of every target, what members have recorded, and who answers.

Contract: one owner, in memory, no method awaits, so each is atomic on the loop. What is handed out is frozen.
A subscriber is called after the change, and only for a change that somebody could see (a new time alone is
none); it must not await and should only wake its own queue. Bounds: see `MOST`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from fleet.model import (
    ApplicationKey,
    Fault,
    Holding,
    Outcome,
    Reach,
    Recorded,
    TargetKey,
)
from fleet.report.since import Since, Stamps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Of faults, drifts, ignored objects, warnings and a hold's objects: as many a target are kept.
MOST: Final = 20

Outer = TypeVar("Outer")
Inner = TypeVar("Inner")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the Board holds at one moment; the mappings are read-only copies."""

    outcomes: Mapping[TargetKey, Outcome]
    recorded: Mapping[TargetKey, Recorded]
    reaches: Mapping[str, Reach]


@dataclass(frozen=True, slots=True)
class Told:
    """An Application as its last reconcile left it: in between, its record is being written anew."""

    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()
    state: str = ""  # what it was rendered to


_UNTOLD: Final = Told()


class Board:
    """See the module."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self.started = now()
        self._since = Since()
        self._told: dict[ApplicationKey, Told] = {}
        self._by_application: dict[ApplicationKey, dict[str, Outcome]] = {}
        self._by_cluster: dict[str, dict[ApplicationKey, Outcome]] = {}
        self._recorded: dict[TargetKey, Recorded] = {}
        self._reaches: dict[str, Reach] = {}
        self._application_subscribers: list[Callable[[ApplicationKey], None]] = []
        self._cluster_subscribers: list[Callable[[str], None]] = []

    def put(self, outcome: Outcome) -> None:
        """Take a target's newest Outcome."""
        application, cluster = outcome.target
        kept = _bounded(outcome)
        before = self._by_application.get(application, {}).get(cluster)
        self._by_application.setdefault(application, {})[cluster] = kept
        self._by_cluster.setdefault(cluster, {})[application] = kept
        self._since.outcome(kept, self._now())
        if before is None or replace(before, at=kept.at) != kept:
            self._tell_application(application)

    def drop(self, target: TargetKey) -> None:
        """Forget a target that is no longer placed."""
        application, cluster = target
        self._recorded.pop(target, None)
        self._since.forget(target)
        if _discard(self._by_application, application, cluster):
            _discard(self._by_cluster, cluster, application)
            self._tell_application(application)

    def record(self, recorded: Recorded) -> None:
        """Take what a parent on a member says was to be applied there."""
        self._recorded[recorded.target] = recorded

    def reach(self, reach: Reach) -> None:
        """Take whether a cluster answers; its own subscribers hear of it, Applications' do not (H12)."""
        before = self._reaches.get(reach.cluster)
        self._reaches[reach.cluster] = reach
        if before is None or replace(before, seen=reach.seen) != reach:
            for subscriber in self._cluster_subscribers:
                subscriber(reach.cluster)

    def forget(self, cluster: str) -> None:
        """Forget a cluster that is no longer registered, with all that was known of its targets."""
        self._reaches.pop(cluster, None)
        for target in [target for target in self._recorded if target.cluster == cluster]:
            del self._recorded[target]
        for application in self._by_cluster.pop(cluster, {}):
            self._since.forget(TargetKey(application, cluster))
            _discard(self._by_application, application, cluster)
            self._tell_application(application)

    def reconciled(self, key: ApplicationKey, told: Told) -> None:
        """Take how an Application itself came out of a look at it."""
        self._told[key] = told
        self._since.application(key, told.faults, told.holds, told.state, self._now())

    def gone(self, key: ApplicationKey) -> None:
        """Forget an Application that is no more."""
        for outcome in self.outcomes(key):
            self.drop(outcome.target)
        self._told.pop(key, None)
        self._since.forget(key)

    def told(self, key: ApplicationKey) -> Told:
        """Give what the last whole look at an Application came to; nothing before the first."""
        return self._told.get(key, _UNTOLD)

    def since(self, key: TargetKey | ApplicationKey) -> Stamps:
        """Since when a target, or an Application itself, stands as it does."""
        return self._since.of(key)

    def outcome(self, target: TargetKey) -> Outcome | None:
        """Give the last Outcome of one target."""
        return self._by_application.get(target.application, {}).get(target.cluster)

    def outcomes(self, application: ApplicationKey) -> tuple[Outcome, ...]:
        """Give the last Outcomes of an Application, by cluster."""
        found = self._by_application.get(application, {})
        return tuple(found[cluster] for cluster in sorted(found))

    def cluster(self, name: str) -> tuple[Outcome, ...]:
        """Give the last Outcomes on a cluster, by Application."""
        found = self._by_cluster.get(name, {})
        return tuple(found[application] for application in sorted(found))

    def recorded(self, target: TargetKey) -> Recorded | None:
        """Tell what the member's parent says of a target."""
        return self._recorded.get(target)

    def reach_of(self, cluster: str) -> Reach | None:
        """Whether a cluster answers; None before its first attempt."""
        return self._reaches.get(cluster)

    def reaches(self) -> Mapping[str, Reach]:
        """All that is known of who answers, as a read-only view of now."""
        return MappingProxyType(dict(self._reaches))

    def snapshot(self) -> Snapshot:
        """Everything, as of now."""
        outcomes = {
            outcome.target: outcome for held in self._by_application.values() for outcome in held.values()
        }
        return Snapshot(MappingProxyType(outcomes), MappingProxyType(dict(self._recorded)), self.reaches())

    def on_application(self, subscriber: Callable[[ApplicationKey], None]) -> None:
        """Call ``subscriber`` with the key whenever an Outcome of that Application has changed."""
        self._application_subscribers.append(subscriber)

    def on_cluster(self, subscriber: Callable[[str], None]) -> None:
        """Call ``subscriber`` with the name whenever a cluster's Reach has changed."""
        self._cluster_subscribers.append(subscriber)

    def _tell_application(self, application: ApplicationKey) -> None:
        for subscriber in self._application_subscribers:
            subscriber(application)


def _discard(index: dict[Outer, dict[Inner, Outcome]], outer: Outer, inner: Inner) -> bool:
    """Take one entry out of a two-level index; no empty second level stays behind."""
    held = index.get(outer, {})
    found = held.pop(inner, None) is not None
    if not held:
        index.pop(outer, None)
    return found


def _bounded(outcome: Outcome) -> Outcome:
    findings = outcome.findings
    longest = max(
        len(outcome.faults), len(findings.drifts), len(findings.ignored), len(findings.warnings),
        *(len(holding.refs) for holding in outcome.holds), 0,
    )  # fmt: skip
    if longest <= MOST:
        return outcome
    return replace(
        outcome,
        faults=_few(outcome.faults),
        holds=tuple(replace(holding, refs=holding.refs[:MOST]) for holding in outcome.holds),
        findings=replace(
            findings,
            drifts=findings.drifts[:MOST],
            ignored=findings.ignored[:MOST],
            warnings=findings.warnings[:MOST],
            foreign=findings.foreign[:MOST],
            removed=findings.removed[:MOST],
        ),
    )


def _few(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """At most `MOST` faults; the last says how many there are more, and is transient if all of those are."""
    if len(faults) <= MOST:
        return faults
    rest = faults[MOST - 1 :]
    more = Fault(
        None, "MoreFaults", f"and {len(rest)} faults more", "", all(fault.transient for fault in rest)
    )
    return (*faults[: MOST - 1], more)
