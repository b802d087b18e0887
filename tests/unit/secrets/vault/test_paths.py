"""No path goes out that a client or a server could read as another one."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fleet.secrets.vault import paths
from fleet.secrets.vault.address import KvPath, Login, Method
from fleet.secrets.vault.failure import VaultAddressRefused, VaultPathRefused

LOGIN = Login("https://vault.example.com:8200", "", Method.JWT, "jwt", "payments")
SEGMENTS = st.sampled_from(
    [
        "a",
        "team-b",
        ".",
        "..",
        "...",
        "",
        "%2e%2e",
        "%2F",
        "a b",
        "..;",
        "é",
        "\uff0e\uff0e",
        "\\",
        "?",
        "#",
        "\n",
    ]
)


@given(st.one_of(st.text(max_size=30), st.lists(SEGMENTS, max_size=6).map("/".join)))
def test_what_is_let_through_is_sent_as_it_is_written(path: str) -> None:
    if paths.fault(path):
        return
    url = f"https://vault.example.com/v1/secret/data/{quote(path)}"
    sent = requests.Request("GET", url).prepare().path_url
    assert unquote(sent) == f"/v1/secret/data/{path}"
    assert unquote(unquote(sent)) == unquote(sent), "decoding it once more changes nothing"
    assert all(part not in ("", ".", "..") for part in path.split("/"))


@given(
    st.lists(st.from_regex(re.compile(r"[A-Za-z0-9_=@:,+-]{1,8}"), fullmatch=True), min_size=1, max_size=6)
)
def test_plain_names_are_let_through(segments: list[str]) -> None:
    paths.check(LOGIN, KvPath("secret", "/".join(segments)))


@pytest.mark.parametrize("place", ["mount", "path", "namespace", "auth"])
@pytest.mark.parametrize(
    "text", ["..", "a/../b", "/a", "a/", "a//b", "a%2e", "a\x00b", "a\u202eb", "a\\b", "a?b", "a#b"]
)
def test_each_part_of_an_address_is_looked_at(place: str, text: str) -> None:
    login, path = LOGIN, KvPath("secret", "app/db")
    if place == "mount":
        path = KvPath(text, "app/db")
    elif place == "path":
        path = KvPath("secret", text)
    elif place == "namespace":
        login = Login(LOGIN.server, text, Method.JWT, "jwt", "payments")
    else:
        login = Login(LOGIN.server, "", Method.JWT, text, "payments")
    with pytest.raises(VaultPathRefused) as caught:
        paths.check(login, path)
    assert caught.value.text.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://vault.example.com:8200",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "https://user:password@vault.example.com",
        "https://vault.example.com/v1",
        "https://vault.example.com?x",
        "https://vault.example.com#x",
        "https://vault.example.com\\@other.example.com",
        "https://vault.example.com:99999",
        "https://",
        "file:///etc/passwd",
        "vault.example.com",
        "",
    ],
)
def test_an_address_is_https_and_nothing_more(url: str) -> None:
    with pytest.raises(VaultAddressRefused) as caught:
        paths.server(url)
    assert "password" not in caught.value.text


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200", "https://vault.example.com/"],
)
def test_http_is_for_this_machine(url: str) -> None:
    paths.server(url)
