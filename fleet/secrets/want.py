"""What must be read before a Secret can be made. Contract: pure; the values hold nothing secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.errors import FleetError

if TYPE_CHECKING:
    from fleet.secrets.stores.store import KubernetesStore, VaultStore
    from fleet.secrets.vault.address import KvPath


@dataclass(frozen=True, slots=True)
class Want:
    """One thing to read; equal ones are read once.

    ``store`` has the facts of the cluster filled in; it is None for a placeholder, which names no server. ``path`` is
    a path of Vault, or the name of a Secret where the store is the hub's own API. ``version`` is that of KV v2, None
    for the newest. With ``metadata`` what is wanted is what Vault says of the path (custom metadata and times).
    """

    store: VaultStore | KubernetesStore | None
    path: KvPath | str
    version: int | None = None
    metadata: bool = False


class ValueMissing(FleetError):
    """A store has nothing at a path, or not the property or key that is asked for."""

    reason = "SecretValueMissing"
    transient = True
