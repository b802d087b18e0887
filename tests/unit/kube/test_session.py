"""TLS and pools as they are made; what they do on a wire is in tests/integration/test_kube_transport.py."""

from __future__ import annotations

import asyncio.sslproto
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bootstrap.local.authority import Authority
from fleet.errors import KubeconfigInvalid, NotPermitted
from fleet.kube import session, tls
from fleet.kube.connection import Connection

CANARY = "hunter2"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"), "test-ca")


@pytest.fixture
def connection(authority: Authority) -> Connection:
    pair = authority.client("client", "me")
    return Connection(
        "https://127.0.0.1:1",
        ca_data=authority.files.certificate.read_bytes(),
        client_cert=pair.certificate.read_bytes(),
        client_key=pair.key.read_bytes(),
    )


def test_only_the_given_ca_is_trusted(connection: Connection) -> None:
    context = tls.context(connection)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_without_a_ca_the_system_decides_and_verification_stays_on() -> None:
    assert tls.context(Connection("https://a")).verify_mode == ssl.CERT_REQUIRED


def test_verification_is_off_only_where_the_connection_says_so(connection: Connection) -> None:
    assert tls.context(replace(connection, verify=False)).verify_mode == ssl.CERT_NONE


def test_a_client_certificate_leaves_no_file(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    tls.context(connection)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    monkeypatch.setattr(sys, "platform", "darwin")
    tls.context(connection)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"ca_data": b"hunter2"},
        {"ca_data": b"\xff"},
        {"client_cert": b"hunter2"},
        {"client_key": None},
        {"client_key": b"hunter2"},
    ],
)
def test_pem_that_does_not_read_is_an_error_without_content(
    connection: Connection, broken: dict[str, bytes | None]
) -> None:
    with pytest.raises(KubeconfigInvalid) as caught:
        tls.context(replace(connection, **broken))  # type: ignore[arg-type]
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "proxy:3128", "http://", "http://[", "file:///x"])
def test_proxies_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(KubeconfigInvalid):
        session.proxy(url)


async def test_writes_have_a_bounded_pool_and_watches_an_unbounded_one(connection: Connection) -> None:
    sessions = session.open(connection)
    assert sessions.writes.connector is not None
    assert sessions.watches.connector is not None
    assert (sessions.writes.connector.limit, sessions.watches.connector.limit) == (16, 0)
    await sessions.close()


async def test_a_tls_connection_takes_16_kib_to_read(connection: Connection) -> None:
    await session.open(connection).close()
    assert asyncio.sslproto.SSLProtocol.max_size == 16 * 1024


def test_a_write_leaves_once_and_with_permission() -> None:
    attempt = session.Attempt(lambda: True, writes=True)
    attempt.leave()
    assert attempt.sent
    with pytest.raises(session.SentOnce):
        attempt.leave()
    refused = session.Attempt(lambda: False, writes=True)
    with pytest.raises(NotPermitted):
        refused.leave()
    assert not refused.sent


def test_a_read_may_leave_again() -> None:
    attempt = session.Attempt(None, writes=False)
    attempt.leave()
    attempt.leave()


@pytest.mark.parametrize("error", [aiohttp.ClientPayloadError(CANARY), TimeoutError(CANARY), OSError(CANARY)])
def test_a_library_s_words_are_not_passed_on(error: Exception) -> None:
    assert CANARY not in session.words(error)


@pytest.mark.parametrize("module", ["fleet.kube.client", "fleet.kube.watch", "fleet.kube.trusted"])
def test_importing_the_door_loads_neither_kopf_nor_the_official_client(module: str) -> None:
    heavy = ("kubernetes", "kopf", "git", "structlog")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
