"""``Application``: what of a repository goes to which clusters, and how it is kept there.

Fields are Argo CD's where Argo CD has the field, with its defaults.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from fleet.api.duration import Duration
from fleet.api.metadata import ObjectMeta
from fleet.api.rules import Rule, Ruled
from fleet.api.selector import LabelSelector
from fleet.api.shape import ATOMIC_LIST, GIVEN, LABEL, Flag, Model, Name, Number, Server
from fleet.api.source import Override, Source
from fleet.model import ApplicationKey
from fleet.names import API_VERSION, APPLICATION, DEFAULT_PROJECT

# A namespace, or a text that becomes one when the facts of a cluster are filled in.
Namespace = Annotated[
    str, StringConstraints(pattern=rf"^({LABEL}|.*\{{\{{ *cluster\..*)$", min_length=1, max_length=253)
]


class Placement(Ruled, Model):
    """Which clusters get the Application: by name, by label, or the hub itself."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.clusters), has(self.clusterSelector), has(self.hub) && self.hub]"
            ".filter(given, given).size() == 1",
            "exactly one of clusters, clusterSelector and hub: true must be given",
            lambda self: (
                ("clusters" in self.model_fields_set) + (self.cluster_selector is not None) + self.hub == 1
            ),
        ),
    )

    clusters: tuple[Name, ...] = Field(
        default=(), max_length=2000, description="Clusters by name.", json_schema_extra=ATOMIC_LIST
    )
    cluster_selector: Annotated[LabelSelector | None, GIVEN] = Field(
        default=None, description="Clusters by their labels; {} selects all."
    )
    hub: Flag = Field(
        default=False,
        description="Whether this is an app of apps, whose manifests are the hub's own kinds, applied to the hub.",
    )


class Destination(Ruled, Model):
    """Argo CD's form of a placement: one cluster by name or by server."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.name) != has(self.server)",
            "exactly one of name and server must be given",
            lambda self: (self.name is None) != (self.server is None),
        ),
    )

    name: Annotated[Name | None, GIVEN] = Field(default=None, description="The cluster's name.")
    server: Annotated[Server | None, GIVEN] = Field(
        default=None, description="URL of the cluster's API server, as its Cluster has it."
    )
    namespace: Annotated[Namespace | None, GIVEN] = Field(
        default=None, description="Namespace of manifests that name none."
    )


class Automated(Model):
    """What the hub does without being asked."""

    prune: Flag = Field(default=False, description="Whether objects that left Git are deleted.")
    self_heal: Flag = Field(default=False, description="Whether changes made on a cluster are reverted.")
    strict: Flag = Field(
        default=False,
        description="Whether fields that people added by hand to its objects are taken away again.",
    )
    allow_empty: Flag = Field(
        default=False, description="Whether a source that has become empty may prune everything."
    )


class Backoff(Ruled, Model):
    """How long a failing sync waits before the next try."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!(has(self.duration) && has(self.maxDuration)) || "
            "duration(self.duration) <= duration(self.maxDuration)",
            "duration must not be longer than maxDuration",
            lambda self: (
                not {"duration", "max_duration"} <= self.model_fields_set
                or self.duration <= self.max_duration
            ),
        ),
    )

    duration: Duration = Field(default=5.0, description="Wait before the second try.")
    factor: Annotated[Number, Field(ge=1, le=100)] = Field(
        default=2, description="What each further wait is multiplied by."
    )
    max_duration: Duration = Field(default=180.0, description="The longest wait.")


class Retry(Model):
    """How often and when a failing sync is tried again."""

    limit: Annotated[Number, Field(ge=-1, le=1_000_000)] = Field(
        default=5, description="How many times; -1 never gives up."
    )
    backoff: Backoff = Field(
        default_factory=Backoff, description="How long a failing sync waits before the next try."
    )


class DeletionGuard(Model):
    """How much one change may delete without a person's word: more than both is held."""

    percent: Annotated[Annotated[Number, Field(ge=0, le=100)] | None, GIVEN] = Field(
        default=None,
        description="Share of its objects, or of an app of apps' children. Absent: the hub's; 100 holds nothing "
        "for its size.",
    )
    count: Annotated[Annotated[Number, Field(ge=0, le=1_000_000)] | None, GIVEN] = Field(
        default=None, description="Number of them, each on each cluster. Absent: the hub's."
    )


class SyncPolicy(Model):
    """When and how the Application is synced."""

    automated: Annotated[Automated | None, GIVEN] = Field(
        default=None, description="What the hub does without being asked; absent, a person says when to sync."
    )
    sync_options: tuple[Literal["CreateNamespace=true"], ...] = Field(
        default=(),
        max_length=16,
        description="Argo CD's sync options; CreateNamespace=true creates the Application's namespace.",
        json_schema_extra=ATOMIC_LIST,
    )
    adopt: tuple[Literal["helm", "argocd", "flux"], ...] = Field(
        default=(),
        max_length=3,
        description="Tools whose objects it may take over: helm, argocd, flux.",
        json_schema_extra=ATOMIC_LIST,
    )
    retry: Retry = Field(
        default_factory=Retry, description="How often and when a failing sync is tried again."
    )
    deletion_guard: Annotated[DeletionGuard | None, GIVEN] = Field(
        default=None, description="How much one change may delete without a person's word."
    )


class Handling(StrEnum):
    """Who makes a Secret of a form that stands for one."""

    RESOLVE = "Resolve"
    PASS_THROUGH = "PassThrough"  # noqa: S105 (a word of the API, not a secret)


class PlaceholderHandling(StrEnum):
    """Whether placeholders in Secrets are filled in."""

    IGNORE = "Ignore"
    RESOLVE = "Resolve"


class SecretHandling(Model):
    """Who makes Secrets of what stands for them in Git."""

    sealed: Handling = Field(
        default=Handling.RESOLVE,
        description="SealedSecrets: Resolve has the hub open them when it applies, PassThrough sends them as they "
        "stand to the cluster's own controller.",
    )
    external: Handling = Field(
        default=Handling.RESOLVE,
        description="ExternalSecrets: Resolve has the hub read their stores when it applies, PassThrough sends them "
        "and their stores as they stand to the cluster's own operator.",
    )
    placeholders: PlaceholderHandling = Field(
        default=PlaceholderHandling.IGNORE,
        description="Placeholders <path:MOUNT/data/PATH#KEY> in Secrets: Resolve has the hub fill them in when it "
        "applies and refuses them elsewhere, Ignore leaves them as they stand.",
    )


class DeletionPolicy(StrEnum):
    """What becomes of the objects when the Application goes."""

    DELETE = "Delete"
    ORPHAN = "Orphan"


class ApplicationSpec(Ruled, Model):
    """What is wanted."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.source) != has(self.sources)",
            "exactly one of source and sources must be given",
            lambda self: (self.source is None) != (self.sources is None),
        ),
        Rule(
            "has(self.placement) != has(self.destination)",
            "exactly one of placement and destination must be given",
            lambda self: (self.placement is None) != (self.destination is None),
        ),
        Rule(
            # `namespace` is a reserved word of CEL; Kubernetes spells the field __namespace__.
            "!has(self.__namespace__) || !has(self.destination) || !has(self.destination.__namespace__) || "
            "self.__namespace__ == self.destination.__namespace__",
            "namespace and destination.namespace must agree where both are given",
            lambda self: (
                self.destination is None
                or None in (self.namespace, self.destination.namespace)
                or self.namespace == self.destination.namespace
            ),
        ),
    )

    project: Name = Field(default=DEFAULT_PROJECT, description="The Project that it belongs to.")
    source: Annotated[Source | None, GIVEN] = Field(default=None, description="Where the manifests are.")
    sources: Annotated[Annotated[tuple[Source, ...], Field(min_length=1, max_length=20)] | None, GIVEN] = (
        Field(
            default=None,
            description="Several of these; of an object that two of them make, the later one's counts.",
            json_schema_extra=ATOMIC_LIST,
        )
    )
    placement: Annotated[Placement | None, GIVEN] = Field(
        default=None, description="Which clusters get it: by name, by label, or the hub itself."
    )
    destination: Annotated[Destination | None, GIVEN] = Field(
        default=None, description="Argo CD's form of a placement: one cluster by name or by server."
    )
    namespace: Annotated[Namespace | None, GIVEN] = Field(
        default=None,
        description="Namespace of manifests that name none. Absent: destination.namespace, else default on a "
        "cluster and the Application's own namespace on the hub.",
    )
    overrides: tuple[Override, ...] = Field(
        default=(),
        max_length=50,
        description="What is otherwise on some clusters, in order.",
        json_schema_extra=ATOMIC_LIST,
    )
    sync_policy: SyncPolicy = Field(
        default_factory=SyncPolicy, description="When and how the Application is synced."
    )
    secrets: SecretHandling = Field(
        default_factory=SecretHandling, description="Who makes Secrets of what stands for them in Git."
    )
    deletion_policy: DeletionPolicy = Field(
        default=DeletionPolicy.DELETE,
        description="What becomes of its objects when it is deleted: Delete removes them, Orphan leaves them.",
    )

    @property
    def all_sources(self) -> tuple[Source, ...]:
        """Its sources, the only one or all, in order."""
        return (self.source,) if self.source is not None else self.sources or ()


class Application(Model):
    """One application, kept equal to Git on every cluster that it is placed on."""

    model_config = ConfigDict(title=APPLICATION)

    api_version: Literal["fleethub.dev/v1alpha1"] = API_VERSION
    kind: Literal["Application"] = APPLICATION
    metadata: ObjectMeta
    spec: ApplicationSpec = Field(description="What is wanted.")
    status: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> ApplicationKey:
        """Namespace and name."""
        return ApplicationKey(self.metadata.namespace, self.metadata.name)
