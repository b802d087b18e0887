"""What all models share."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from fleet.api import structural
from fleet.api.shape import GIVEN, Flag, FreeForm, Model, Name, Number


class Sample(Model):
    name_of_it: Annotated[Name | None, GIVEN] = None
    values_object: FreeForm = Field(default_factory=dict)
    on: Flag = False
    count: Number = 0


def test_an_explicit_null_in_a_free_form_field_survives() -> None:
    values = {"image": {"tag": None}, "list": [None, {"x": None}]}
    assert Sample.model_validate({"valuesObject": values}).values_object == values


def test_a_free_form_field_is_one_to_the_api_server() -> None:
    assert structural.schema(Sample)["properties"]["valuesObject"] == {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }


def test_absent_is_not_null() -> None:
    assert Sample.model_validate({}).name_of_it is None
    with pytest.raises(ValidationError):
        Sample.model_validate({"nameOfIt": None})


@pytest.mark.parametrize("body", [{"on": "true"}, {"on": 1}, {"count": "1"}, {"count": 1.5}, {"count": True}])
def test_types_are_not_converted(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate(body)


def test_the_python_name_is_no_name_on_the_wire() -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"name_of_it": "a"})
