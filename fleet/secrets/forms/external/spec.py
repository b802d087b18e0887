"""An ExternalSecret as read. Contract: pure values; nothing here is secret but what a template may hold in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.secrets.stores.store import StoreRef

GROUP: Final = "external-secrets.io"
KIND: Final = "ExternalSecret"
VERSIONS: Final = ("v1", "v1beta1")


class Refresh(StrEnum):
    """When the values are read again."""

    PERIODIC = "Periodic"
    ON_CHANGE = "OnChange"
    CREATED_ONCE = "CreatedOnce"


class Deletion(StrEnum):
    """What becomes of the Secret when its values are gone from the store.

    Retain: an error, and the Secret stays as it is. Merge: the keys go. Delete: so does the Secret, with the last one.
    """

    RETAIN = "Retain"
    DELETE = "Delete"
    MERGE = "Merge"


class Decoding(StrEnum):
    """How a value is decoded; Auto takes what reads as base64 for base64."""

    NONE = "None"
    BASE64 = "Base64"
    BASE64_URL = "Base64URL"
    AUTO = "Auto"


@dataclass(frozen=True, slots=True)
class Remote:
    """What is asked of a store: ``key`` may hold facts. ``unicode`` is how keys are converted, ``whole`` refuses null bytes."""

    key: str
    property: str = ""
    version: int | None = None
    metadata: bool = False
    decoding: Decoding = Decoding.NONE
    unicode: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of ``data``, or of ``dataFrom`` where ``key`` is empty; ``where`` is the field of its remote."""

    where: str
    key: str
    store: StoreRef
    remote: Remote


@dataclass(frozen=True, slots=True)
class Template:
    """What is made of the values: ``literals`` give maps in YAML, ``texts`` a key each and count before them.

    With ``merge`` the values stay as keys beside what is made of them.
    """

    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    literals: tuple[str, ...] = field(default=(), repr=False)
    merge: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The Secret. ``orphan``: it stays when the ExternalSecret goes. ``metadata`` has labels and annotations."""

    orphan: bool = False
    deletion: Deletion = Deletion.RETAIN
    immutable: bool = False
    type: str = "Opaque"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class External:
    """An ExternalSecret; ``title`` is how errors name it, ``namespace`` the one on the cluster.

    ``items`` are in the order in which they are taken: the later counts where two give a key. ``interval`` is in
    seconds, and counts where ``refresh`` is Periodic.
    """

    title: str
    namespace: str
    items: tuple[Item, ...]
    target: Target
    refresh: Refresh = Refresh.PERIODIC
    interval: float = 3600.0
