"""``Project``: the walls around a team's Applications. What its rules mean stands in ``fleet.projects``."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from fleet.api.cluster import SecretReference
from fleet.api.conditions import Conditions
from fleet.api.metadata import ObjectMeta
from fleet.api.rules import Rule, Ruled
from fleet.api.selector import LabelSelector
from fleet.api.shape import ATOMIC_LIST, GIVEN, LABEL, Flag, Model, Name, Number
from fleet.names import API_VERSION, PROJECT

_GLOB = r"^[-a-z0-9.*?]+$"

NameGlob = Annotated[str, StringConstraints(pattern=_GLOB, max_length=253)]
NamespaceGlob = Annotated[str, StringConstraints(pattern=_GLOB, max_length=63)]
RepositoryPrefix = Annotated[str, StringConstraints(pattern=r"^[^-\s]\S*$", min_length=1, max_length=2048)]
VaultMount = Annotated[str, StringConstraints(pattern=r"^[^?#%\\]+$", max_length=512)]
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


class VaultMethod(StrEnum):
    """How the hub logs in to Vault."""

    JWT = "JWT"
    KUBERNETES = "Kubernetes"
    APPROLE = "AppRole"


class VaultAuth(Ruled, Model):
    """How the hub logs in for the Project."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(self.method == 'AppRole') == has(self.secretRef)",
            "secretRef must be given for AppRole, and for AppRole alone",
            lambda self: (self.method is VaultMethod.APPROLE) == (self.secret_ref is not None),
        ),
    )

    method: VaultMethod = Field(
        default=VaultMethod.JWT,
        description="JWT and Kubernetes sign in with a token of the Project's ServiceAccount, AppRole with a secret id.",
    )
    mount: Annotated[VaultMount | None, GIVEN] = Field(
        default=None, description="Where the auth method is mounted. Absent: jwt, kubernetes or approle."
    )
    role: Annotated[str, StringConstraints(pattern=r"^[^?#%\\]+$", max_length=512)] = Field(
        description="The role; for AppRole the role id. Facts of the cluster may stand in it."
    )
    audience: Annotated[str, StringConstraints(pattern=r"^\S*$", max_length=512)] = Field(
        default="vault", description="Whom the token of the ServiceAccount is for."
    )
    secret_ref: Annotated[SecretReference | None, GIVEN] = Field(
        default=None,
        description="The Secret of the hub's namespace that holds the AppRole's secret id under secret-id; labelled "
        "fleethub.dev/secret-type: approle.",
    )


class VaultAllowance(Model):
    """What the Project's Applications may have read of one Vault."""

    server: Annotated[
        str,
        StringConstraints(
            pattern=r"^(https://[^/?#@\s]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)$",
            max_length=2048,
        ),
    ] = Field(description="URL of the server, https (http on the loopback alone), as the hub sees it.")
    namespace: Annotated[str, StringConstraints(pattern=r"^[^?#%\\]*$", max_length=512)] = Field(
        default="",
        description="Namespace of Vault; empty for the root. Facts of the cluster may stand in it.",
    )
    auth: VaultAuth = Field(description="How the hub logs in for the Project.")
    paths: tuple[Annotated[str, StringConstraints(pattern=r"^[^?#%\\]+$", max_length=1024)], ...] = Field(
        default=(),
        max_length=1000,
        description='Paths as MOUNT/PATH, without data/; "*" stands for any characters.',
        json_schema_extra=ATOMIC_LIST,
    )
    cluster_selector: Annotated[LabelSelector | None, GIVEN] = Field(
        default=None, description="For which clusters, by their labels. Absent: all."
    )
    ca_data: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$", min_length=4, max_length=262_144)]
        | None,
        GIVEN,
    ] = Field(
        default=None,
        description="Certificates that vouch for the server: PEM in base64. Absent: those that the hub's machine "
        "trusts.",
    )


class ProjectVault(Model):
    """What the Project's Applications may have read of Vault, and as whom."""

    service_account_name: Annotated[Name | None, GIVEN] = Field(
        default=None,
        description="ServiceAccount of the hub's namespace whose tokens log in for the Project. Absent: "
        "fleethub-project-NAME.",
    )
    allow: tuple[VaultAllowance, ...] = Field(
        default=(),
        max_length=100,
        description="What may be read; an empty list allows nothing.",
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
    vault: Annotated[ProjectVault | None, GIVEN] = Field(
        default=None,
        description="What its Applications may have read of Vault, and as whom; absent, nothing.",
    )


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
