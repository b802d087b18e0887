"""What an Application's status says: counts, the worst of its targets, conditions, one line a problem (H12).

Contract: pure; the time is an argument. The same facts give the same bytes: nothing in a status moves by
itself. ``revision`` is the commit at which this Application's inputs last changed. The shape is the schema of
``crds/applications.yaml``. All conditions of an Application are made here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from fleet.model import Fault, Health, Holding, Outcome, Reach, Sync
from fleet.report import conditions, problems, standing, words
from fleet.report.conditions import Condition
from fleet.report.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.api.application import Application

RENDER_FAILED: Final = "RenderFailed"
SYNC_FAILED: Final = "SyncFailed"
UNREACHABLE: Final = "ClusterUnreachable"
SECRET_UNRESOLVED: Final = "SecretUnresolved"  # noqa: S105 (a condition, not a secret)
FOREIGN_FIELDS: Final = "ForeignFields"
HELD: Final = 16

# Why a Secret could not be made: of its form, its store, or what keeps it.
_OF_SECRETS: Final = (
    "PathRefused",
    "SealBroken",
    "SealClosed",
    "SecretGone",
    "SecretRefused",
    "SecretValueMissing",
    "SourceRefused",
    "StoreMissing",
    "VaultAddressRefused",
    "VaultEngineMismatch",
    "VaultError",
    "VaultForbidden",
    "VaultLimited",
    "VaultLoginFailed",
    "VaultLoginUnusable",
    "VaultMountMissing",
    "VaultPathMissing",
    "VaultPathRefused",
    "VaultRefused",
    "VaultSealed",
    "VaultBehind",
    "VaultStandby",
    "VaultUnreachable",
    "VaultVersionDeleted",
    "VaultVersionDestroyed",
)
# The condition that a fault's reason stands under; all other faults of an Application are RenderFailed, all
# other faults of a target SyncFailed.
_FAMILIES: Final = {
    "OwnedByOther": "ClaimRefused",
    **dict.fromkeys(_OF_SECRETS, SECRET_UNRESOLVED),
    "InvalidManifest": RENDER_FAILED,
    "InvalidSpec": "InvalidSpec",
    "ClusterUnknown": "PlacementFailed",
    "PlacementMissing": "PlacementFailed",
    "PlacementInvalid": "PlacementFailed",
    "DestinationUnsupported": "PlacementFailed",
    "ProjectUnknown": "ProjectRefused",
    "ProjectRefused": "ProjectRefused",
    "OutsideScope": "OutsideScope",
}
# What a pass says of a cluster that is about to be seen as silent: the Cluster tells it, once.
_OF_THE_WIRE: Final = frozenset({"Unreachable", "Unanswered", "NotPermitted"})


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a status is made of. ``targets``: where the Application is placed now.

    ``pending``: clusters whose newest Work differs in revision or render from what the last Outcome answered,
    and has not been passed yet; ``joined``: those that it was not on when this process saw it first. ``faults`` and ``holds`` are those of the Application itself (source, render,
    placement; grace, deletion, prunes that wait). ``last_sync`` is ``status.lastSync`` as it is to be.
    """

    targets: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    reaches: Mapping[str, Reach] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    joined: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()
    revision: str = ""
    render: str = ""
    renderer: str = ""
    last_sync: Mapping[str, Any] | None = None
    confirmed: Mapping[str, Any] | None = None


def status(
    application: Application, facts: Facts, *, now: float, previous: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give the whole status; ``previous`` is the last one (the object's own where nothing newer is known)."""
    before = application.status if previous is None else previous
    view = _View(facts, _standings(facts, before, now=now), deleting=application.metadata.deleting)
    sync, health = standing.fold(view.standings)
    generation = application.metadata.generation
    told: dict[str, Any] = {
        "observedGeneration": generation,
        "sync": sync.value,
        "health": health.word,
        "targets": {
            "total": len(view.standings),
            "synced": sum(one.sync is Sync.SYNCED for one in view.standings),
            "healthy": sum(one.health is Health.HEALTHY for one in view.standings),
        },
        "clusters": view.score,
        "problems": problems.lines(view.standings),
        "conditions": conditions.dated(
            view.conditions(), before.get("conditions"), generation=generation, now=now
        ),
    }
    revision = facts.revision or before.get("revision")
    last_sync = facts.last_sync if facts.last_sync is not None else before.get("lastSync")
    held = {one.digest for one in facts.holds} | {one.digest for o in facts.outcomes for one in o.holds}
    optional = {
        "deletionHeld": sorted(held - {""})[:HELD],
        "confirmed": facts.confirmed,
        "revision": revision,
        "healthySince": _healthy_since(view.standings, facts, before, now=now),
        "lastSync": last_sync,
        "render": facts.render,
        "renderer": facts.renderer,
    }
    told.update({key: value for key, value in optional.items() if value})
    return told


def _healthy_since(
    standings: tuple[Standing, ...], facts: Facts, before: Mapping[str, Any], *, now: float
) -> str:
    """Since when every target is well with this very revision and render; empty while any is not.

    The time stands in the status alone, so a hub that starts anew goes on with it where it finds all as it was.
    """
    if not standings or not all(one.well for one in standings):
        return ""
    if facts.joined - {outcome.target.cluster for outcome in facts.outcomes}:
        return ""  # what is remembered is of clusters that were there before
    same = (before.get("revision"), before.get("render", "")) == (
        facts.revision or before.get("revision"),
        facts.render,
    )
    since = before.get("healthySince") if same else None
    return since if isinstance(since, str) and since else words.stamp(now)


def _standings(facts: Facts, before: Mapping[str, Any], *, now: float) -> tuple[Standing, ...]:
    outcomes = {outcome.target.cluster: outcome for outcome in facts.outcomes}
    moved = bool(facts.revision) and before.get("revision") != facts.revision
    last = {} if moved else problems.remembered(before, facts.targets)
    return tuple(
        _standing(facts, cluster, outcomes.get(cluster), last.get(cluster), now=now)
        for cluster in sorted(facts.targets)
    )


def _standing(
    facts: Facts, cluster: str, outcome: Outcome | None, last: Standing | None, *, now: float
) -> Standing:
    reach = facts.reaches.get(cluster)
    if outcome is None and last is not None and not standing.silent(reach, now):
        return last
    seen = standing.stand(cluster, outcome, reach, now=now)
    if cluster in facts.pending and not seen.silent:
        return Standing(cluster, Sync.OUT_OF_SYNC, seen.health, "Syncing", seen.commit, pending=True)
    return seen


@dataclass(frozen=True, slots=True)
class _View:
    """The facts with each target's standing; answers what conditions ask."""

    facts: Facts
    standings: tuple[Standing, ...]
    deleting: bool

    @property
    def score(self) -> str:
        return f"{sum(one.well for one in self.standings)}/{len(self.standings)}"

    def conditions(self) -> Iterator[Condition]:
        """Ready, Reconciling and Stalled, then what is the matter, one condition a family."""
        yield self._ready()
        stuck = "; ".join(self._stuck())
        yield Condition(
            conditions.STALLED,
            conditions.word(bool(stuck)),
            "NeedsAttention" if stuck else "NotStalled",
            stuck,
        )
        moving = "" if stuck and not self.deleting else self._moving()
        yield Condition(conditions.RECONCILING, conditions.word(bool(moving)), moving or "Settled")
        yield from self._extras()

    def _ready(self) -> Condition:
        if self.deleting:
            return Condition(conditions.READY, "False", "Deleting", "The Application is being deleted")
        told = f"{self.score} clusters are synced and healthy"
        for fault in sorted(self.facts.faults, key=lambda fault: fault.transient):
            return Condition(conditions.READY, "False", fault.reason, words.of_fault(fault))
        if not self.standings:
            return Condition(conditions.READY, "Unknown", "NoClusters", "No cluster is selected")
        ill = [one for one in self.standings if not one.well]
        if not ill:
            return Condition(conditions.READY, "True", "Synced", told)
        known = [one for one in ill if not one.silent]
        worst = max(known or ill, key=lambda one: (not one.pending, one.health, one.cluster))
        message = f"{told}; {'; '.join(problems.lines(ill)[: words.FEW])}"
        return Condition(
            conditions.READY, conditions.word(False if known else None), self._reason(worst), message
        )

    @staticmethod
    def _reason(worst: Standing) -> str:
        if worst.reason:
            return worst.reason
        return worst.health.word if worst.health is not Health.HEALTHY else worst.sync.value

    def _stuck(self) -> list[str]:
        """Tell what nothing but a person ends, as one text a family."""
        hard = [("", words.of_fault(fault)) for fault in self.facts.faults if not fault.transient]
        hard += [("", words.of_holding(held)) for held in self.facts.holds if held.hold in standing.STUCK]
        for outcome in self._current():
            cluster = outcome.target.cluster
            hard += [(cluster, words.of_fault(fault)) for fault in outcome.faults if not fault.transient]
            hard += [
                (cluster, words.of_holding(held)) for held in outcome.holds if held.hold in standing.STUCK
            ]
        return [words.joined(hard)] if hard else []

    def _moving(self) -> str:
        """Why the hub is at work, as a reason; empty when it is not."""
        if self.deleting:
            return "Deleting"
        if any(fault.transient for fault in self.facts.faults):
            return "Retrying"
        outcomes = {outcome.target.cluster: outcome for outcome in self.facts.outcomes}
        for one in self.standings:
            if one.silent:
                continue
            outcome = outcomes.get(one.cluster)
            if one.pending or (outcome is not None and _works_on(outcome)):
                return "Syncing"
        return "Progressing" if any(one.health is Health.PROGRESSING for one in self.standings) else ""

    def _current(self) -> Iterator[Outcome]:
        """Outcomes that still speak of what is wanted, and of a cluster that answers."""
        silent = {one.cluster for one in self.standings if one.silent}
        for outcome in self.facts.outcomes:
            cluster = outcome.target.cluster
            if cluster in self.facts.targets and cluster not in self.facts.pending and cluster not in silent:
                yield outcome

    def _extras(self) -> Iterator[Condition]:
        told: dict[str, list[tuple[str, str, str]]] = {}  # type -> (reason, cluster, text)
        for fault in self.facts.faults:
            told.setdefault(_FAMILIES.get(fault.reason, RENDER_FAILED), []).append(
                (fault.reason, "", words.of_fault(fault))
            )
        for holding in self.facts.holds:
            told.setdefault(holding.hold.value, []).append(
                (holding.hold.value, "", words.of_holding(holding))
            )
        for outcome in self._current():
            cluster = outcome.target.cluster
            for fault in self._heard(outcome):
                told.setdefault(_FAMILIES.get(fault.reason, SYNC_FAILED), []).append(
                    (fault.reason, cluster, words.of_fault(fault))
                )
            for holding in outcome.holds:
                told.setdefault(holding.hold.value, []).append(
                    (holding.hold.value, cluster, words.of_holding(holding))
                )
            if outcome.findings.foreign:
                text = words.of_foreign(outcome.findings.foreign)
                told.setdefault(FOREIGN_FIELDS, []).append(("AddedByHand", cluster, text))
        for one in self.standings:
            if one.silent:
                kind, reason, text = self._no_answer(one.cluster)
                told.setdefault(kind, []).append((reason, one.cluster, text))
        for kind, entries in told.items():
            reasons = sorted({entry[0] for entry in entries})
            message = words.joined((cluster, text) for _, cluster, text in entries)
            yield Condition(kind, "True", reasons[0] if len(reasons) == 1 else "Several", message)

    def _heard(self, outcome: Outcome) -> Iterator[Fault]:
        reach = self.facts.reaches.get(outcome.target.cluster)
        dark = reach is not None and not reach.reachable
        for fault in outcome.faults:
            if not (dark and fault.reason in _OF_THE_WIRE):
                yield fault

    def _no_answer(self, cluster: str) -> tuple[str, str, str]:
        """Give condition, reason and words of a target that is not known."""
        reach = self.facts.reaches.get(cluster)
        if reach is not None and reach.reason in standing.STRANGE:
            text = f"Nothing is read or written there (see 'fleethub cluster get {cluster}')"
            return reach.reason, reach.reason, text
        since = f" since {words.stamp(reach.since)}" if reach is not None else ""
        return UNREACHABLE, "NoAnswer", f"No answer{since}"


def _works_on(outcome: Outcome) -> bool:
    """Whether the hub itself is about to change something more."""
    if any(fault.transient for fault in outcome.faults):
        return True
    rests = outcome.faults or any(holding.hold in standing.RESTING for holding in outcome.holds)
    return outcome.sync is not Sync.SYNCED and not rests


def refused(
    before: Mapping[str, Any],
    generation: int,
    faults: tuple[Fault, ...],
    holds: tuple[Holding, ...] = (),
    *,
    now: float,
) -> dict[str, Any]:
    """The status of an object that cannot be used at all: what was known of it stays, conditions say why.

    ``holds`` are what keeps it from being deleted.
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for held in holds:
        kinds.setdefault(held.hold.value, []).append(("", words.of_holding(held)))
    message = words.joined((*(("", words.of_fault(fault)) for fault in faults), *chain(*kinds.values())))
    reason = faults[0].reason if faults else "InvalidSpec"
    told = (
        Condition(conditions.READY, "False", reason, message),
        Condition(conditions.STALLED, "True", "NeedsAttention", message),
        Condition(conditions.RECONCILING, "False", "Settled"),
        *(Condition(kind, "True", kind, words.joined(texts)) for kind, texts in kinds.items()),
    )
    kept = {key: value for key, value in before.items() if key != "conditions"}
    return kept | {
        "observedGeneration": generation,
        "conditions": conditions.dated(told, before.get("conditions"), generation=generation, now=now),
    }
