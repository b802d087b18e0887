"""Field paths between the server's two spellings and people's: fieldsV1 steps, and `spec.ports[0].name`.

Contract: `readable` never shows a value of the object: items of sets, whose step is their value, become
`[*]`; keys of list items are names by which Kubernetes itself finds them, and are shown. `pattern` reads the
`field` of an API server's error cause (`apimachinery/pkg/util/validation/field`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from fleet.ownership.entries import Path

# Stands in a pattern for an item of a list, which an error names by its place and managedFields by its keys.
ITEM = "[]"

_MAX_STEP = 80
_PLAIN = re.compile(r"[A-Za-z0-9_$-]+")
_TOKEN = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


def readable(path: Path) -> str:
    """A path as people write it: `spec.template.spec.containers[name=web].image`."""
    text = ""
    for step in path:
        kind, _, name = step.partition(":")
        if kind != "f":
            text += _item(kind, name)
        elif _PLAIN.fullmatch(name):
            text += f".{name[:_MAX_STEP]}"
        else:
            text += f"[{name[:_MAX_STEP]}]"
    return text.removeprefix(".")


def _item(kind: str, name: str) -> str:
    if kind == "i":
        return f"[{name}]"
    keys = _keys(name) if kind == "k" else {}
    shown = ",".join(f"{key}={value}" for key, value in keys.items() if isinstance(value, str | int))
    return f"[{shown[:_MAX_STEP]}]" if shown else "[*]"


def _keys(name: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(name, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


def pattern(field: str) -> Path:
    """The steps of an error's field, `ITEM` for each index: `spec.ports[1]` -> (f:spec, f:ports, [])."""
    steps = []
    for inside, name in _TOKEN.findall(field):
        if name:
            steps.append(f"f:{name}")
        else:
            steps.append(ITEM if inside.isdigit() else f"f:{inside}")
    return tuple(steps)


def is_item(step: str) -> bool:
    """Whether the step leads to an item of a list or set."""
    return step[:2] in ("k:", "v:", "i:")
