"""What the hub remembers of one Application between two reconciles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleet.api.application import ApplicationSpec
from fleet.model import Fault, Holding, Rendered, Revision
from fleet.render.ground import RemoteChart, RemoteFolder


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A set of deletions that somebody let through: its digest, what it was judged for, on which clusters."""

    digest: str
    purpose: str
    clusters: tuple[str, ...]


@dataclass(slots=True)
class Look:
    """What one look at an Application finds to say of it."""

    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()


@dataclass(slots=True)
class Record:
    """Owned by the reconciler. Bounded by the clusters that the Application is on.

    ``served`` are the clusters that get offers now, those in grace too; ``generation`` is the newest one that
    has rendered and been offered; ``grace`` has the boot time at which a lost cluster is withdrawn, ``unselected``
    the clusters that it is on and does not select, ``stood`` those on which it was placed when it was seen first.
    ``look`` is the one under way, ``told`` the last that came to its end: a look lasts as long as a registry does.
    """

    uid: str = ""  # of the Application; another one of its name begins anew
    stood: frozenset[str] = frozenset()
    offered: frozenset[str] = frozenset()  # where its last offers went
    served: tuple[str, ...] = ()
    look: Look = field(default_factory=Look)
    told: Look | None = None
    rendered: Rendered | None = None
    revisions: tuple[Revision, ...] = ()
    remote: frozenset[RemoteFolder] = frozenset()  # folders of other repositories that its renders asked for
    charts: frozenset[RemoteChart] = frozenset()
    generation: int = -1
    spec: ApplicationSpec | None = None
    grace: dict[str, float] = field(default_factory=dict)
    unselected: frozenset[str] = frozenset()
    edited: set[str] = field(default_factory=set)  # of these, those that an edit of the placement took
    leaving: set[str] = field(default_factory=set)  # being withdrawn from, and not gone from yet
    withdrawn: bool = False  # being deleted, and the first withdrawal for that was sent
    confirmed: Confirmed | None = None
    last_sync: Mapping[str, object] | None = None
    answered: dict[str, bool] = field(default_factory=dict)
    refreshed: str = ""
    tries: int = 0
    begun: bool = False

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with it; before a first look has come to its end, as far as that has come."""
        return (self.told or self.look).faults

    @property
    def holds(self) -> tuple[Holding, ...]:
        """What is held back; likewise."""
        return (self.told or self.look).holds
