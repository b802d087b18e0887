"""Words for errors without their content."""

from __future__ import annotations

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from fleet.errors import NotFound, PathNotFound
from fleet.redact import words


class _Model(BaseModel):
    port: int


def test_our_own_errors_speak_for_themselves() -> None:
    assert words(PathNotFound("apps/x is not in the commit")) == "apps/x is not in the commit"
    assert words(NotFound("the Secret is not there", status=404)) == "the Secret is not there"
    assert words("words") == "words"


def _errors() -> list[BaseException]:
    found: list[BaseException] = []
    for attempt in (
        lambda: yaml.safe_load("a: hunter2: [\n"),
        lambda: _Model.model_validate({"port": "hunter2"}),
        lambda: open("/hunter2"),  # noqa: PTH123, SIM115
        lambda: {}["hunter2"],
        lambda: int("hunter2"),
    ):
        with pytest.raises((yaml.YAMLError, ValidationError, OSError, KeyError, ValueError)) as error:
            attempt()  # type: ignore[no-untyped-call]
        found.append(error.value)
    return found


def test_no_other_error_tells_what_it_was_given() -> None:
    for error in _errors():
        assert "hunter2" in str(error) or "hunter2" in repr(error)
        assert "hunter2" not in words(error)
        assert type(error).__name__ in words(error)


def test_known_kinds_have_a_phrase() -> None:
    assert words(TimeoutError()).startswith("it took too long")
    assert words(ConnectionResetError("10.0.0.1")) == "the connection broke (ConnectionResetError)"
