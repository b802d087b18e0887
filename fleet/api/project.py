"""``Project``: the walls around a team's Applications. What its rules mean stands in ``fleet.projects``."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from fleet.api.conditions import Conditions
from fleet.api.metadata import ObjectMeta
from fleet.api.selector import LabelSelector
from fleet.api.shape import ATOMIC_LIST, GIVEN, LABEL, Flag, Model, Number
from fleet.names import API_VERSION, PROJECT

_GLOB = r"^[-a-z0-9.*?]+$"

NameGlob = Annotated[str, StringConstraints(pattern=_GLOB, max_length=253)]
NamespaceGlob = Annotated[str, StringConstraints(pattern=_GLOB, max_length=63)]
RepositoryPrefix = Annotated[str, StringConstraints(pattern=r"^[^-\s]\S*$", min_length=1, max_length=2048)]
KindName = Annotated[
    str, StringConstraints(pattern=r"^(\*|[A-Z][A-Za-z0-9]*(\.[a-z0-9][-a-z0-9.]*)?)$", max_length=317)
]


class ProjectDestination(Model):
    """Clusters, and the namespaces on them."""

    clusters: tuple[NameGlob, ...] = Field(
        default=(),
        max_length=2000,
        description='Clusters by name; "*" stands for any characters. One that clusterSelector selects is meant too.',
        json_schema_extra=ATOMIC_LIST,
    )
    cluster_selector: Annotated[LabelSelector | None, GIVEN] = Field(
        default=None, description="Clusters by their labels, besides those by name; {} selects all."
    )
    namespaces: tuple[NamespaceGlob, ...] = Field(
        default=(),
        max_length=1000,
        description='Namespaces on these clusters; "*" stands for any characters.',
        json_schema_extra=ATOMIC_LIST,
    )


class ProjectSpec(Model):
    """What the Project's Applications may do: an empty list allows nothing, "*" everything."""

    source_namespaces: tuple[NamespaceGlob, ...] = Field(
        default=(),
        max_length=1000,
        description="Namespaces of the hub, besides its own, whose Applications may name the Project, and where a "
        "limited app of apps of the hub's own namespace may put children.",
        json_schema_extra=ATOMIC_LIST,
    )
    source_repos: tuple[RepositoryPrefix, ...] = Field(
        default=(),
        max_length=1000,
        description='Repositories that its Applications may read, by URL or prefix of whole segments; "*" is any.',
        json_schema_extra=ATOMIC_LIST,
    )
    destinations: tuple[ProjectDestination, ...] = Field(
        default=(),
        max_length=200,
        description="Where its Applications may go: a cluster gets the namespaces of all that mean it.",
        json_schema_extra=ATOMIC_LIST,
    )
    cluster_scoped_kinds: tuple[KindName, ...] = Field(
        default=(),
        max_length=1000,
        description="Kinds without namespace that its Applications may hold, as Kind (of any group) or Kind.group; "
        '"*" is any. The kinds of fleethub.dev count as such.',
        json_schema_extra=ATOMIC_LIST,
    )
    service_account: Annotated[
        Annotated[
            str, StringConstraints(pattern=rf"^{LABEL}(/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=317)
        ]
        | None,
        GIVEN,
    ] = Field(
        default=None,
        description="ServiceAccount of the member clusters as which the hub writes there: name, which is one of the "
        "member's namespace fleethub, or namespace/name. Absent: the hub writes as itself.",
    )
    hub: Flag = Field(default=False, description="Whether it may hold apps of apps.")


class ProjectStatus(Model):
    """How the Project stands; the hub alone writes it."""

    observed_generation: Annotated[Number, Field(ge=0)] = Field(
        default=0, description="The generation of the object that the status was made from."
    )
    conditions: Conditions = Field(default=(), description="Ready and what explains it.")


class Project(Model):
    """A team's walls: which repositories, clusters, namespaces and kinds its Applications may use."""

    model_config = ConfigDict(title=PROJECT)

    api_version: Literal["fleethub.dev/v1alpha1"] = API_VERSION
    kind: Literal["Project"] = PROJECT
    metadata: ObjectMeta
    spec: ProjectSpec = Field(
        default_factory=ProjectSpec,
        description='What its Applications may do: an empty list allows nothing, "*" everything.',
    )
    status: dict[str, Any] = Field(default_factory=dict)
