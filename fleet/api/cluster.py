"""``Cluster``: a member of the fleet, declared in Git or made by the hub from a labelled Secret."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from fleet.api.conditions import Conditions
from fleet.api.metadata import ObjectMeta
from fleet.api.rules import Rule, Ruled
from fleet.api.shape import ATOMIC_LIST, GIVEN, NAME_MAX, Flag, Model, Name, Namespace, Number, Server
from fleet.names import API_VERSION, CLUSTER

# A Secret NAME-token must be nameable.
CLUSTER_NAME_MAX = NAME_MAX - len("-token")


class SecretReference(Model):
    """A Secret in the Cluster's namespace."""

    name: Name = Field(description="Name of the Secret, in the Cluster's namespace.")


class Credential(Model):
    """What the hub signs in with."""

    secret_ref: SecretReference = Field(
        description="The Secret that holds it, labelled fleethub.dev/secret-type: cluster-credential."
    )


class ClusterSecrets(Model):
    """What the cluster's own controllers make Secrets of, whatever an Application says."""

    sealed: Annotated[Literal["PassThrough"] | None, GIVEN] = Field(
        default=None,
        description="SealedSecrets: PassThrough leaves all of them to the cluster's own controller.",
    )
    external: Annotated[Literal["PassThrough"] | None, GIVEN] = Field(
        default=None,
        description="ExternalSecrets: PassThrough leaves all of them to the cluster's own operator.",
    )


class ClusterSpec(Ruled, Model):
    """How the hub reaches the cluster."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.server) || has(self.credential)",
            "server must be given where no credential tells it",
            lambda self: self.server is not None or self.credential is not None,
        ),
    )

    server: Annotated[Server | None, GIVEN] = Field(
        default=None,
        description="https URL of the API server as the hub sees it. Absent: as the credential's kubeconfig says.",
    )
    ca_data: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$", min_length=4, max_length=262_144)]
        | None,
        GIVEN,
    ] = Field(
        default=None,
        description="Certificates that vouch for the server: PEM in base64, as in a kubeconfig. Absent: the "
        "credential's, else those that the hub's machine trusts.",
    )
    tls_server_name: Annotated[Name | None, GIVEN] = Field(
        default=None, description="Name that the server's certificate is checked against, if not the URL's."
    )
    proxy_url: Annotated[
        Annotated[str, StringConstraints(pattern=r"^https?://[^/?#@\s]+/?$", max_length=2048)] | None, GIVEN
    ] = Field(
        default=None,
        alias="proxyURL",
        description="http or https URL of a proxy on the way to the server, as the hub sees it.",
    )
    credential: Annotated[Credential | None, GIVEN] = Field(
        default=None,
        description="What the hub signs in with. Absent: what the hub itself keeps in the Secret NAME-token.",
    )
    namespaces: Annotated[
        Annotated[tuple[Namespace, ...], Field(min_length=1, max_length=100)] | None, GIVEN
    ] = Field(
        default=None,
        description="The only namespaces of the cluster that the hub reads and writes, beside its own, fleethub; objects "
        "without a namespace are none of its business then. Absent: the whole cluster.",
        json_schema_extra=ATOMIC_LIST,
    )
    paused: Flag = Field(default=False, description="Whether the hub leaves the cluster alone.")
    secrets: Annotated[ClusterSecrets | None, GIVEN] = Field(
        default=None,
        description="What the cluster's own controllers make Secrets of, whatever an Application says.",
    )


class ClusterStatus(Model):
    """How the cluster stands; the hub alone writes it."""

    observed_generation: Annotated[Number, Field(ge=0)] = Field(
        default=0, description="The generation of the object that the status was made from."
    )
    identity: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="", description="Which cluster it is: the UID of its namespace kube-system."
    )
    other_identity: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="",
        description="UID of kube-system of the cluster that the connection reaches instead, where nothing is written.",
    )
    version: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="", description="Version of its API server."
    )
    server: Annotated[str, StringConstraints(max_length=2048)] = Field(
        default="", description="URL of its API server, as the registration in use says."
    )
    registration: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="", description="resourceVersion of the Secret that the connection in use was made from."
    )
    taken_over: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="",
        description="The annotation fleethub.dev/take-over that has been acted on; it does not count again.",
    )
    credential_expires: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="", description="When what the hub signs in with ends, where that is known."
    )
    credential_lifetime: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="",
        description="For how long the cluster granted the token in use; it is renewed after a third of that.",
    )
    rotated: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="",
        description="The annotation fleethub.dev/rotate that the token in use answers.",
    )
    revoked: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="",
        description="The annotation fleethub.dev/revoke that has been acted on; it does not count again.",
    )
    revoked_registration: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="", description="resourceVersion of the Secret whose credential was revoked."
    )
    conditions: Conditions = Field(
        default=(), description="Ready, Reachable, Reconciling, Stalled and what explains them."
    )


class Cluster(Ruled, Model):
    """A member cluster. Its labels and annotations are the facts that placements select by."""

    model_config = ConfigDict(title=CLUSTER)

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.metadata.name.size() <= {CLUSTER_NAME_MAX}",
            f"the name must have at most {CLUSTER_NAME_MAX} characters, since a Secret NAME-token goes with it",
            lambda self: len(self.metadata.name) <= CLUSTER_NAME_MAX,
        ),
    )

    api_version: Literal["fleethub.dev/v1alpha1"] = API_VERSION
    kind: Literal["Cluster"] = CLUSTER
    metadata: ObjectMeta
    spec: ClusterSpec = Field(description="How the hub reaches the cluster.")
    status: dict[str, Any] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """The word that placements, conditions and the Secret NAME-token use."""
        return self.metadata.name
