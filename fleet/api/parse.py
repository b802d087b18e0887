"""An object's body -> the frozen model of its kind, or the path of its first fault in our own words."""

from collections.abc import Mapping
from typing import Any, Final, Literal, overload

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fleet.api.application import Application
from fleet.api.cluster import Cluster
from fleet.api.metadata import KNOWN
from fleet.api.project import Project
from fleet.api.rules import RULE
from fleet.api.selector import LabelSelector
from fleet.errors import InvalidObject

MODELS: Final[Mapping[str, type[Application | Cluster | Project]]] = {
    "Application": Application,
    "Cluster": Cluster,
    "Project": Project,
}

_KEY_MAX = 80
# pydantic's messages may quote the input; these say the same without it.
_WORDS: Final = {
    "extra_forbidden": "unknown field",
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "tuple_type": "must be a list",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} items",
    "string_pattern_mismatch": "must match {pattern}",
    RULE: "{words}",
}


@overload
def parse(kind: Literal["Application"], body: Mapping[str, Any]) -> Application: ...
@overload
def parse(kind: Literal["Cluster"], body: Mapping[str, Any]) -> Cluster: ...
@overload
def parse(kind: Literal["Project"], body: Mapping[str, Any]) -> Project: ...
@overload
def parse(kind: str, body: Mapping[str, Any]) -> Application | Cluster | Project: ...


def parse(kind: str, body: Mapping[str, Any]) -> Application | Cluster | Project:
    """The object as a value. Raises InvalidObject, whose ``field`` is the path of the first fault.

    An unknown field is a fault, in ``metadata`` too for an object that no API server has seen yet: a live one
    may come from a server that knows more there than we do. Texts never quote a value.
    """
    model = MODELS.get(kind)
    if model is None:
        raise InvalidObject("kind: is not one of the hub's kinds", field="kind")
    try:
        found = model.model_validate(dict(body))
    except ValidationError as error:
        raise _first(error) from None
    if not found.metadata.uid:
        _check_metadata(body["metadata"])
    return found


def selector(body: object) -> LabelSelector:
    """A label selector. Raises InvalidObject."""
    if not isinstance(body, Mapping):
        raise InvalidObject("must be a label selector", field="")
    try:
        return LabelSelector.model_validate(dict(body))
    except ValidationError as error:
        raise _first(error) from None


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    for key in metadata:
        if key not in KNOWN:
            field = _path(("metadata", key))
            raise InvalidObject(f"{field}: unknown field", field=field)


def _first(error: ValidationError) -> InvalidObject:
    faults = error.errors(include_url=False, include_input=False)
    fault = min(faults, key=_rank)
    field = _path(fault["loc"])
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    return InvalidObject(f"{field}: {_words(fault)}{more}", field=field)


def _rank(fault: ErrorDetails) -> int:
    """An object of another kind first; then unknown fields: a misspelt one is why another is missing."""
    if fault["loc"] in (("apiVersion",), ("kind",)):
        return 0
    return 1 if fault["type"] == "extra_forbidden" else 2


def _words(fault: ErrorDetails) -> str:
    return _WORDS.get(fault["type"], "is not valid").format_map(fault.get("ctx", {}))


def _path(location: tuple[int | str, ...]) -> str:
    """``spec.placement.clusters[0]``; a key that is no plain word stands in brackets."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            continue
        word = "".join(each if each.isprintable() else "?" for each in part[:_KEY_MAX])
        plain = word.replace("-", "").replace("_", "").isalnum()
        path += (f".{word}" if path else word) if plain else f"[{word}]"
    return path
