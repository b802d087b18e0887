"""The hub's own objects in memory: Applications, Clusters, Projects.

Contract: one owner. ``saw`` and ``gone`` may be told anything any number of times; only what is new by
resourceVersion changes memory and wakes subscribers, and what the hub itself wrote wakes nobody. An object that
does not validate is kept as its error beside the last version that did, so that the last good state stays.
``complete`` is the barrier of H16: before it, nothing may be concluded from an object's absence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import orjson

from fleet import names
from fleet.api.application import Application, DeletionPolicy
from fleet.api.cluster import Cluster
from fleet.api.parse import parse
from fleet.api.project import Project
from fleet.errors import InvalidObject
from fleet.model import ApplicationKey
from fleet.ownership import membership

M = TypeVar("M", Application, Cluster, Project)
Subscriber = Callable[[str, ApplicationKey], None]


@dataclass(frozen=True, slots=True)
class Known(Generic[M]):
    """An object as last seen: ``model`` is its last valid version, ``error`` why the newest is none.

    ``deletion_policy`` is what the newest version says of it, valid or not; None where that is no text.
    """

    model: M | None
    error: InvalidObject | None
    version: str
    uid: str
    generation: int
    deleting: bool
    metadata: Mapping[str, Any]
    status: Mapping[str, Any]
    held: bool = False  # our own field entry owns its ApplySet label: an app of apps made it
    deletion_policy: str | None = None

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations of the newest version, valid or not."""
        return self.metadata.get("annotations") or {}

    @property
    def finalizers(self) -> tuple[str, ...]:
        """Finalizers of the newest version."""
        return tuple(self.metadata.get("finalizers") or ())


def newer(left: str, right: str) -> bool:
    """Whether resourceVersion ``left`` is strictly newer than ``right``; unlike forms count as newer."""
    if left.isdigit() and right.isdigit():
        return int(left) > int(right)
    return left != right


class World:
    """See the module. Keys are (namespace, name) for every kind.

    ``stands`` says of an Application as it was just seen whether finalizer and names are as the hub wrote them.
    """

    def __init__(self) -> None:
        self.applications: dict[ApplicationKey, Known[Application]] = {}
        self.clusters: dict[ApplicationKey, Known[Cluster]] = {}
        self.projects: dict[ApplicationKey, Known[Project]] = {}
        self._subscribers: list[Subscriber] = []
        self._complete: set[str] = set()
        self.read_status: Callable[[str, ApplicationKey, Mapping[str, Any]], None] = lambda *_: None
        self.completed: Callable[[], None] = lambda: None
        self.stands: Callable[[ApplicationKey], bool] = lambda _: True
        self._gone: dict[tuple[str, ApplicationKey], str] = {}

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have ``subscriber(kind, key)`` called after each change; it must not await."""
        self._subscribers.append(subscriber)

    @property
    def complete(self) -> bool:
        """Whether every kind has been listed whole once."""
        return len(self._complete) == len(names.HUB_KINDS)

    def listed(self, kind: str) -> None:
        """A kind has been listed whole; ``completed`` is called in the same breath in which all are."""
        before = self.complete
        self._complete.add(kind)
        if self.complete and not before:
            self.completed()

    def saw(self, kind: str, body: Mapping[str, Any]) -> None:
        """An object as it is, or was: older news is ignored."""
        metadata = body["metadata"]
        key = ApplicationKey(metadata.get("namespace", ""), metadata["name"])
        kept = self._kept(kind)
        before = kept.get(key)
        version = metadata.get("resourceVersion", "")
        if before is not None and before.uid == metadata.get("uid") and not newer(version, before.version):
            return
        if self._gone.get((kind, key)) == metadata.get("uid"):
            return
        self.read_status(kind, key, body.get("status") or {})
        alike = before is not None and not _differs(before, metadata)
        if before is not None and alike:
            # A status, or names and finalizer of the hub's: nobody has to parse it again.
            kept[key] = replace(
                before,
                version=version,
                metadata=_kept_metadata(metadata),
                status=body.get("status") or {},
                held=_held(metadata),
            )
        else:
            same = before is not None and before.uid == metadata.get("uid")
            kept[key] = _read(kind, body, before if same else None)
        # Asked of each version, the first too: whoever wrote the names has to know how they stood.
        stands = kind != names.APPLICATION or self.stands(key)
        if not alike or not stands:
            self._tell(kind, key)

    def gone(self, kind: str, key: ApplicationKey, uid: str = "") -> None:
        """An object is deleted; ``uid`` guards against old news of a predecessor."""
        kept = self._kept(kind)
        before = kept.get(key)
        if before is None or (uid and before.uid != uid):
            return
        del kept[key]
        self._gone = (
            {(kind, key): before.uid} if len(self._gone) > GONE else {**self._gone, (kind, key): before.uid}
        )
        self._tell(kind, key)

    def versions(self, kind: str) -> dict[ApplicationKey, tuple[str, str]]:
        """UID and resourceVersion of all objects of a kind."""
        return {key: (known.uid, known.version) for key, known in self._kept(kind).items()}

    def _kept(self, kind: str) -> dict[ApplicationKey, Any]:
        kept: dict[str, dict[ApplicationKey, Any]] = {
            names.APPLICATION: self.applications,
            names.CLUSTER: self.clusters,
            names.PROJECT: self.projects,
        }
        return kept[kind]

    def _tell(self, kind: str, key: ApplicationKey) -> None:
        for subscriber in self._subscribers:
            subscriber(kind, key)


GONE = 10_000  # deletions remembered against events that come after them


def _read(kind: str, body: Mapping[str, Any], before: Known[Any] | None) -> Known[Any]:
    metadata = _kept_metadata(body["metadata"])
    model, error = None, None
    try:
        model = parse(kind, {key: value for key, value in body.items() if key != "status"})
    except InvalidObject as problem:
        error = problem
        model = before.model if before is not None else None
    return Known(
        model,
        error,
        metadata.get("resourceVersion", ""),
        metadata.get("uid", ""),
        int(metadata.get("generation") or 0),
        metadata.get("deletionTimestamp") is not None,
        metadata,
        body.get("status") or {},
        _held(body["metadata"]),
        _deletion_policy(body.get("spec")),
    )


def _deletion_policy(spec: object) -> str | None:
    word = spec.get("deletionPolicy", DeletionPolicy.DELETE.value) if isinstance(spec, Mapping) else None
    return word if isinstance(word, str) else None


def _held(metadata: Mapping[str, Any]) -> bool:
    if names.APPLYSET_PART_OF not in (metadata.get("labels") or {}):
        return False
    # Entries of others, and one that takes our name by hand, may nest deeper than is written.
    entries = [
        each for each in metadata.get("managedFields") or () if each.get("manager") == names.FIELD_MANAGER
    ]
    try:
        return membership.owns_label(orjson.dumps(entries))
    except orjson.JSONEncodeError:
        return False


def _kept_metadata(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in metadata.items() if key != "managedFields"}


def _differs(before: Known[Any], metadata: Mapping[str, Any]) -> bool:
    """Whether anything changed besides the status and what the hub alone is to write there."""
    was = before.metadata
    return (
        any(
            was.get(name) != metadata.get(name)
            for name in ("uid", "generation", "deletionTimestamp", "labels")
        )
        or _others(was.get("annotations")) != _others(metadata.get("annotations"))
        or not set(was.get("finalizers") or ()) ^ set(metadata.get("finalizers") or ()) <= {names.FINALIZER}
    )


def _others(annotations: Mapping[str, str] | None) -> Mapping[str, str]:
    return {
        key: value for key, value in (annotations or {}).items() if key not in (names.PLACED, names.LEAVING)
    }
