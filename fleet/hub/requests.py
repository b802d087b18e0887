"""What people ask of the hub by annotations on an Application. Pure.

The form of ``fleethub.dev/sync`` is ``COMMIT[,prune][;by=NAME][;at=TIME]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fleet import names
from fleet.errors import InvalidObject

COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Asked:
    """A sync that somebody asked for; ``request`` is the annotation as it stands."""

    request: str
    commit: str
    prune: bool = False
    by: str = ""
    at: str = ""


def asked(annotations: Mapping[str, str]) -> Asked | None:
    """The sync asked for, if any. Raises InvalidObject where the annotation has another form."""
    text = annotations.get(names.SYNC, "").strip()
    if not text:
        return None
    field = f"metadata.annotations.{names.SYNC}"
    if len(text) > LONGEST or not text.isprintable():
        raise InvalidObject(f"{field}: too long, or not printable", field=field)
    head, *rest = text.split(";")
    commit, *flags = head.split(",")
    if not COMMIT.fullmatch(commit.lower()):
        raise InvalidObject(f"{field}: must begin with a whole commit hash", field=field)
    if any(flag != "prune" for flag in flags):
        raise InvalidObject(f"{field}: after the commit only ,prune may stand", field=field)
    said: dict[str, str] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if not equals or name not in ("by", "at"):
            raise InvalidObject(f"{field}: only ;by=NAME and ;at=TIME may follow", field=field)
        said[name] = value
    return Asked(text, commit.lower(), bool(flags), said.get("by", ""), said.get("at", ""))


def abandoned(annotations: Mapping[str, str]) -> frozenset[str]:
    """Clusters that the Application is to let go of without an answer."""
    text = annotations.get(names.ABANDON, "")
    return frozenset(name.strip() for name in text.split(",") if name.strip())
