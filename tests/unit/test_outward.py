"""The way out: what the environment says, which places are exempt, whose CAs count."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.local.authority import Authority
from fleet import outward
from fleet.outward import Outward, Proxy, Way

PROXY = Proxy("http", "proxy.example", 3128)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Authority(tmp_path_factory.mktemp("ca"), "test-ca").files.certificate


def test_the_environments_proxies_are_read_in_either_case() -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        assert outward.of({name: "http://proxy.example:3128"}).https == PROXY
    assert outward.of({"HTTPS_PROXY": "proxy.example:3128"}).https == PROXY
    assert outward.of({"HTTP_PROXY": "http://proxy.example:3128"}).http == PROXY
    assert outward.of({}) == outward.DIRECT
    assert outward.of({"HTTPS_PROXY": "", "NO_PROXY": ""}) == outward.DIRECT


def test_a_port_that_is_not_written_is_the_schemes() -> None:
    assert outward.parse("http://proxy.example").port == 80
    assert outward.parse("https://proxy.example").port == 443


@pytest.mark.parametrize(
    "url",
    [
        "socks5://u:hunter2@proxy:1080",
        "http://",
        "http://u:hunter2@",
        "http://u:hunter2@[::1",
        "http://u:hunter2@proxy:99999",
        "http://u:hunter2@proxy:0",
        "http://u:hunter2@proxy/path",
        "http://u:hunter2@proxy?x",
        "http://u:hunter2@pro xy",
        "http://u:hunter2%0a@proxy",
        "http://:hunter2@proxy",
        "http://u:hunter2@-proxy",
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_content(url: str) -> None:
    with pytest.raises(ValueError, match=r"^HTTPS_PROXY: ") as caught:
        outward.of({"HTTPS_PROXY": url})
    assert "hunter2" not in str(caught.value)


def test_a_proxys_password_is_in_no_representation() -> None:
    proxy = outward.parse("http://us%40er:hun%3Ater2@proxy.example:3128")
    assert (proxy.user, proxy.password) == ("us@er", "hun:ter2")
    shown = f"{proxy} {proxy!r} {proxy.named} {Way(proxy=proxy)!r} {Outward(https=proxy)!r}"
    assert "ter2" not in shown
    assert outward.parse(proxy.url) == proxy


@pytest.mark.parametrize(
    ("exempt", "host", "port", "expected"),
    [
        ("*", "git.example", 443, True),
        ("git.example", "git.example", 443, True),
        ("GIT.example", "git.Example", 443, True),
        ("example", "git.example", 443, True),
        ("git.example", "agit.example", 443, False),
        (".example", "git.example", 443, True),
        (".git.example", "git.example", 443, False),
        ("*.example", "git.example", 443, True),
        ("git.example:443", "git.example", 443, True),
        ("git.example:8443", "git.example", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "git.example", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:80", "10.1.2.3", 443, False),
        ("2001:db8::/32", "2001:db8::1", 443, True),
        ("2001:db8::1", "2001:db8:0::1", 443, True),
        ("[2001:db8::1]:443", "2001:db8::1", 443, True),
        ("nonsense/99", "10.1.2.3", 443, False),
        ("a.example, ,b.example", "b.example", 443, True),
        ("", "git.example", 443, False),
    ],
)
def test_exempt_places_are_those_of_go(exempt: str, host: str, port: int, *, expected: bool) -> None:
    assert outward.exempted(outward.listed(exempt), host, port) is expected


def test_the_hubs_proxy_is_that_of_the_scheme_and_never_for_this_machine() -> None:
    out = Outward(https=PROXY, exempt=("near.example",))
    assert out.proxy("https", "git.example", 443) == PROXY
    for scheme, host in (
        ("http", "git.example"),
        ("https", "near.example"),
        ("https", "localhost"),
        ("https", "127.0.0.1"),
        ("https", "::1"),
    ):
        assert out.proxy(scheme, host, 443) is None


def test_the_objects_own_word_wins() -> None:
    own = Proxy("http", "own.example", 8080)
    out = Outward(https=PROXY, exempt=("git.example",))
    assert out.proxy("https", "git.example", 443, Way(proxy=own)) == own
    assert out.proxy("https", "127.0.0.1", 443, Way(proxy=own)) == own
    assert out.proxy("https", "other.example", 443, Way(exempt=("other.example",))) is None


def test_the_api_server_of_a_pods_own_cluster_needs_no_mention() -> None:
    out = outward.of({"HTTPS_PROXY": str(PROXY), "KUBERNETES_SERVICE_HOST": "10.96.0.1"})
    assert out.proxy("https", "10.96.0.1", 443) is None
    assert out.proxy("https", "10.96.0.2", 443) == PROXY


def test_the_hubs_cas_are_added_to_the_systems(ca: Path) -> None:
    out = outward.of({}, str(ca))
    known = len(outward.DIRECT.context().get_ca_certs())
    assert len(out.context().get_ca_certs()) == known + 1
    assert out.bundle().count(b"BEGIN CERTIFICATE") >= 1
    assert ca.read_bytes().strip() in out.bundle()
    assert outward.DIRECT.bundle() == b""


def test_an_objects_own_cas_are_the_only_ones(ca: Path) -> None:
    out = Outward(roots=Authority(ca.parent / "other", "other").files.certificate.read_bytes())
    way = Way(ca=ca.read_bytes())
    assert len(out.context(way).get_ca_certs()) == 1
    assert out.bundle(way) == ca.read_bytes()


@pytest.mark.parametrize(
    "content", [None, b"", b"hunter2", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=str(path)) as caught:
        outward.of({}, str(path))
    assert "hunter2" not in str(caught.value)
