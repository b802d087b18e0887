"""A body of JSON, read field by field, where what is not understood is told.

Contract: pure. A field is known, or it is named with why the hub does not do it, or it is no field at all: nothing is
left out silently. Errors name the object and the field, never what the field holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fleet.secrets.refused import SecretRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fleet.model import ObjectRef

PASS: Final = "let the cluster's own operator do it with secrets: {external: PassThrough}"  # noqa: S105 (no password)
_SHOWN: Final = 60
_UNSET: Final[tuple[Any, ...]] = (None, "", False, [])


@dataclass(frozen=True, slots=True)
class Node:
    """One map of a body: the object that it is of and its title in errors, where it stands, and what it holds."""

    ref: ObjectRef
    title: str
    where: str = ""
    held: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def at(self, name: str) -> str:
        """The path of a field."""
        shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
        return f"{self.where}.{shown}" if self.where else shown

    def refused(self, name: str, text: str) -> SecretRefused:
        """An error about one field; an empty name means the map itself."""
        where = self.at(name) if name else self.where
        return SecretRefused(f"{self.title}: {where} {text}", ref=self.ref, field=where)

    def unsupported(self, name: str, text: str) -> SecretRefused:
        """An error about a field that the operator knows and the hub does not do."""
        return self.refused(name, f"{text}: {PASS}")

    def has(self, name: str) -> bool:
        """Whether the field is given and says something."""
        value = self.held.get(name)
        return not any(value is one or (value == one and type(value) is type(one)) for one in _UNSET)

    def only(self, known: Collection[str], unsupported: Mapping[str, str] | None = None) -> None:
        """Raise SecretRefused where another field than these is given; ``unsupported`` says of some why."""
        for name in sorted(self.held):
            if name in known or not self.has(name):
                continue
            why = (unsupported or {}).get(name)
            raise self.unsupported(name, why or "is no field that the hub knows")

    def below(self, name: str) -> Node:
        """The map of a field; an empty one where it is not given."""
        value = self.held.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.refused(name, "must be a map")
        return Node(self.ref, self.title, self.at(name), value)

    def items(self, name: str) -> tuple[Node, ...]:
        """The maps of a list."""
        value = self._list(name)
        if not all(isinstance(one, dict) for one in value):
            raise self.refused(name, "must be a list of maps")
        return tuple(
            Node(self.ref, self.title, f"{self.at(name)}[{number}]", one) for number, one in enumerate(value)
        )

    def words(self, name: str) -> tuple[str, ...]:
        """The texts of a list."""
        value = self._list(name)
        if not all(isinstance(one, str) for one in value):
            raise self.refused(name, "must be a list of texts")
        return tuple(value)

    def text(self, name: str, default: str = "") -> str:
        """A text; the default where it is not given."""
        value = self.held.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.refused(name, "must be a text")
        return value

    def needed(self, name: str) -> str:
        """A text that must be there."""
        value = self.text(name)
        if not value:
            raise self.refused(name, "is required")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """A map of texts."""
        found = self.below(name)
        return {key: found.text(key) for key in found.held}

    def flag(self, name: str) -> bool:
        """A truth value; false where it is not given."""
        value = self.held.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.refused(name, "must be true or false")
        return value

    def choice(self, name: str, words: Collection[str], default: str) -> str:
        """One of some words; the default where it is not given."""
        value = self.text(name) or default
        if value not in words:
            raise self.refused(name, f"must be {' or '.join(words)}")
        return value

    def _list(self, name: str) -> list[Any]:
        value = self.held.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.refused(name, "must be a list")
        return value


def called(ref: ObjectRef) -> str:
    """How errors name an object: kind, namespace and name."""
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"
