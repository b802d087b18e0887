"""Reading an object's JSON, whose types nobody vouches for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleet.model import Health

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Assessment:
    """A health and why, in our own words; ``message`` is empty for what is healthy."""

    health: Health
    message: str = ""


HEALTHY = Assessment(Health.HEALTHY)


def progressing(message: str) -> Assessment:
    """Under way."""
    return Assessment(Health.PROGRESSING, message)


def degraded(message: str) -> Assessment:
    """Not well, and not about to be."""
    return Assessment(Health.DEGRADED, message)


def suspended(message: str) -> Assessment:
    """Stopped by somebody's will."""
    return Assessment(Health.SUSPENDED, message)


def verdict(*findings: tuple[bool, Assessment]) -> Assessment:
    """The first finding that holds; Healthy where none does."""
    return next((assessment for holds, assessment in findings if holds), HEALTHY)


def table(value: Any, *path: str) -> Object:
    """The map at a path; empty where there is none."""
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def number(found: Object, name: str, default: int = 0) -> int:
    """A whole number; ``default`` where there is none."""
    value = found.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def word(found: Object, name: str) -> str:
    """A string; empty where there is none."""
    value = found.get(name)
    return value if isinstance(value, str) else ""


def items(found: Object, name: str) -> tuple[Object, ...]:
    """The maps of a list."""
    value = found.get(name)
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()


def condition(found: Object, kind: str) -> Object:
    """A condition of ``status.conditions`` by its type; empty where there is none."""
    for one in items(table(found, "status"), "conditions"):
        if one.get("type") == kind:
            return one
    return {}


def stands(found: Object, kind: str) -> bool:
    """Whether a condition is True."""
    return condition(found, kind).get("status") == "True"


def observed(found: Object) -> bool:
    """Whether the controller has seen this generation; one that never says is taken at its word."""
    return "observedGeneration" not in table(found, "status") or seen(found)


def seen(found: Object) -> bool:
    """Whether the controller says that it has seen this generation."""
    generation = number(table(found, "metadata"), "generation")
    return number(table(found, "status"), "observedGeneration", -1) >= generation
