"""What is wanted: from a manifest to the work of a target."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet.model.enums import Lane, Mode, Option
from fleet.model.keys import ChangeId, ObjectRef, Read, Revision, TargetKey


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a manifest came from: the file in the repository and the document's place in it, from 0."""

    path: str
    document: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """Of what stands for a Secret that is kept elsewhere.

    ``stores`` are bodies of the stores beside it that it names, ``stamp`` says which version it stands for.
    """

    stores: tuple[bytes, ...] = ()
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One desired object. ``ref.namespace`` is as written until ``sync.scope`` fills it in.

    ``wave`` is the sync wave, ``hook`` the hook annotation's value (empty: none), ``options`` the sync options
    as written (``Prune=false``). ``form`` names what stands for a Secret in the body (``SealedSecret``), and is
    empty where the body is what is sent; ``kept`` is about what is kept elsewhere.
    """

    ref: ObjectRef
    version: str
    body: bytes
    origin: Origin
    wave: int = 0
    hook: str = ""
    options: frozenset[str] = frozenset()
    form: str = ""
    kept: Kept = Kept()


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

    ``key`` is the digest of inputs, renderer and parameters, ``inputs`` that of the same without the renderer,
    ``output`` that of what came out; ``reads`` all that was looked up; ``renderer`` names program and version,
    empty for plain YAML. ``general``: whatever a cluster serves, it would come out alike.
    """

    key: str
    manifests: tuple[Manifest, ...]
    faults: tuple[Fault, ...] = ()
    reads: frozenset[Read] = frozenset()
    renderer: str = ""
    warnings: tuple[str, ...] = ()
    inputs: str = ""
    output: str = ""
    general: bool = True


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a render knows of its cluster: what that serves. Equal ones share a render.

    ``kube_version`` is such as ``v1.36.3``; ``api_versions`` are Helm's: ``apps/v1`` and ``apps/v1/Deployment``,
    sorted. ``digest`` names both; empty where nothing is known of the cluster.
    """

    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Backoff of a failing sync: ``limit`` tries (negative: for ever), seconds, factor, seconds."""

    limit: int = 5
    duration: float = 5.0
    factor: float = 2.0
    maximum: float = 180.0


@dataclass(frozen=True, slots=True)
class Fence:
    """What one Project allows on one cluster: glob patterns of namespaces and of cluster-scoped kinds.

    A kind is written ``Kind`` or ``Kind.group``. An empty tuple allows nothing, ``("*",)`` everything.
    """

    project: str
    namespaces: tuple[str, ...] = ()
    cluster_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VaultRule:
    """One Vault that a Project allows: where, logged in how and as what, and below which paths.

    ``server`` is such as ``https://vault.example.com:8200``, ``method`` a word of ``Project.spec.vault`` (``JWT``,
    ``Kubernetes``, ``AppRole``), ``mount`` that of the auth method, ``role`` its role (AppRole: the role id). ``paths``
    are globs of ``MOUNT/PATH``, never with ``data/``; in namespace, mount and role too ``*`` stands for any characters.
    ``secret`` names the Secret of the hub with an AppRole's secret id, ``ca`` holds certificates in PEM; both empty
    for none.
    """

    server: str
    namespace: str
    method: str
    mount: str
    role: str
    paths: tuple[str, ...] = ()
    secret: str = ""
    ca: str = field(default="", repr=False)
    audience: str = ""


@dataclass(frozen=True, slots=True)
class VaultFence:
    """What one Project lets be read of Vault on one cluster; without rules, nothing."""

    project: str
    rules: tuple[VaultRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Walls:
    """The fences that an object must pass, all of them: the Application's own Project and those of its parents.

    ``account`` is the ServiceAccount that the hub acts as on the member, as ``namespace/name``; ``vaults`` what may be
    read of Vault, by Project, the own first: all of them must allow it; ``vault_account`` is who the own Project is to Vault.
    """

    project: str = "default"
    account: str | None = None
    fences: tuple[Fence, ...] = ()
    vaults: tuple[VaultFence, ...] = ()
    vault_account: str = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How much one change may delete unconfirmed: held is what is more than both, the share and the count."""

    percent: int = 20
    count: int = 5


@dataclass(frozen=True, slots=True)
class SecretModes:
    """Which forms of a Secret the hub resolves; the others go to the cluster as they stand.

    ``restart``: whatever mounts a Secret of the Application is restarted when that changes.
    """

    sealed: bool = True
    external: bool = True
    placeholders: bool = False
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """How a target is kept: options, whose objects it may take over, retries, the guard, the Project's walls.

    ``accepts`` is the renderer whose other output a person has accepted, ``*`` for any.
    """

    options: frozenset[Option] = frozenset()
    adopt: frozenset[str] = frozenset()
    retry: Retry = field(default_factory=Retry)
    guard: Thresholds = field(default_factory=Thresholds)
    walls: Walls = field(default_factory=Walls)
    accepts: str = ""
    secrets: SecretModes = field(default_factory=SecretModes)


@dataclass(frozen=True, slots=True)
class Target:
    """One Application on one cluster; ``born`` is the Application's creation time: claims go by it.

    ``confirmed`` is the digest of the set of deletions that somebody let through, see ``sync.guard``; ``state``
    names what the Application renders to on all its clusters, for which such a word is given.
    """

    key: TargetKey
    namespace: str
    policy: Policy
    born: float = 0.0
    confirmed: str = ""
    state: str = ""


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
