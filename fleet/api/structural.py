"""pydantic's JSON schema -> a structural schema, the subset that CustomResourceDefinitions accept.

References are inlined; titles go; a default becomes part of the description, since the models are the one
place where defaults are applied.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from fleet import duration

_DROPPED = frozenset({"title", "default", "$defs", "propertyNames"})
_FIRST = ("description", "type", "format")


def schema(model: type[BaseModel], *, defaults: bool = True) -> dict[str, Any]:
    """The structural schema of a model, keys in the order in which people read them.

    ``defaults`` False leaves them unsaid, as fits a status, where nobody applies them.
    """
    found = model.model_json_schema(by_alias=True, mode="validation")
    return _Reader(found.get("$defs", {}), defaults=defaults).node(found)


class _Reader:
    """Turns nodes of one schema."""

    def __init__(self, definitions: Mapping[str, Any], *, defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def node(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        whole = self._resolved(raw)
        found = {key: whole[key] for key in _FIRST if key in whole}
        for key, value in whole.items():
            if key in _DROPPED or key in found:
                continue
            if key == "const":
                found["enum"] = [value]
            elif key == "properties":
                found[key] = {name: self.node(each) for name, each in value.items()}
            elif key == "items":
                found[key] = self.node(value)
            elif key != "additionalProperties":
                found[key] = value
            elif isinstance(value, Mapping):  # false is what a structural schema means by itself
                found[key] = self.node(value)
        if found.get("type") == "integer":
            found["format"] = "int64"
        words = _default(whole)
        if words and self._defaults and "description" in found:
            found["description"] = f"{found['description'].removesuffix('.')} (default {words})."
        return found

    def _resolved(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """The node with what it refers to; words beside a reference win: they are the field's own."""
        while "$ref" in raw:
            target = self._definitions[raw["$ref"].rpartition("/")[2]]
            raw = {**target, **{key: value for key, value in raw.items() if key != "$ref"}}
        return raw


def _default(node: Mapping[str, Any]) -> str:
    value = node.get("default")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and node.get("type") == "string":
        return duration.write(value)
    if isinstance(value, int):
        return str(value)
    return f'"{value}"' if isinstance(value, str) and value else ""
