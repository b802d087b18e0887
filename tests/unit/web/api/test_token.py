"""The bearer token."""

from __future__ import annotations

import pytest

from fleet.web.api.token import accepts, of_header


def test_only_the_token_itself_is_accepted() -> None:
    assert accepts(lambda: b"s3cret", "s3cret")
    assert not accepts(lambda: b"s3cret", "s3cre")
    assert not accepts(lambda: b"s3cret", "s3crét\udcff")


@pytest.mark.parametrize("token", [None, b""])
def test_without_a_token_nothing_is_accepted(token: bytes | None) -> None:
    for given in ("", "\0", "x"):
        assert not accepts(lambda: token, given)


def test_the_scheme_is_read_in_any_case() -> None:
    assert of_header("bearer  abc ") == "abc"
    assert of_header("Basic abc") == of_header("") == ""
