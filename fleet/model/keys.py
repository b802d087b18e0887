"""Keys: what an object, an Application, a target and a commit are called. All are NamedTuples."""

from __future__ import annotations

from typing import NamedTuple


class ObjectRef(NamedTuple):
    """An object on one cluster, without version; ``group`` is empty for core, ``namespace`` for cluster scope."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


class GroupKind(NamedTuple):
    """A kind without version."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class ApplicationKey(NamedTuple):
    """An Application on the hub."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class TargetKey(NamedTuple):
    """One Application on one cluster: the unit of work of a cluster's worker."""

    application: ApplicationKey
    cluster: str

    def __str__(self) -> str:
        return f"{self.application}@{self.cluster}"


class Revision(NamedTuple):
    """A commit of a repository; ``ref`` is the full name it was resolved from, or empty for a bare commit."""

    repo: str
    commit: str
    ref: str = ""


class ChangeId(NamedTuple):
    """One arrival of new commits in a repository; ``serial`` counts up within this process."""

    repo: str
    serial: int


class Read(NamedTuple):
    """What a render looked up: ``oid`` is the blob's or tree's hash, or None where the path was absent."""

    repo: str
    path: str
    oid: str | None
