"""Places that a repository is opened at."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fleet import outward
from fleet.errors import RepositoryRefused, RepositoryUnreachable
from fleet.git import address
from fleet.outward import Outward, Proxy, Way

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answer every look-up of a host with these addresses: the tests' machine may have no DNS."""

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
        "https://0.1.2.3/x",
        "https://255.255.255.255/x",
        "https://[64:ff9b::127.0.0.1]/x",
        "https://[64:ff9b::a9fe:a9fe]/x",
        "https://[2002:a9fe:a9fe::1]/x",
        "https://[::127.0.0.1]/x",
        "https://[::ffff:0:127.0.0.1]/x",
        "https://[fd00:ec2::254]/x",
        # What resolvers read as 127.0.0.1 or 169.254.169.254.
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0x7f.1/x",
        "https://127.1/x",
        "https://0177.0.0.1/x",
        "https://0251.0376.0251.0376/x",
        "https://2852039166/x",
        "https://127.0.0.1.1/x",
        "ssh://git@2130706433/x",
        "git@127.1:x",
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
        "169.254.170.2",
        "::1",
        "::",
        "fe80::1",
        "fe80::a9fe:a9fe%eth0",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
        "255.255.255.255",
        "0.0.0.0",  # noqa: S104 (refused)
        "0.1.2.3",
        "::ffff:169.254.169.254",
        "::ffff:0:7f00:1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo for 127.0.0.1
    ],
)
def test_a_name_for_a_special_address_is_refused_even_if_a_secret_names_it(
    dns: Callable[..., None], found: str
) -> None:
    dns("93.184.216.34", found)
    with pytest.raises(RepositoryRefused, match=r"git\.example is at"):
        address.place("https://git.example/x", (), named=True)


@pytest.mark.parametrize(
    "found",
    [
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "fd12::1",
        "fc00::1",
        "fec0::1",
        "2001:db8::1",
        "::ffff:10.1.2.3",
        "64:ff9b::a01:203",
        "2002:a01:203::1",
    ],
)
def test_a_private_address_needs_a_repository_secret(dns: Callable[..., None], found: str) -> None:
    dns(found)
    with pytest.raises(RepositoryRefused, match="private"):
        address.place("https://git.example/x", (), named=False)
    assert address.place("https://git.example/x", (), named=True).addresses == (found,)


@pytest.mark.parametrize(
    "found",
    [
        "93.184.216.34",
        "172.15.0.1",
        "172.32.0.1",
        "100.63.0.1",
        "100.128.0.1",
        "11.0.0.1",
        "169.253.0.1",
        "2606:2800:220::1",
        "64:ff9b::5db8:d822",
        "2002:5db8:d822::1",
        "::ffff:93.184.216.34",
    ],
)
def test_public_addresses_are_opened_for_anybody(dns: Callable[..., None], found: str) -> None:
    dns(found)
    assert address.place("https://git.example/x", (), named=False).addresses == (found,)


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.1.2.3", "fe80::1"])
@pytest.mark.parametrize("first", [True, False])
def test_one_bad_address_among_several_refuses_the_host(
    dns: Callable[..., None], bad: str, *, first: bool
) -> None:
    found = ["93.184.216.34", "2606:2800:220::1"]
    dns(*([bad, *found] if first else [*found, bad]))
    with pytest.raises(RepositoryRefused):
        address.place("https://git.example/x", (), named=False)


def test_a_name_that_changes_between_two_look_ups_is_looked_up_once_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def look(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, host, (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    assert address.place("https://git.example/x", (), named=False).addresses == ("93.184.216.34",)
    with pytest.raises(RepositoryRefused):
        address.place("https://git.example/x", (), named=False)


def test_git_is_held_to_the_addresses_that_were_checked(dns: Callable[..., None]) -> None:
    dns("93.184.216.34", "93.184.216.34", "2606:2800:220::1")
    place = address.place("https://git.example/x", (), named=False)
    assert place.addresses == ("93.184.216.34", "2606:2800:220::1")


def test_an_unknown_host_is_no_refusal_for_ever(dns: Callable[..., None]) -> None:
    dns()
    with pytest.raises(RepositoryUnreachable, match="was not found"):
        address.place("https://git.example/x", (), named=False)


PROXY = Proxy("http", "proxy.example", 3128)
BEHIND = Outward(https=PROXY, exempt=("near.example",))


def test_behind_a_proxy_the_proxy_is_given_the_name(dns: Callable[..., None]) -> None:
    dns()
    place = address.place("https://git.example/x", (), named=False, out=BEHIND)
    assert (place.addresses, place.proxy) == ((), PROXY)
    dns("93.184.216.34")
    assert address.place("https://git.example/x", (), named=False, out=BEHIND) == place


@pytest.mark.parametrize("found", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "fd12::1"])
def test_behind_a_proxy_what_the_hub_finds_for_a_name_is_judged_all_the_same(
    dns: Callable[..., None], found: str
) -> None:
    dns(found)
    with pytest.raises(RepositoryRefused):
        address.place("https://git.example/x", (), named=False, out=BEHIND)


def test_behind_a_proxy_addresses_are_judged_as_they_are_written() -> None:
    for url in ("https://127.0.0.1/x", "https://2130706433/x", "https://10.1.2.3/x", "https://localhost/x"):
        with pytest.raises(RepositoryRefused):
            address.place(url, (), named=False, out=BEHIND)
    assert address.place("https://10.1.2.3/x", (), named=True, out=BEHIND).proxy == PROXY


def test_behind_a_proxy_a_resolver_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = threading.Event()
    monkeypatch.setattr(address, "_MOMENT", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [silent.wait(20)][:0])
    assert address.place("https://git.example/x", (), named=False, out=BEHIND).proxy == PROXY
    silent.set()


def test_an_exempt_host_is_reached_straight_at_the_addresses_that_were_checked(
    dns: Callable[..., None],
) -> None:
    dns("93.184.216.34")
    place = address.place("https://git.near.example/x", (), named=False, out=BEHIND)
    assert (place.addresses, place.proxy) == (("93.184.216.34",), None)


def test_ssh_is_reached_straight_whatever_proxy_there_is(dns: Callable[..., None]) -> None:
    dns("93.184.216.34")
    place = address.place("git@git.example:x", (), named=False, out=BEHIND)
    assert (place.addresses, place.proxy, place.bundle) == (("93.184.216.34",), None, b"")


def test_a_repositorys_own_proxy_wins_over_the_hubs(dns: Callable[..., None]) -> None:
    dns("93.184.216.34")
    own = Proxy("http", "own.example", 8080)
    found = address.place("https://git.example/x", (), named=True, out=BEHIND, way=Way(proxy=own))
    assert found.proxy == own
    exempt = Way(proxy=own, exempt=("git.example",))
    assert address.place("https://git.example/x", (), named=True, out=BEHIND, way=exempt).proxy is None


def test_an_allowed_prefix_goes_through_the_proxy_too() -> None:
    allow = ("https://git.example/",)
    assert address.place("https://git.example/x", allow, named=False, out=BEHIND).proxy == PROXY
    assert address.place("https://git.example/x", allow, named=False, out=outward.DIRECT).proxy is None
