"""Places that a repository is opened at."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from fleet.errors import RepositoryRefused, RepositoryUnreachable
from fleet.git import address

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answer every look-up of a host with these addresses: the tests' machine may have no DNS."""
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)

    def answer(*addresses: str) -> None:
        def look(host: str, port: int, **_: Any) -> list[Any]:
            if not addresses:
                raise socket.gaierror(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", look)

    return answer


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/acme/deploy.git",
        "ssh://git@git.example:2222/acme/deploy",
        "git@git.example:acme/deploy",
        "https://8.8.8.8/x",
    ],
)
def test_https_and_ssh_are_opened(url: str) -> None:
    address.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://git.example/x",
        "file:///srv/git",
        "ext::sh",
        "https://git.example",
        "https://localhost/x",
        "https://a.localhost/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[fe80::1]/x",
        "https://0.0.0.0/x",
        "https://user:hunter2@git.example/x",
    ],
)
def test_other_places_are_refused_without_asking_the_network(url: str) -> None:
    with pytest.raises(RepositoryRefused) as caught:
        address.check(url)
    assert "hunter2" not in str(caught.value)


def test_an_allowed_prefix_lifts_scheme_and_address_but_not_the_form() -> None:
    allow = ("http://127.0.0.1:8080/git",)
    address.check("http://127.0.0.1:8080/git/x", allow)
    assert address.place("http://127.0.0.1:8080/git/x", allow, named=False).addresses == ()
    for url in ("http://127.0.0.1:8080/gitx", "http://127.0.0.1:8081/git/x", "http://127.0.0.1:8080/git/$x"):
        with pytest.raises(RepositoryRefused):
            address.check(url, allow)


@pytest.mark.parametrize(
    "found",
    [
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "224.0.0.1",
        "0.0.0.0",  # noqa: S104 (refused)
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_a_name_for_a_special_address_is_refused_even_if_a_secret_names_it(
    dns: Callable[..., None], found: str
) -> None:
    dns("93.184.216.34", found)
    with pytest.raises(RepositoryRefused, match=r"git\.example is at"):
        address.place("https://git.example/x", (), named=True)


@pytest.mark.parametrize("found", ["10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "fd12::1"])
def test_a_private_address_needs_a_repository_secret(dns: Callable[..., None], found: str) -> None:
    dns(found)
    with pytest.raises(RepositoryRefused, match="private"):
        address.place("https://git.example/x", (), named=False)
    assert address.place("https://git.example/x", (), named=True).addresses == (found,)


def test_git_is_held_to_the_addresses_that_were_checked(dns: Callable[..., None]) -> None:
    dns("93.184.216.34", "93.184.216.34", "2606:2800:220::1")
    place = address.place("https://git.example/x", (), named=False)
    assert place.addresses == ("93.184.216.34", "2606:2800:220::1")


def test_an_unknown_host_is_no_refusal_for_ever(dns: Callable[..., None]) -> None:
    dns()
    with pytest.raises(RepositoryUnreachable, match="was not found"):
        address.place("https://git.example/x", (), named=False)


def test_behind_a_proxy_the_proxy_looks_names_up(
    dns: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dns()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert address.place("https://git.example/x", (), named=False).addresses == ()
    with pytest.raises(RepositoryRefused):
        address.place("https://127.0.0.1/x", (), named=False)
