"""JSON schema becomes a structural one."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from fleet.api import structural
from fleet.api.duration import Duration
from fleet.api.shape import Model


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


class Inner(Model):
    """What it is."""

    colour: Colour = Field(default=Colour.RED, description="Its colour.")


class Outer(Model):
    """An example."""

    inner: Inner = Field(description="The field's own words.")
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = Field(default_factory=dict)
    only: Literal["x"] = "x"
    wait: Duration = Field(default=90.0, description="How long.")
    count: int = Field(default=3, ge=1, description="How many.")


SCHEMA = structural.schema(Outer)
PROPERTIES = SCHEMA["properties"]


def keys(node: Any) -> set[str]:
    if isinstance(node, dict):
        return set(node).union(*map(keys, node.values()))
    return set().union(*map(keys, node)) if isinstance(node, list) else set()


def test_references_titles_defaults_and_false_are_gone() -> None:
    assert not keys(SCHEMA) & {"$ref", "$defs", "title", "default", "const", "anyOf", "allOf"}
    assert SCHEMA.get("additionalProperties") is None


def test_the_fields_own_words_win_over_those_of_its_type() -> None:
    assert PROPERTIES["inner"]["description"] == "The field's own words."
    assert PROPERTIES["many"]["items"]["description"] == "What it is."


def test_maps_and_lists_hold_whole_schemas() -> None:
    assert PROPERTIES["many"]["items"]["properties"]["colour"]["enum"] == ["Red", "Blue"]
    assert PROPERTIES["named"]["additionalProperties"]["properties"].keys() == {"colour"}
    assert PROPERTIES["only"]["enum"] == ["x"]


def test_defaults_are_told_in_the_words_of_the_wire() -> None:
    assert PROPERTIES["wait"]["description"] == "How long (default 1m30s)."
    assert PROPERTIES["count"]["description"] == "How many (default 3)."
    assert PROPERTIES["inner"]["properties"]["colour"]["description"] == 'Its colour (default "Red").'
    assert structural.schema(Outer, defaults=False)["properties"]["count"]["description"] == "How many."


def test_whole_numbers_are_long() -> None:
    assert PROPERTIES["count"] == {
        "description": "How many (default 3).",
        "type": "integer",
        "format": "int64",
        "minimum": 1,
    }
