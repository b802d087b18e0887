"""What a SecretStore says. Contract: pure values that hold nothing secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.secrets.vault.address import Method

if TYPE_CHECKING:
    from fleet.secrets.stores.conditions import Condition

GROUP: Final = "external-secrets.io"
VERSIONS: Final = ("v1", "v1beta1")
STORE: Final = "SecretStore"
CLUSTER_STORE: Final = "ClusterSecretStore"


class StoreRef(NamedTuple):
    """What an ExternalSecret calls its store: ``SecretStore`` or ``ClusterSecretStore``, and the name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class VaultStore:
    """A KV engine of Vault or OpenBao. As declared, strings may hold facts of the cluster; in a Want they do not.

    ``mount`` is the engine's, empty where each key begins with it; ``engine`` is 1 or 2. ``auth_mount`` and ``role``
    are those of the login (AppRole: the role id), ``auth_namespace`` is where it is made, empty for ``namespace``.
    ``secret`` names the Secret of an AppRole's secret id, ``ca`` holds certificates in PEM.
    """

    server: str
    namespace: str
    mount: str
    engine: int
    method: Method
    auth_mount: str
    role: str
    auth_namespace: str = ""
    ca: str = field(default="", repr=False)
    secret: str = ""


@dataclass(frozen=True, slots=True)
class KubernetesStore:
    """Secrets of one namespace of the hub: that of the Application."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A store as declared; without ``conditions`` it serves every namespace."""

    ref: StoreRef
    provider: VaultStore | KubernetesStore
    conditions: tuple[Condition, ...] = ()
