"""What is on a cluster: served kinds, metadata, what is remembered of a member, drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fleet.model.enums import Cause, Health
from fleet.model.keys import GroupKind, ObjectRef


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


@dataclass(frozen=True, slots=True)
class Foreign:
    """Fields that somebody who works by hand added to an object of ours (H25): no drift, but worth knowing.

    ``more`` counts those beyond ``fields``; ``why`` is the reason for which ``automated.strict`` leaves them.
    """

    ref: ObjectRef
    manager: str
    at: str = ""
    fields: tuple[str, ...] = ()
    more: int = 0
    why: str = ""
