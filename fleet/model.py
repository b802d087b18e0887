"""The frozen values that rooms hand each other.

Contract: keys are NamedTuples, all else frozen dataclasses with slots, nine fields at most; no I/O, no
behaviour beyond what a value says of itself. Bodies are bytes (JSON): a dict could be changed by a holder.
Times are seconds since the epoch unless a name says otherwise; digests are lower-case hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple

# --- keys ---------------------------------------------------------------------------------------------


class ObjectRef(NamedTuple):
    """An object on one cluster, without version; ``group`` is empty for core, ``namespace`` for cluster scope."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


class GroupKind(NamedTuple):
    """A kind without version."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class ApplicationKey(NamedTuple):
    """An Application on the hub."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class TargetKey(NamedTuple):
    """One Application on one cluster: the unit of work of a cluster's worker."""

    application: ApplicationKey
    cluster: str

    def __str__(self) -> str:
        return f"{self.application}@{self.cluster}"


class Revision(NamedTuple):
    """A commit of a repository; ``ref`` is the full name it was resolved from, or empty for a bare commit."""

    repo: str
    commit: str
    ref: str = ""


class ChangeId(NamedTuple):
    """One arrival of new commits in a repository; ``serial`` counts up within this process."""

    repo: str
    serial: int


class Read(NamedTuple):
    """What a render looked up: ``oid`` is the blob's or tree's hash, or None where the path was absent."""

    repo: str
    path: str
    oid: str | None


# --- enums --------------------------------------------------------------------------------------------


class Sync(StrEnum):
    """Whether a target is as Git wants it."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(IntEnum):
    """Health in Argo CD's words; ordered, so that ``max`` is the worst."""

    HEALTHY = 0
    SUSPENDED = 1
    PROGRESSING = 2
    MISSING = 3
    DEGRADED = 4
    UNKNOWN = 5

    @property
    def word(self) -> str:
        """The word that people read: Healthy, Progressing, ..."""
        return self.name.capitalize()


class Lane(IntEnum):
    """The classes of a worker's queue, served in this order."""

    URGENT = 0  # a commit, a heal, a person's request
    COLD = 1  # start, recovery, a new cluster
    AUDIT = 2  # seals and the twelve-hourly re-apply


class Mode(StrEnum):
    """What a pass may do."""

    APPLY = "Apply"
    COMPARE = "Compare"  # reads and dry runs only
    AUDIT = "Audit"  # applies every object, settled ones too
    SEAL = "Seal"  # records the digest of the members' entries, nothing else


class Cause(StrEnum):
    """Why an object of ours is not as we left it."""

    CHANGED = "Changed"  # our managedFields entry differs
    ENTRY_LOST = "EntryLost"  # our entry has vanished
    LABEL_LOST = "LabelLost"  # the part-of label is gone or another set's
    DELETED = "Deleted"
    DIFFERS = "Differs"  # found by dry run: live is not what is desired
    MISSING = "Missing"  # found by dry run: desired and not there


class Hold(StrEnum):
    """Why a target does less than Git asks for; the condition of that name explains it."""

    MANUAL = "Manual"  # no automated sync, and nobody asked
    PAUSED = "Paused"  # the Cluster is paused
    PRUNE_OFF = "PruneDisabled"  # automated without prune: stale objects stay
    PRUNE_WAITS = "PruneWaits"  # the gate, an open change, an Application that did not render
    PRUNE_CONFIRM = "PruneNeedsConfirmation"  # CRDs and Namespaces
    EMPTY = "EmptySource"  # the source became empty and allowEmpty is off
    HOOKS = "HooksNotRun"  # hook objects and options not yet built
    SELF_HEAL_OFF = "SelfHealDisabled"  # drift is shown, not reverted
    CONTESTED = "Contested"  # somebody keeps writing what we heal
    FOREIGN_HUB = "ForeignHub"  # another hub's Lease is live on the member
    RETRYING = "Retrying"
    WAVE = "WaveWaits"  # a later sync wave waits for the health of an earlier one
    CLAIM = "ClaimWaits"  # an object waits for the Application that holds it
    GRACE = "WithdrawalPending"  # no longer selected, and withdrawn when the grace has passed
    DELETION = "DeletionWaits"  # the Application is being deleted and a cluster does not answer
    DELETION_WAITS = "DeletionWaits"  # the Application is deleted, and a cluster has not let go of it yet
    LEAVING = "LeavingCluster"  # no longer placed there; the grace runs, or the cluster does not answer


class Option(StrEnum):
    """What an Application's sync policy turns on."""

    AUTOMATED = "Automated"
    PRUNE = "Prune"
    SELF_HEAL = "SelfHeal"
    STRICT = "Strict"
    ALLOW_EMPTY = "AllowEmpty"
    CREATE_NAMESPACE = "CreateNamespace"


class Withdrawal(StrEnum):
    """How a target leaves a cluster."""

    DELETE = "Delete"
    ORPHAN = "Orphan"


# --- desired ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a manifest came from: the file in the repository and the document's place in it, from 0."""

    path: str
    document: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """One desired object. ``ref.namespace`` is as written until ``sync.scope`` fills it in.

    ``wave`` is the sync wave, ``hook`` the hook annotation's value (empty: none), ``options`` the sync options
    as written (``Prune=false``).
    """

    ref: ObjectRef
    version: str
    body: bytes
    origin: Origin
    wave: int = 0
    hook: str = ""
    options: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong, in words fit for a condition: never a value of the object concerned."""

    ref: ObjectRef | None
    reason: str
    text: str
    field: str = ""
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a source renders to. Complete, and so fit for pruning, only without ``faults``.

    ``key`` is the digest of inputs, renderer and parameters; ``reads`` all that was looked up;
    ``renderer`` names program and version, empty for plain YAML.
    """

    key: str
    manifests: tuple[Manifest, ...]
    faults: tuple[Fault, ...] = ()
    reads: frozenset[Read] = frozenset()
    renderer: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What differs between clusters and enters a render; equal ones share a render."""

    items: tuple[tuple[str, str], ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Backoff of a failing sync: ``limit`` tries (negative: for ever), seconds, factor, seconds."""

    limit: int = 5
    duration: float = 5.0
    factor: float = 2.0
    maximum: float = 180.0


@dataclass(frozen=True, slots=True)
class Walls:
    """What a Project allows, as a stage below the hub needs it; None allows everything."""

    project: str = "default"
    account: str | None = None
    namespaces: tuple[str, ...] | None = None
    cluster_kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How a target is kept: options, whose objects it may take over, retries, the Project's walls."""

    options: frozenset[Option] = frozenset()
    adopt: frozenset[str] = frozenset()
    retry: Retry = field(default_factory=Retry)
    walls: Walls = field(default_factory=Walls)


@dataclass(frozen=True, slots=True)
class Target:
    """One Application on one cluster; ``born`` is the Application's creation time: claims go by it."""

    key: TargetKey
    namespace: str
    policy: Policy
    parameters: Parameters = field(default_factory=Parameters)
    born: float = 0.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is to make true. ``rendered`` is the whole desired set, also when ``only`` narrows a pass.

    ``only`` limits the pass to those objects (a heal); ``change`` is the open change that pruning waits for;
    ``asked_by`` names the request (the sync annotation) that this pass answers, ``prune_asked`` whether that
    request asked for pruning.
    """

    target: Target
    revisions: tuple[Revision, ...]
    rendered: Rendered
    change: ChangeId | None = None
    mode: Mode = Mode.APPLY
    lane: Lane = Lane.URGENT
    only: frozenset[ObjectRef] | None = None
    asked_by: str | None = None
    prune_asked: bool = False


# --- live ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resource:
    """How a kind is served at one version: path parts, scope, what can be done with it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Discovery:
    """What an API server serves. ``kinds`` maps a kind to its Resources, the preferred version first.

    ``stale`` names groups whose server did not answer: their kinds may exist though they are not here.
    ``version`` is the server's gitVersion.
    """

    kinds: Mapping[GroupKind, tuple[Resource, ...]]
    stale: frozenset[str] = frozenset()
    version: str = ""

    def find(self, group: str, kind: str, version: str = "") -> Resource | None:
        """The Resource of a kind at a version, or at the preferred one; None where it is not served."""
        for resource in self.kinds.get(GroupKind(group, kind), ()):
            if version in ("", resource.version):
                return resource
        return None


class OwnerRef(NamedTuple):
    """An ownerReference as far as membership asks."""

    kind: str
    name: str
    uid: str
    controller: bool


@dataclass(frozen=True, slots=True)
class Meta:
    """An object's metadata as read. ``fields`` is the JSON of ``metadata.managedFields`` (``[]`` when none).

    ``annotations`` never holds kubectl's last-applied configuration's content: the decoder empties it, since
    it may quote a Secret. ``version`` is the resourceVersion.
    """

    ref: ObjectRef
    uid: str
    version: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owners: tuple[OwnerRef, ...] = ()
    fields: bytes = b"[]"
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Our own Apply entry in managedFields: digest of its fieldsV1, and its time as written (None: none).

    ``shared``: beside it stands an entry of the takeover list, which may keep alive what we drop (H4).
    """

    digest: bytes
    time: str | None
    shared: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is remembered of a live member: what was last seen, and our entry after our own last apply."""

    uid: str
    version: str
    entry: Entry | None
    sent: Entry | None
    set_id: str
    manifest: str  # the value of the manifest-digest annotation
    health: Health = Health.UNKNOWN
    deleting: bool = False
    message: str = ""  # why it is not healthy, in the table's own words


@dataclass(frozen=True, slots=True)
class Drift:
    """An object that is not as we left it: who did it, when (as the server says), which fields."""

    ref: ObjectRef
    cause: Cause
    manager: str = ""
    operation: str = ""
    at: str = ""
    fields: tuple[str, ...] = ()


# --- results ------------------------------------------------------------------------------------------


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
    """A hold with the words that explain it."""

    hold: Hold
    text: str
    refs: tuple[ObjectRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What a pass saw and did not have to act on, or acted on as drift."""

    drifts: tuple[Drift, ...] = ()
    ignored: tuple[ObjectRef, ...] = ()  # carry our label, are no members (H1)
    warnings: tuple[str, ...] = ()
    answered: str | None = None  # the request that the pass answered, see Work.asked_by


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
    """What a parent on a member says was to be applied; ``seal`` is the digest of the members' entries."""

    target: TargetKey
    revisions: tuple[Revision, ...]
    render: str
    renderer: str = ""
    seal: str | None = None


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


class Gone(Enum):
    """What became of a withdrawal on one cluster."""

    DONE = "Done"
    WAITING = "Waiting"
