"""Facts of a cluster in the strings of an Application: one grammar, wherever they may stand.

Contract: pure. The grammar, where a space may stand between the parts:

    {{ cluster.NAME [| default "TEXT"] }}
    NAME = name | version | labels.KEY | annotations.KEY      KEY of letters, digits and . _ - /

Facts are filled into strings that are parsed already, so that no value becomes syntax; what was filled in is not
looked at again. Any other ``{{`` is somebody else's (Helm's) and stays. A fact that is not there, or empty, without
a default is an error that names it: nothing is ever left empty by mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleet.errors import FleetError

_OPENING: Final = re.compile(r"\{\{\s*cluster\.")
_WHOLE: Final = re.compile(
    r"""\{\{\s*cluster\.(?P<name>[A-Za-z0-9._/-]+)\s*(?:\|\s*default\s+(?P<default>"(?:[^"\\]|\\.)*")\s*)?\}\}"""
)
_SHOWN: Final = 60


class FactMissing(FleetError):
    """A fact that the cluster does not have, or that does not exist."""

    reason = "FactMissing"


@dataclass(frozen=True, slots=True)
class Facts:
    """What may be asked of a cluster. ``version`` is empty while the cluster was never reached."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def __hash__(self) -> int:
        """By name alone: mappings have no hash, and equal facts have equal names."""
        return hash(self.name)

    def get(self, name: str) -> str:
        """The value of ``labels.region``; empty where there is none. Raises FactMissing for no fact at all."""
        kind, dot, key = name.partition(".")
        if not dot and kind in ("name", "version"):
            return self.name if kind == "name" else self.version
        if dot and key and kind in ("labels", "annotations"):
            return (self.labels if kind == "labels" else self.annotations).get(key, "")
        raise FactMissing(
            f"there is no fact cluster.{name[:_SHOWN]}; there are cluster.name, cluster.version, "
            "cluster.labels.KEY and cluster.annotations.KEY"
        )


def mentions(value: Any) -> bool:
    """Whether a fact stands in any string of a value of JSON."""
    if isinstance(value, str):
        return _OPENING.search(value) is not None
    if isinstance(value, Mapping):
        return any(mentions(one) for one in value.values())
    return isinstance(value, (list, tuple)) and any(mentions(one) for one in value)


class Expansion:
    """Fills facts of one cluster into values; ``used`` has each fact that was asked for and what it came to."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.used: dict[str, str] = {}
        self.places: list[tuple[str, str, str]] = []  # where, which fact, what it came to

    def value(self, value: Any, where: str) -> Any:
        """The value with facts in the place of their names, keys as they are. Raises FactMissing, naming the place."""
        if isinstance(value, str):
            return self.text(value, where)
        if isinstance(value, Mapping):
            return {key: self.value(one, f"{where}.{key}") for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one, f"{where}[{number}]") for number, one in enumerate(value)]
        return value

    def text(self, text: str, where: str) -> str:
        """One string."""
        found, at = [], 0
        for opening in _OPENING.finditer(text):
            if opening.start() < at:
                continue
            whole = _WHOLE.match(text, opening.start())
            if whole is None:
                raise FactMissing(
                    f'{where}: after {{{{ cluster. stands a fact and at most | default "TEXT" before }}}}',
                    field=where,
                )
            found += [text[at : whole.start()], self._fact(whole["name"], whole["default"], where)]
            at = whole.end()
        return "".join([*found, text[at:]]) if found else text

    def _fact(self, name: str, default: str | None, where: str) -> str:
        try:
            value = self.facts.get(name)
        except FactMissing as error:
            raise FactMissing(f"{where}: {error.text}", field=where) from None
        if not value:
            if default is None:
                raise FactMissing(
                    f"{where}: cluster {self.facts.name} has no cluster.{name[:_SHOWN]}: set it, or write "
                    f'{{{{ cluster.{name[:_SHOWN]} | default "TEXT" }}}}',
                    field=where,
                )
            try:
                value = str(json.loads(default))
            except ValueError:
                raise FactMissing(
                    f"{where}: the default of cluster.{name[:_SHOWN]} is no string", field=where
                ) from None
        self.used[name] = value
        self.places.append((where, f"cluster.{name}", value))
        return value
