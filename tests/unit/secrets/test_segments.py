"""What may be sent to Vault as a path, and what never is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.secrets import segments
from fleet.secrets.segments import PathRefused

PLAIN = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789._-+=@ äß", min_size=1).filter(
    lambda text: text.strip() == text and text not in (".", "..")
)
DOTS = st.sampled_from(
    [
        ".",
        "..",
        "%2e%2e",
        "%2E%2E",
        "%2e.",
        "%252e%252e",
        "..%2f",
        "..\\",
        "..;/..",
        "\uff0e\uff0e",
        "\u2024\u2024",
        "\u2025",
    ]
)


@given(st.lists(PLAIN, min_size=1, max_size=5).map("/".join))
def test_a_plain_path_goes_through_unchanged(text: str) -> None:
    assert segments.path(text, "f") == text


@given(st.lists(PLAIN, max_size=3), DOTS, st.lists(PLAIN, max_size=3))
def test_no_form_of_climbing_goes_through(before: list[str], dots: str, after: list[str]) -> None:
    with pytest.raises(PathRefused):
        segments.path("/".join([*before, dots, *after]), "f")


@pytest.mark.parametrize(
    "text",
    [
        "", "/a", "a/", "a//b", "a/./b", "a/ /b", "a /b", "a/\tb", "a?b", "a#b", "a%b", "a\\b", "a\0b", "a\nb", "a\x7fb",
        "a\u200bb", "a\u202eb", "a\u2028b", "a\u2215b/\uff0fb", "a\ud800b", "a" * 1025,
    ],
)  # fmt: skip
def test_what_a_client_or_server_could_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(PathRefused):
        segments.path(text, "f")


@given(st.text(alphabet="ab1.-_/%?#\\\x00é"))
def test_what_goes_through_is_what_a_url_says(text: str) -> None:
    try:
        segments.path(text, "f")
    except PathRefused:
        return
    assert not re.search(r"[%?#\\\x00-\x1f\x7f]", text)
    assert all(segment.strip(".") or len(segment) > 2 for segment in text.split("/"))
    assert all(text.split("/"))


@given(st.text(min_size=4))
def test_an_error_names_the_field_and_not_the_path(text: str) -> None:
    secret = f"cn4ry{text}%"
    with pytest.raises(PathRefused) as refused:
        segments.path(secret, "spec.x")
    assert "cn4ry" not in str(refused.value)
    assert refused.value.field == "spec.x"


def test_a_name_is_a_single_segment() -> None:
    assert segments.name("app", "f") == "app"
    with pytest.raises(PathRefused):
        segments.name("a/b", "f")


def test_the_slash_after_a_namespace_goes() -> None:
    assert segments.namespace("team/a/", "f") == "team/a"
    assert segments.namespace("", "f") == ""
    with pytest.raises(PathRefused):
        segments.namespace("team//", "f")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("https://Vault.example.com:8200/", "https://vault.example.com:8200"),
        ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
        ("https://[::1]:8200", "https://[::1]:8200"),
    ],
)
def test_a_server_is_scheme_host_and_port(text: str, server: str) -> None:
    assert segments.server(text, "f") == server


@pytest.mark.parametrize(
    "text",
    [
        "", "vault", "ftp://v", "https://u:p@v", "https://v/path", "https://v?x", "https://v#x", "https://v:1:2",
        "https://v\n", "https:// v", "https://a@b", "https://v:", "https://", "unix:///x",
    ],
)  # fmt: skip
def test_a_server_is_nothing_more(text: str) -> None:
    with pytest.raises(PathRefused):
        segments.server(text, "f")
