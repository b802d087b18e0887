"""What came of it: outcomes, records, reachability."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet.model.desired import Fault
from fleet.model.enums import Health, Hold, Sync
from fleet.model.keys import ObjectRef, Revision, TargetKey
from fleet.model.live import Drift, Foreign


@dataclass(frozen=True, slots=True)
class Counts:
    """Objects of a target, and what a pass did to them."""

    desired: int = 0
    members: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    pruned: int = 0
    stale: int = 0  # members that Git no longer names and that were not pruned


@dataclass(frozen=True, slots=True)
class Holding:
    """A hold with the words that explain it; ``digest`` names the set that somebody may let through."""

    hold: Hold
    text: str
    refs: tuple[ObjectRef, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a pass saw and did not have to act on, or acted on as drift."""

    drifts: tuple[Drift, ...] = ()
    ignored: tuple[ObjectRef, ...] = ()  # carry our label, are no members (H1)
    warnings: tuple[str, ...] = ()
    answered: str | None = None  # the request that the pass answered, see Work.asked_by
    foreign: tuple[Foreign, ...] = ()
    removed: tuple[Foreign, ...] = ()  # by ``automated.strict``, in this pass
    render: str = ""  # key of what the pass carried out


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a target stands after a pass, or as watches have shown it since."""

    target: TargetKey
    revisions: tuple[Revision, ...]
    sync: Sync
    health: Health
    counts: Counts = field(default_factory=Counts)
    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()
    findings: Findings = field(default_factory=Findings)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a parent on a member says was to be applied; ``seal`` is the digest of the members' entries.

    ``render`` is the digest of the manifests, ``inputs`` that of what they were made from by ``renderer``.
    """

    target: TargetKey
    revisions: tuple[Revision, ...]
    render: str
    renderer: str = ""
    seal: str | None = None
    inputs: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a cluster answers, since when it has been so, and when it last did."""

    cluster: str
    reachable: bool
    since: float
    seen: float = 0.0
    version: str = ""
    reason: str = ""
    text: str = ""
