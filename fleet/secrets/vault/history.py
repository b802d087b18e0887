"""What the metadata of KV v2 says of versions. Contract: pure; times are seconds since the epoch.

Format: ``GET <mount>/metadata/<path>``: ``current_version`` and ``versions``, by number, each with ``created_time``,
``deletion_time`` (RFC 3339, empty for none; it may lie in the future) and ``destroyed``. A path that is removed with its
metadata and written again counts from 1 again, and so does a server that was restored: numbers come twice, times do not.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """LIVE: it can be read. GONE: Vault says positively that the path or the version is not there."""

    LIVE = "live"
    DELETED = "deleted"
    DESTROYED = "destroyed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a path.

    ``until`` is when a live version will be deleted, if that is set, ``made`` when it was written, in Vault's words.
    ``number`` is 0 where there are no numbers to go by: ``blind`` says why, and ``content`` is a digest of the data, which is for comparing in memory alone: a short
    password is guessed from it.
    """

    number: int
    state: State
    until: float | None = None
    content: str = field(default="", repr=False)
    blind: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """One version in the metadata."""

    deleted: float | None
    destroyed: bool
    made: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one path; ``current`` is 0 where there is none."""

    current: int
    versions: Mapping[int, Kept]

    def version(self, number: int | None, now: float) -> Version:
        """The version of that number, or the newest; the newest counts even if it is deleted and an older one lives."""
        wanted = self.current if number is None else number
        kept = self.versions.get(wanted)
        if kept is None:
            return Version(wanted, State.GONE)
        if kept.destroyed:
            return Version(wanted, State.DESTROYED)
        if kept.deleted is not None and kept.deleted <= now:
            return Version(wanted, State.DELETED)
        return Version(wanted, State.LIVE, until=kept.deleted, made=kept.made)


def read(data: Mapping[str, Any]) -> History:
    """The history that metadata tells. Raises `ValueError` where it is none of KV v2."""
    try:
        versions = {
            int(number): Kept(
                moment(kept["deletion_time"]), kept["destroyed"] is True, str(kept.get("created_time") or "")
            )
            for number, kept in (data["versions"] or {}).items()
        }
        return History(int(data["current_version"]), versions)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("no metadata of KV version 2") from None


def moment(text: str) -> float | None:
    """A time of Vault's; None for the empty one. Raises `ValueError`."""
    if not text:
        return None
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found.timestamp()
