"""The door against servers that fail in transport: hang, cut, refuse TLS, sit behind a proxy.

No API server can be made to do this on command, so a small TLS server of the test plays it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from bootstrap.local.authority import Authority
from fleet.clock import Clock
from fleet.errors import FleetError, Forbidden, NotPermitted, Unanswered, Unreachable
from fleet.kube import session
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Answer, Request
from fleet.model import Lane

Play = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CANARY = "hunter2"


async def ok(writer: asyncio.StreamWriter, body: bytes = b"{}", status: str = "200 OK") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


class Server:
    """Answers each request with ``play``; notes what it was asked."""

    def __init__(self, authority: Authority) -> None:
        self.play: Play | None = None
        self.heads: list[str] = []
        self.names: list[str] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = authority.server("server")
        self.context.load_cert_chain(pair.certificate, pair.key)
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name or "")
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    (ln[16:] for ln in head.split("\r\n") if ln.lower().startswith("content-length")), "0"
                )
                await reader.readexactly(int(length))
                self.heads.append(head)
                if self.play is None:
                    await ok(writer)
                else:
                    await self.play(head.split(" ")[0], reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"), "test-ca")


@pytest.fixture
async def server(authority: Authority) -> AsyncIterator[Server]:
    server = Server(authority)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def connection(authority: Authority, server: Server) -> Connection:
    ca = authority.files.certificate.read_bytes()
    return Connection(f"https://127.0.0.1:{server.port}", ca_data=ca, token=CANARY)


class Doors:
    """Makes Clients and closes them."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.clock = Clock()
        self.told: list[tuple[str, int]] = []
        self.made: list[Client] = []
        self.permitted = True

    def open(self, connection: Connection) -> Client:
        client = Client(
            connection,
            cluster="a",
            budget=self.budget,
            permit=lambda: self.permitted,
            observe=lambda verb, status, _seconds: self.told.append((verb, status)),
            clock=self.clock,
        )
        self.made.append(client)
        return client


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    doors = Doors()
    yield doors
    for client in doors.made:
        await client.close()
    assert doors.budget.inflight == 0


async def hang(_verb: str, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def cut(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def cut_in_the_body(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()


async def hang_in_the_body(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.Event().wait()


async def test_a_request_carries_path_query_and_headers(
    server: Server, connection: Connection, doors: Doors
) -> None:
    client = doors.open(replace(connection, server=connection.server + "/k8s/c-1"))
    request = Request(
        "PATCH", "/api/a%20b", query=(("fieldManager", "x y"),), body=b"{}", content_type="text/x"
    )
    assert await client.send(request) == Answer(200, b"{}")
    (head,) = server.heads
    assert head.startswith("PATCH /k8s/c-1/api/a%20b?fieldManager=x%20y HTTP/1.1\r\n")
    assert f"Authorization: Bearer {CANARY}\r\n" in head
    assert "Content-Type: text/x\r\n" in head
    assert doors.told == [("PATCH", 200)]


@pytest.mark.parametrize("play", [hang, cut, cut_in_the_body, hang_in_the_body])
@pytest.mark.parametrize("verb", ["PATCH", "PUT", "POST", "DELETE"])
async def test_a_write_whose_answer_was_not_read_is_unanswered_and_was_sent_once(
    server: Server, connection: Connection, doors: Doors, play: Play, verb: str
) -> None:
    server.play = play
    client = doors.open(connection)
    with pytest.raises(Unanswered) as caught:
        await client.send(Request(verb, "/x", body=b"{}", timeout=0.3))
    assert len(server.heads) == 1
    assert CANARY not in str(caught.value)
    assert doors.told == [(verb, 0)]


@pytest.mark.parametrize("play", [hang, cut, cut_in_the_body, hang_in_the_body])
async def test_a_read_that_got_no_answer_says_unreachable(
    server: Server, connection: Connection, doors: Doors, play: Play
) -> None:
    server.play = play
    with pytest.raises(Unreachable):
        await doors.open(connection).send(Request("GET", "/x", timeout=0.3))


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
async def test_a_write_is_not_repeated_when_a_kept_connection_turns_out_dead(
    server: Server, connection: Connection, doors: Doors, verb: str
) -> None:
    client = doors.open(connection)
    await client.send(Request("GET", "/x"))
    server.play = cut
    with pytest.raises(Unanswered):
        await client.send(Request(verb, "/x"))
    assert [head.split(" ")[0] for head in server.heads] == ["GET", verb]


async def test_a_read_is_repeated_when_a_kept_connection_turns_out_dead(
    server: Server, connection: Connection, doors: Doors
) -> None:
    client = doors.open(connection)
    await client.send(Request("GET", "/x"))

    async def cut_once(verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.play = None
        await cut(verb, reader, writer)

    server.play = cut_once
    assert (await client.send(Request("GET", "/x"))).status == 200


async def test_a_write_that_never_left_is_unreachable(connection: Connection, doors: Doors) -> None:
    client = doors.open(replace(connection, server="https://127.0.0.1:1"))
    with pytest.raises(Unreachable, match="refused"):
        await client.send(Request("PATCH", "/x"))


async def test_a_handshake_that_never_ends_is_given_up_and_nothing_was_sent(
    connection: Connection, doors: Doors
) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    plain = await asyncio.start_server(swallow, "127.0.0.1", 0)
    client = doors.open(replace(connection, server=f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"))
    start = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable):
        await client.send(Request("PATCH", "/x"))
    assert asyncio.get_running_loop().time() - start < 7
    plain.close()


async def test_a_cancelled_write_raises_cancelled_and_frees_its_slot(
    server: Server, connection: Connection, doors: Doors
) -> None:
    server.play = hang
    task = asyncio.create_task(doors.open(connection).send(Request("PATCH", "/x")))
    while not server.heads:  # noqa: ASYNC110 (the server's list tells it)
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert doors.budget.inflight == 0


async def test_without_permission_nothing_leaves_though_reads_do(
    server: Server, connection: Connection, doors: Doors
) -> None:
    doors.permitted = False
    client = doors.open(connection)
    with pytest.raises(NotPermitted):
        await client.send(Request("PATCH", "/x"))
    assert server.heads == []
    await client.send(Request("GET", "/x"))
    await client.send(Request("PATCH", "/x", query=(("dryRun", "All"),)))


async def test_permission_is_asked_after_the_wait_for_a_slot(
    server: Server, connection: Connection, doors: Doors
) -> None:
    doors.budget = Budget(total=1)
    client = doors.open(connection)
    async with doors.budget.slot("a", Lane.URGENT):
        task = asyncio.create_task(client.send(Request("PATCH", "/x")))
        await asyncio.sleep(0)
        doors.permitted = False
    with pytest.raises(NotPermitted):
        await task
    assert server.heads == []


async def test_the_time_of_a_request_starts_with_its_slot(connection: Connection, doors: Doors) -> None:
    doors.budget = Budget(total=1)
    client = doors.open(connection)
    async with doors.budget.slot("a", Lane.URGENT):
        task = asyncio.create_task(client.send(Request("GET", "/x", timeout=0.5)))
        await asyncio.sleep(0.7)
        assert not task.done()
    assert (await task).status == 200


async def test_a_cluster_that_failed_is_suspect_until_it_answers(
    server: Server, connection: Connection, doors: Doors
) -> None:
    client = doors.open(connection)
    server.play = cut
    with pytest.raises(Unreachable):
        await client.send(Request("GET", "/x"))
    assert doors.budget._clusters["a"].pool is doors.budget._suspect
    server.play = None
    await client.send(Request("GET", "/x"))
    assert doors.budget._clusters == {}


async def test_a_timeout_while_the_loop_lags_makes_no_suspect(
    server: Server, connection: Connection, doors: Doors
) -> None:
    server.play = hang
    doors.clock.lag = 2.0
    with pytest.raises(Unreachable):
        await doors.open(connection).send(Request("GET", "/x", timeout=0.2))
    assert doors.budget._clusters == {}


async def test_a_redirect_is_not_followed(server: Server, connection: Connection, doors: Doors) -> None:
    async def elsewhere(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n")

    server.play = elsewhere
    with pytest.raises(FleetError) as caught:
        await doors.open(connection).send(Request("GET", "/x"))
    assert caught.value.reason == "ApiError"
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "open_end"), [("502 Bad Gateway", True), ("504 Timeout", True), ("500 X", False)]
)
async def test_a_gateway_s_refusal_leaves_a_write_open(
    server: Server, connection: Connection, doors: Doors, *, status: str, open_end: bool
) -> None:
    async def refuse(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ok(writer, b"<html>", status)

    server.play = refuse
    with pytest.raises(FleetError) as caught:
        await doors.open(connection).send(Request("PATCH", "/x"))
    assert isinstance(caught.value, Unanswered) is open_end


async def test_an_unknown_certificate_and_a_wrong_name_are_refused(
    server: Server, connection: Connection, doors: Doors, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("other"), "other-ca").files.certificate.read_bytes()
    for wrong in (
        replace(connection, ca_data=stranger),
        replace(connection, tls_server_name="other.example"),
    ):
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await doors.open(wrong).send(Request("PATCH", "/x"))
    assert server.heads == []


async def test_the_server_name_is_sent_and_checked_in_both_pools(
    server: Server, connection: Connection, doors: Doors
) -> None:
    client = doors.open(replace(connection, tls_server_name="kubernetes.default.svc"))
    await client.send(Request("GET", "/x"))
    server.play = chunked(b"a\n")
    async with aclosing(client.stream(Request("GET", "/x"))) as lines:
        assert [line async for line in lines] == [b"a"]
    assert server.names == ["kubernetes.default.svc"] * 2


async def test_a_tls_connection_reads_into_16_kib(
    server: Server, connection: Connection, doors: Doors
) -> None:
    client = doors.open(connection)
    await client.send(Request("GET", "/x"))
    assert client._sessions is not None
    connector = client._sessions.writes.connector
    assert connector is not None
    ((protocol, _),) = next(iter(connector._conns.values()))
    transport = protocol.transport
    assert transport is not None
    assert len(transport._ssl_protocol._ssl_buffer) == 16 * 1024  # type: ignore[attr-defined]
    assert server.connections == 1


async def test_at_most_16_connections_serve_any_number_of_writes(
    server: Server, connection: Connection, doors: Doors
) -> None:
    client = doors.open(connection)
    await asyncio.gather(*(client.send(Request("PATCH", "/x", body=b"{}")) for _ in range(100)))
    assert server.connections <= session.POOL


class Proxy:
    """A CONNECT proxy."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        host, _, port = head.split(" ")[1].rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_a_proxy_sees_the_address_and_its_own_password_only(
    server: Server, connection: Connection, doors: Doors
) -> None:
    proxy = Proxy()
    await proxy.start()
    client = doors.open(
        replace(
            connection,
            proxy_url=f"http://u:p@127.0.0.1:{proxy.port}",
            tls_server_name="kubernetes.default.svc",
        )
    )
    assert (await client.send(Request("GET", "/x"))).status == 200
    (head,) = proxy.asked
    assert head.startswith(f"CONNECT 127.0.0.1:{server.port} ")
    assert "Proxy-Authorization: Basic" in head
    assert CANARY not in head
    assert server.names == ["kubernetes.default.svc"]
    await client.close()
    await proxy.stop()


async def test_a_proxy_that_is_away_is_named(connection: Connection, doors: Doors) -> None:
    client = doors.open(replace(connection, proxy_url="http://127.0.0.1:1"))
    with pytest.raises(Unreachable, match="proxy"):
        await client.send(Request("PATCH", "/x"))


async def test_a_token_is_renewed_each_minute_and_after_a_401(
    server: Server, connection: Connection, doors: Doors
) -> None:
    tokens = iter(["one", "two", "three"])

    async def refresh() -> str:
        return next(tokens)

    async def only_three(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        good = "Bearer three" in server.heads[-1]
        await ok(writer, b"{}", "200 OK" if good else "401 Unauthorized")

    client = doors.open(replace(connection, token=None, refresh=refresh))
    await client.send(Request("GET", "/x"))
    await client.send(Request("GET", "/x"))
    doors.clock.advance(61)
    await client.send(Request("GET", "/x"))
    server.play = only_three
    doors.clock.advance(10)
    assert (await client.send(Request("PATCH", "/x"))).status == 200
    used = [head.split("Bearer ")[1].split("\r\n")[0] for head in server.heads]
    assert used == ["one", "one", "two", "two", "three"]


async def test_a_401_with_a_token_that_stays_is_forbidden(
    server: Server, connection: Connection, doors: Doors
) -> None:
    async def no(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ok(writer, b"{}", "401 Unauthorized")

    server.play = no
    with pytest.raises(Forbidden):
        await doors.open(connection).send(Request("GET", "/x"))


def chunked(*parts: bytes) -> Play:
    async def play(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in parts:
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n")

    return play


@pytest.mark.parametrize("head", ["Content-Length: 3000", "Transfer-Encoding: chunked"])
async def test_an_answer_longer_than_any_honest_one_is_given_up(
    server: Server, connection: Connection, doors: Doors, head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.kube.session._MOST_BYTES", 2000)

    async def long(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
        body = chunk * 3 + b"0\r\n\r\n" if "chunked" in head else b"x" * 3000
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)
        await writer.drain()

    server.play = long
    with pytest.raises(Unreachable, match="longer than"):
        await doors.open(connection).send(Request("GET", "/x"))


async def test_lines_are_cut_at_newlines_however_they_arrive(
    server: Server, connection: Connection, doors: Doors
) -> None:
    long = b"x" * 3_000_000
    server.play = chunked(b"a\nb", b"c\n", b"d", b"e", b"\n", b"f\ng\n", long + b"\n")
    async with aclosing(doors.open(connection).stream(Request("GET", "/x"))) as lines:
        assert [line async for line in lines] == [b"a", b"bc", b"de", b"f", b"g", long]


async def test_a_stream_that_ends_within_a_line_is_broken(
    server: Server, connection: Connection, doors: Doors
) -> None:
    server.play = chunked(b"a\nb")
    async with aclosing(doors.open(connection).stream(Request("GET", "/x"))) as lines:
        assert await anext(lines) == b"a"
        with pytest.raises(Unreachable):
            await anext(lines)


@pytest.mark.parametrize("play", [hang, cut])
async def test_a_stream_that_does_not_open_is_unreachable(
    server: Server, connection: Connection, doors: Doors, play: Play
) -> None:
    server.play = play
    with pytest.raises(Unreachable):
        async with aclosing(doors.open(connection).stream(Request("GET", "/x", timeout=0.3))) as lines:
            await anext(lines)


async def test_a_refused_stream_says_why(server: Server, connection: Connection, doors: Doors) -> None:
    async def forbid(_verb: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ok(writer, b"{}", "403 Forbidden")

    server.play = forbid
    with pytest.raises(Forbidden):
        async with aclosing(doors.open(connection).stream(Request("GET", "/x"))) as lines:
            await anext(lines)


async def test_closing_fails_what_is_in_flight_and_what_comes_later(
    server: Server, connection: Connection, doors: Doors
) -> None:
    server.play = hang
    client = doors.open(connection)
    task = asyncio.create_task(client.send(Request("PATCH", "/x")))
    while not server.heads:  # noqa: ASYNC110 (the server's list tells it)
        await asyncio.sleep(0.01)
    await client.close()
    with pytest.raises(Unanswered):
        await asyncio.wait_for(task, 5)
    with pytest.raises(Unreachable):
        await client.send(Request("PATCH", "/x"))
    assert doors.budget._clusters == {}
