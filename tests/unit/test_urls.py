"""Repository URLs: forms, spellings of one repository, prefixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet import urls


def test_the_parts_of_an_https_url() -> None:
    assert urls.parse("HTTPS://Git.Example:8443/Acme/deploy.git") == urls.Url(
        "https", "", "git.example", 8443, ("Acme", "deploy.git")
    )


def test_scp_form_is_ssh() -> None:
    assert urls.parse("git@git.example:acme/deploy.git") == urls.Url(
        "ssh", "git", "git.example", None, ("acme", "deploy.git")
    )
    assert urls.parse("git@[2001:db8::1]:acme/deploy").host == "2001:db8::1"


def test_the_schemes_own_port_is_no_part() -> None:
    assert urls.parse("ssh://git@git.example:22/a/b").port is None
    assert urls.parse("https://git.example:443/a/b").number == 443


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/acme/deploy",
        "https://git.example/acme/deploy.git",
        "https://git.example/acme/deploy/",
        "https://GIT.example:443/acme/deploy.git",
        "http://git.example/acme/deploy",
        "ssh://git@git.example/acme/deploy.git",
        "ssh://git.example:22/acme/deploy",
        "git@git.example:acme/deploy.git",
        "git@git.example:/acme/deploy",
    ],
)
def test_one_repository_has_one_key_under_all_its_spellings(url: str) -> None:
    assert urls.canonical(url) == "git.example/acme/deploy"


def test_another_port_or_path_is_another_repository() -> None:
    keys = {
        urls.canonical(url)
        for url in (
            "https://git.example/acme/deploy",
            "https://git.example:8443/acme/deploy",
            "https://git.example/acme/deploy2",
            "https://git.example/Acme/deploy",
            "https://git.example/deploy",
        )
    }
    assert len(keys) == 5


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c x",
        "fd::17/foo",
        "file:///etc",
        "/etc/passwd",
        "./repo",
        "git://git.example/a",
        "ftp://git.example/a",
        "https://user@git.example/a",
        "https://user:hunter2@git.example/a",
        "ssh://git:hunter2@git.example/a",
        "ssh://-oProxyCommand=x/a",
        "ssh://git@-x/a",
        "-x@git.example:a",
        "git@git.example:-a",
        "https://git.example/a\nb",
        "https://git.example/a b",
        "https://git.example/$HOME",
        "https://git.example/`id`",
        "https://git.example/a;b",
        "https://git.example/a?b=c",
        "https://git.example/a#b",
        "https://git.example/a%0ab",
        "https://git.example/a%2fb",
        "https://git.example/%2e%2e/b",
        "https://git.example/a%5cb",
        "https://git.example/a%252fb",
        "https://git.example/a%zz",
        "https://git.example/a/../b",
        "https://git.example/./b",
        "https://git.example\\@evil.example/a",
        "https://git.example:0/a",
        "https://git.example:99999/a",
        "https://git.example:8x/a",
        "https://git.exämple/a",
        "https://git.example./a",
        "https:///a",
        "https://git..example/a",
        "https://[::1/a",
        "https://git.example/" + "a" * 3000,
    ],
)
def test_what_is_no_plain_repository_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        urls.parse(url)
    assert "hunter2" not in str(caught.value)


def test_a_prefix_covers_by_whole_segments_of_the_same_host() -> None:
    prefix = "https://git.example/acme"
    assert urls.covers(prefix, "https://git.example/acme/deploy.git")
    assert urls.covers(prefix + "/", "https://GIT.example:443/acme/a/b")
    assert urls.covers("https://git.example", "https://git.example/anything")
    for other in (
        "https://git.example/acme-evil/deploy",
        "https://git.example/Acme/deploy",
        "https://git.example.evil.dev/acme/deploy",
        "https://evil.git.example/acme/deploy",
        "https://git.example:8443/acme/deploy",
        "http://git.example/acme/deploy",
        "ssh://git@git.example/acme/deploy",
        "https://git.example",
        "https://git.example@evil.dev/acme/deploy",
        "nonsense",
    ):
        assert not urls.covers(prefix, other), other


def test_a_whole_repository_is_covered_with_or_without_its_suffix() -> None:
    assert urls.covers("https://git.example/acme/deploy", "https://git.example/acme/deploy.git")
    assert urls.covers("https://git.example/acme/deploy.git", "https://git.example/acme/deploy")
    assert not urls.covers("https://git.example/acme.git", "https://git.example/acme/deploy")


def test_a_user_in_the_prefix_must_be_the_urls() -> None:
    assert urls.covers("git@git.example:acme", "ssh://git@git.example/acme/deploy")
    assert urls.covers("ssh://git.example/acme", "git@git.example:acme/deploy")
    assert not urls.covers("ssh://root@git.example/acme", "git@git.example:acme/deploy")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://h/{text}", f"git@h:{text}"):
        try:
            parts = urls.parse(url)
        except ValueError:
            assert not urls.covers("https://h", url)
            continue
        assert parts.host
        assert ".." not in parts.segments
        assert urls.canonical(url) == urls.canonical(url.rstrip("/"))
