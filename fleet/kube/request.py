"""One request and its answer: what every wrapper of the door sees. Values only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from fleet.model import Lane, ObjectRef

JSON: Final = "application/json"
APPLY: Final = "application/apply-patch+yaml"
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"

# Metadata alone: cheaper for every kind, and no Secret's data comes back (H20).
METADATA_ACCEPT: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST_ACCEPT: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

DRY_RUN: Final = ("dryRun", "All")
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask of an API server.

    ``verb`` is the HTTP method, ``path`` is percent-encoded (``paths`` makes it), ``query`` is not.
    ``timeout`` counts from the moment that the request has its slot, in seconds; for a stream it is the time
    until the answer begins. ``ref`` names the object in errors. ``apart``: it waits for no slot, as a sign of life that
    is asked for because others do not come back.
    """

    verb: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    timeout: float = 30.0
    lane: Lane = Lane.URGENT
    ref: ObjectRef | None = None
    apart: bool = False

    @property
    def writes(self) -> bool:
        """Whether it may change something; a dry run does not."""
        return self.verb not in _READS and DRY_RUN not in self.query


@dataclass(frozen=True, slots=True)
class Answer:
    """A status below 300 and the body."""

    status: int
    body: bytes


Send = Callable[[Request], Awaitable[Answer]]
