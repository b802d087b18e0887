"""The real git clones, pushes and fetches through the server, and a left request leaves no process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bootstrap.local.authority import Authority, Pair
from bootstrap.local.gitserver import GitServer, create_repository
from bootstrap.local.httpbackend import Access
from bootstrap.local.warden import Warden
from tests.unit.bootstrap.local_protocols import Eventually


def git(*arguments: str | Path, cwd: Path | None = None, trust: Path | None = None) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    who += ["-c", f"http.sslCAInfo={trust}"] if trust else []
    command = ["git", *who, *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    served = tmp_path / "served"
    create_repository(served, "team/app")
    return served


@pytest.fixture
def server(folder: Path) -> Iterator[GitServer]:
    with GitServer(folder) as server:
        yield server


@pytest.fixture
def serving(tmp_path: Path) -> tuple[Path, Pair]:
    """Make a private CA and a server's certificate of it."""
    authority = Authority(tmp_path / "pki", "test-ca")
    return authority.files.certificate, authority.server("git")


def commit(clone: Path, name: str, content: bytes) -> str:
    (clone / name).write_bytes(content)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", name, cwd=clone)
    return git("rev-parse", "HEAD", cwd=clone)


@pytest.mark.parametrize("protocol", ["0", "1", "2"])
def test_git_clones_pushes_and_fetches(server: GitServer, tmp_path: Path, protocol: str) -> None:
    url, version = f"{server.url}/team/app.git", f"protocol.version={protocol}"
    one, two = tmp_path / "one", tmp_path / "two"
    # Protocols 0 and 1 do not tell an empty repository's branch.
    git("-c", version, "-c", "init.defaultBranch=main", "clone", "-q", url, one)
    first = commit(one, "a", b"a")
    git("-c", version, "push", "-q", "origin", "HEAD", cwd=one)
    git("-c", version, "clone", "-q", url, two)
    assert git("rev-parse", "HEAD", cwd=two) == first
    second = commit(one, "b", b"b")
    git("-c", version, "push", "-q", "origin", "HEAD", cwd=one)
    git("-c", version, "fetch", "-q", "origin", cwd=two)
    assert git("rev-parse", "origin/main", cwd=two) == second


def test_the_protocol_that_the_client_asks_for_reaches_git(server: GitServer) -> None:
    request = "GET /team/app.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"{request}Git-Protocol: version=2\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"version 2" in answer


def test_a_large_push_arrives_in_chunks(server: GitServer, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "-q", f"{server.url}/team/app.git", clone)
    pushed = commit(clone, "large", os.urandom(8_000_000))
    git("-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD", cwd=clone)
    assert git("rev-parse", "main", cwd=server.folder / "team/app.git") == pushed


def test_a_compressed_request_is_understood(server: GitServer, tmp_path: Path) -> None:
    clone, late = tmp_path / "clone", tmp_path / "late"
    git("clone", "-q", f"{server.url}/team/app.git", clone)
    for number in range(40):  # git compresses requests over 1 KB, so that many different wants
        commit(clone, "a", str(number).encode())
        git("branch", f"branch-{number}", cwd=clone)
    git("push", "-q", "--all", cwd=clone)
    environment = os.environ | {"GIT_TRACE_CURL": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "clone", "-q", f"{server.url}/team/app.git", str(late)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert "Content-Encoding: gzip" in done.stderr
    assert "origin/branch-39" in git("branch", "-r", cwd=late)


def test_only_the_user_with_the_password_is_served(folder: Path, tmp_path: Path) -> None:
    with GitServer(folder, access=Access("ünal", "s3crét")) as server:
        address = f"127.0.0.1:{server.port}/team/app.git"
        for url in (f"http://{address}", f"http://%C3%BCnal:wrong@{address}"):
            with pytest.raises(RuntimeError, match=r"Authentication failed|could not read Username"):
                git("ls-remote", url)
        clone = tmp_path / "clone"
        git("clone", "-q", f"http://%C3%BCnal:s3cr%C3%A9t@{address}", clone)
        commit(clone, "a", os.urandom(200_000))
        git("-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD", cwd=clone)


def test_tls_is_trusted_by_those_who_know_the_ca(
    folder: Path, tmp_path: Path, serving: tuple[Path, Pair]
) -> None:
    ca, pair = serving
    with GitServer(folder, certificate=pair.certificate, key=pair.key) as server:
        url = f"{server.url}/team/app.git"
        with pytest.raises(RuntimeError, match="certificate"):
            git("ls-remote", url)
        clone = tmp_path / "clone"
        git("clone", "-q", url, clone, trust=ca)
        commit(clone, "a", os.urandom(3_000_000))
        git("-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD", cwd=clone, trust=ca)


def test_a_client_that_never_shakes_hands_holds_up_nobody(folder: Path, serving: tuple[Path, Pair]) -> None:
    ca, pair = serving
    with (
        GitServer(folder, certificate=pair.certificate, key=pair.key) as server,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        assert git("ls-remote", f"{server.url}/team/app.git", trust=ca) == ""


def test_a_stopped_server_comes_back_on_the_same_port(server: GitServer) -> None:
    url = f"{server.url}/team/app.git"
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        server.stop()
        # An orderly end if it was accepted before, a reset if it was still waiting.
        with suppress(ConnectionResetError):
            assert idle.recv(1) == b""
    with pytest.raises(RuntimeError, match=r"Failed to connect|Couldn't connect"):
        git("ls-remote", url)
    server.start()
    assert git("ls-remote", url) == ""


def test_a_repository_that_is_not_there_is_not_found(server: GitServer) -> None:
    for path in ("no.git", "../secret.git", "%2e%2e/secret.git"):
        with pytest.raises(RuntimeError, match=r"not found|error: [45]0"):
            git("ls-remote", f"{server.url}/{path}")


def test_a_client_that_leaves_in_the_middle_leaves_no_process(
    server: GitServer, eventually: Eventually
) -> None:
    head = "POST /team/app.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
    head += "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100000\r\n\r\n"
    client = socket.create_connection(("127.0.0.1", server.port))
    client.sendall(head.encode() + b"0010")
    eventually(lambda: _children() != [])
    client.close()
    eventually(lambda: _children() == [])


def test_it_runs_as_a_process_of_its_own(folder: Path, tmp_path: Path, eventually: Eventually) -> None:
    command = [sys.executable, "-m", "bootstrap.local.gitserver", "--folder", folder, "--user", "me"]
    log = tmp_path / "log"
    with Warden() as warden:
        process = warden.spawn(command, os.environ | {"FLEETHUB_GIT_PASSWORD": "s3cret"}, stdout=log)
        eventually(lambda: log.read_text().endswith("\n"))
        url = log.read_text().strip().replace("http://", "http://me:s3cret@")
        assert git("ls-remote", f"{url}/team/app.git") == ""
        process.end()
        assert process.exit_code() == 0


def _children() -> list[str]:
    """Return the git processes that this process has started."""
    own = Path(f"/proc/{os.getpid()}/task")
    pids = [pid for path in own.glob("*/children") for pid in path.read_text().split()]
    return [pid for pid in pids if _called(pid).startswith("git")]


def _called(pid: int) -> str:
    """The name of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except FileNotFoundError:
        return ""
