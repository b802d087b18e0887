"""What verbs of ``app`` and ``cluster`` print of a status. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

SHORT: Final = 7
_STANDING: Final = ("Ready", "Reconciling", "Stalled", "Reachable")
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def status(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an object's status, empty where it has none."""
    found = body.get("status")
    return found if isinstance(found, Mapping) else {}


def observed(body: Mapping[str, Any]) -> bool:
    """Whether the status was made from the object's present generation."""
    return bool(status(body).get("observedGeneration", 0) == body["metadata"].get("generation"))


def short(commit: str) -> str:
    """Give a commit's first characters."""
    return commit[:SHORT]


def age(time: str, now: datetime | None = None) -> str:
    """Say how long ago an RFC 3339 time was, as kubectl does; empty for none."""
    if not time:
        return ""
    try:
        then = datetime.fromisoformat(time)
    except ValueError:
        return time
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    left = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for seconds, unit in _UNITS:
        if left >= seconds:
            return f"{left // seconds}{unit}"
    return "0s"


def source(spec: Mapping[str, Any]) -> str:
    """Give repository, path and revision on one line."""
    found = spec.get("source") or {}
    path, revision = found.get("path", "."), found.get("targetRevision", "HEAD")
    return f"{found.get('repoURL', '')} {path} at {revision}"


def matters(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what is the matter: the conditions that are there only while they are true, with their words."""
    for condition in status(body).get("conditions") or []:
        if condition.get("type") not in _STANDING and condition.get("status") == "True":
            yield str(condition.get("type")), str(condition.get("message", ""))


def told(body: Mapping[str, Any]) -> str:
    """Say on one line how an Application stands."""
    held = status(body)
    sync, health = held.get("sync", "Unknown"), held.get("health", "Unknown")
    return f"{sync} {health} {held.get('clusters', '0/0')} {short(held.get('revision', ''))}".rstrip()


def added(one: Mapping[str, Any], name: str) -> str:
    """Give what somebody added by hand to an object: where, by whom, when, and why it stays."""
    fields = ", ".join(one["fields"]) + (f" and {one['more']} more" if one.get("more") else "")
    by = " ".join(part for part in (one["manager"], one.get("at", "")) if part)
    stays = f" ({one['stays']})" if one.get("stays") else ""
    return f"{name} by {by}: {fields}{stays}"
