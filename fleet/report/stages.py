"""What a trace is made of: the stages between a commit and a live object, the facts, and the answer.

Contract: frozen values and no more. Facts hold references to values that nobody changes; whoever gathers them
does so in one breath, and `trace` then needs no clock, no memory and no server. Commits are whole hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleet.model import ApplicationKey, Fault, Health, Holding, ObjectRef, Outcome, Reach, Revision, TargetKey
from fleet.report.since import NEVER, Stamp, Stamps


class Stage(StrEnum):
    """The first stage that has not been passed, in the order in which a commit passes them."""

    NOT_SEEN = "NotSeen"
    NOT_FOLLOWED = "NotFollowed"
    NOT_CONCERNED = "NotConcerned"
    NOT_RENDERED = "RenderFailed"
    NOT_PLACED = "NotPlaced"
    HELD = "Held"
    UNREACHABLE = "ClusterUnreachable"
    QUEUED = "Queued"
    REFUSED = "Refused"
    CONTESTED = "Contested"
    UNHEALTHY = "NotHealthy"
    LIVE = "Live"


class Verdict(StrEnum):
    """All of a trace in one word: nothing is left to do, it goes on or waits, or only a person ends it."""

    LIVE = "Live"
    WAITING = "Waiting"
    FAILED = "Failed"
    NOTHING = "NothingToDo"
    AMBIGUOUS = "Ambiguous"


@dataclass(frozen=True, slots=True)
class Source:
    """A repository as the hub sees it: when it last looked, by what, and when it looks again.

    ``name`` is what an Application follows in it, ``head`` the commit that this means now; ``error`` why the
    last try brought nothing, since ``failing``; ``seeker`` is an Application through which a look can be asked for.
    """

    repo: str
    name: str = ""
    head: str = ""
    looked: float = 0.0
    how: str = ""
    due: float = 0.0
    error: Fault | None = None
    failing: float = 0.0
    seeker: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where a target is in its cluster's queue: how many go first in its lane and those above, who is in hand.

    ``due`` is the time of the next try where it is delayed, ``busy`` whether the target itself is in hand.
    """

    lane: str
    ahead: int = 0
    hands: tuple[TargetKey, ...] = ()
    busy: bool = False
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class Ill:
    """A desired object that is not healthy, and why."""

    ref: ObjectRef
    health: Health
    message: str = ""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """A cluster: whether it answers, what is the matter with its registration, who keeps the hub from it."""

    name: str
    reach: Reach | None = None
    paused: bool = False
    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One target. ``recorded`` is the commit that its parent on the member names: the last that was applied."""

    cluster: ClusterFacts
    outcome: Outcome | None = None
    waiting: Waiting | None = None
    recorded: str = ""
    ill: tuple[Ill, ...] = ()
    since: Stamps = field(default_factory=Stamps)


@dataclass(frozen=True, slots=True)
class Desired:
    """What an Application was last computed to. ``computed`` is the commit that was looked at for it.

    ``revision`` is the one at which its inputs last changed, ``faults`` are those of single documents, ``reads``
    what was looked up; ``working`` says that it is being looked at, or about to be.
    """

    computed: str = ""
    revision: Revision | None = None
    faults: tuple[Fault, ...] = ()
    reads: tuple[str, ...] = ()
    working: bool = False
    since: Stamp = NEVER


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """An Application with all its targets; ``faults`` and ``holds`` are its own, not its targets'."""

    key: ApplicationKey
    source: Source
    desired: Desired = field(default_factory=Desired)
    targets: tuple[TargetFacts, ...] = ()
    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()
    since: Stamps = field(default_factory=Stamps)
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """A commit that a repository's mirror has.

    ``within`` are the commits that contain it, of those that facts name; ``concerned`` the Applications that
    read what it changed.
    """

    commit: str
    repo: str
    within: frozenset[str] = frozenset()
    concerned: frozenset[ApplicationKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """The answer for one target, or for a whole Application or repository (``cluster`` empty).

    ``text`` says what is the matter, ``action`` what helps; ``subject`` is the object, file or field concerned.
    """

    stage: Stage
    application: str = ""
    cluster: str = ""
    text: str = ""
    action: str = ""
    subject: str = ""
    since: Stamp = NEVER
    final: bool = False  # nothing but a person ends it
    commit: str = ""  # that is applied, as far as that is known


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole answer. ``others`` counts Applications of the repository that are not listed."""

    verdict: Verdict
    commit: str = ""
    sources: tuple[Source, ...] = ()
    steps: tuple[Step, ...] = ()
    candidates: tuple[str, ...] = ()
    others: int = 0


Places = Mapping[TargetKey, Waiting]
"""Targets of one cluster's queue."""
