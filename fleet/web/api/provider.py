"""What the API asks of the hub: frozen views, taken on the loop without waiting (a commit's apart).

Contract: a view holds references to values that nobody changes (Outcome, Reach, the status as last put), so
taking one is cheap, and encoding may happen in a thread. Nothing in a view is, or quotes, a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fleet.clusters.doctor import Finding
    from fleet.model import ApplicationKey, Fault, Foreign, Health, Holding, ObjectRef, Outcome, Reach
    from fleet.report.stages import Trace
    from fleet.worker.images import Running


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target. ``queued`` is "waiting" or "running" while the worker has Work for it, else empty."""

    cluster: str
    outcome: Outcome | None = None
    reach: Reach | None = None
    queued: str = ""


@dataclass(frozen=True, slots=True)
class SourceView:
    """Where it comes from; ``head`` is the newest commit known that ``revision`` names."""

    repo: str = ""
    path: str = ""
    revision: str = ""
    head: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """An Application. ``faults`` and ``holds`` are its own, not its targets'; ``status`` as last put."""

    key: ApplicationKey
    project: str = ""
    source: SourceView = field(default_factory=SourceView)
    status: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[TargetView, ...] = ()
    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()
    deleting: bool = False
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class ResourceView:
    """A live member of an Application's sets, or a desired object that is not there (MISSING)."""

    cluster: str
    ref: ObjectRef
    health: Health
    message: str = ""
    deleting: bool = False
    foreign: tuple[Foreign, ...] = ()


@dataclass(frozen=True, slots=True)
class SetView:
    """A set on a cluster that no Application claims.

    ``told``: why it is still there although somebody asked; ``held``: it stays until a person says more.
    ``asked``: the request that these answer, the text of the Cluster's annotation.
    """

    application: ApplicationKey
    objects: int
    told: tuple[str, ...] = ()
    held: bool = False
    asked: str = ""


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster with what runs there."""

    name: str
    server: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    reach: Reach | None = None
    outcomes: tuple[Outcome, ...] = ()
    paused: bool = False
    unclaimed: tuple[SetView, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueView:
    """A worker's queue: targets that wait, by each `Lane`, and those in hand.

    ``delayed`` of those that wait do so for a time, as a retry does; ``breaker`` says why nothing is served at all.
    """

    cluster: str
    waiting: tuple[int, ...]
    running: int = 0
    delayed: int = 0
    breaker: str = ""


@dataclass(frozen=True, slots=True)
class KeyView:
    """A sealing key: its Secret's name, OpenSSH's fingerprint, when it was made (seconds); whether its ring seals with it."""

    secret: str
    fingerprint: str
    made: float
    active: bool
    seals: bool


@dataclass(frozen=True, slots=True)
class SecretView:
    """A Secret that the hub makes on one cluster: from which form, of which versions of what.

    ``looked``, ``opened`` and ``next`` are times: when its version was looked at last, when a pass read what it holds
    since the hub's start (0: not), when its version is looked at again (0: never). ``stands``: it is live as it was sent.
    """

    application: ApplicationKey
    cluster: str
    ref: ObjectRef
    form: str
    sources: tuple[tuple[str, str], ...] = ()
    looked: float = 0.0
    opened: float = 0.0
    next: float = 0.0
    problem: str = ""
    stands: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagesView:
    """The images that an Application runs on one cluster, or why that could not be told."""

    cluster: str
    images: tuple[Running, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RingView:
    """A ring: the clusters that it serves, its keys, the newest first, and the certificate that it seals with (PEM)."""

    name: str
    clusters: tuple[str, ...]
    keys: tuple[KeyView, ...]
    certificate: str
    problem: str = ""


class Provider(Protocol):
    """The hub, as far as the API looks. None: there is no such thing."""

    def now(self) -> float:
        """Wall time of the hub's clock."""

    def applications(self) -> Sequence[ApplicationView]:
        """All Applications, in no order."""

    def application(self, key: ApplicationKey) -> ApplicationView | None:
        """One Application."""

    def traced(self, key: ApplicationKey) -> ApplicationView | None:
        """One Application, with its trace."""

    async def commit(self, name: str) -> Trace:
        """Say how far a commit has come; asks the mirrors, and no server."""

    def resources(self, key: ApplicationKey) -> Sequence[ResourceView] | None:
        """Give the objects of one Application on all its clusters."""

    async def images(self, key: ApplicationKey) -> Sequence[ImagesView] | None:
        """Ask the clusters of one Application which images it runs there."""

    def clusters(self) -> Sequence[ClusterView]:
        """All clusters, in no order."""

    def cluster(self, name: str) -> ClusterView | None:
        """One cluster."""

    def queue(self) -> Sequence[QueueView]:
        """Give the queue of every worker."""

    def rings(self) -> Sequence[RingView]:
        """Give the rings of sealing keys."""

    def secrets(self, key: ApplicationKey | None = None) -> Sequence[SecretView] | None:
        """Give the Secrets that the hub makes for one Application, or for all."""

    async def vault(self, project: str) -> Sequence[tuple[str, str, str]] | None:
        """Try what a Project may have of Vault: what was tried, how it went (empty: well), what helps."""

    async def doctor(self, name: str) -> Sequence[Finding] | None:
        """Look at one cluster: each check, how it went, what helps."""

    def unusable_keys(self) -> Mapping[str, str]:
        """Give the Secrets that are labelled as sealing keys and open nothing, and why."""
