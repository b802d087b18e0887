"""Mirrors of real Git servers over HTTP: fetches, refs, faults and what is left after them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootstrap.local.authority import Authority
from bootstrap.local.gitserver import GitServer
from bootstrap.local.httpbackend import Access
from fleet.errors import RepositoryRefused, RepositoryUnreachable, RevisionNotFound, SourceError
from fleet.git import access, diff, refs
from fleet.git.credentials import Credential
from fleet.git.keep import Named, keep
from fleet.git.mirror import Mirror, Patience
from fleet.git.process import Git
from fleet.outward import Way
from tests.stage.gitrepo import GitRepo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bootstrap.local.authority import Pair


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    made = Git(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "served" / "deploy.git")


@pytest.fixture
def server(repo: GitRepo) -> Iterator[GitServer]:
    with GitServer(repo.path.parent) as serving:
        yield serving


@pytest.fixture
async def mirror(server: GitServer, git: Git, tmp_path: Path) -> AsyncIterator[Mirror]:
    made = Mirror(f"{server.url}/deploy.git", tmp_path / "mirror", git, (server.url,))
    yield made
    await made.close()


def runs(git: Git) -> list[list[str]]:
    """What git is started with from now on."""
    seen: list[list[str]] = []
    real = git.run

    def run(args: list[str], **options: object) -> bytes:
        seen.append(list(args))
        return real(args, **options)  # type: ignore[arg-type]

    git.run = run  # type: ignore[method-assign,assignment]
    return seen


async def test_a_fetch_brings_branches_and_tags_and_says_what_they_are(repo: GitRepo, mirror: Mirror) -> None:
    first = repo.commit({"a": "1"})
    repo.tag("v1", first, annotated=True)
    second = repo.commit({"a": "2"}, "feature/x")
    repo.git("update-ref", "refs/pull/1/head", second)
    found = await mirror.fetch()
    assert found == refs.Refs(
        {"main": first, "feature/x": second}, {"v1": first}, "refs/heads/main", mirror.repo
    )
    assert found == await mirror.ls_remote()
    assert mirror.tree(first).read("a") == b"1"


async def test_after_the_first_time_one_process_fetches_and_none_reads(
    repo: GitRepo, mirror: Mirror, git: Git
) -> None:
    old = repo.commit({f"apps/{number}/a": "1" for number in range(20)})
    await mirror.fetch()
    new = repo.commit({"apps/7/a": "2"})
    seen = runs(git)
    found = await mirror.fetch()
    assert found.heads["main"] == new
    assert (await diff.changed(mirror, old, new)).paths == {"apps/7/a"}
    assert not await refs.backward(mirror, old, new)
    assert mirror.tree(new).read("apps/7/a") == b"2"
    assert len(seen) == 1
    assert "fetch" in seen[0]


async def test_what_went_or_was_forced_is_followed(repo: GitRepo, mirror: Mirror) -> None:
    first = repo.commit({"a": "1"})
    repo.commit({"a": "2"}, "old")
    repo.tag("v1", first)
    await mirror.fetch()
    repo.git("update-ref", "-d", "refs/heads/old")
    forced = repo.commit({"b": "1"}, alone=True)
    moved = repo.commit({"c": "1"}, "old/below")  # where a file was, a folder is now
    repo.tag("v1", forced, annotated=True)
    found = await mirror.fetch()
    assert (found.heads, found.tags) == ({"main": forced, "old/below": moved}, {"v1": forced})


async def test_head_is_the_remotes_and_moves_with_it(repo: GitRepo, mirror: Mirror) -> None:
    repo.commit({"a": "1"})
    repo.commit({"a": "2"}, "trunk")
    assert (await mirror.fetch()).head == "refs/heads/main"
    repo.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    assert (await mirror.ls_remote()).head == "refs/heads/trunk"
    assert (await mirror.fetch()).head == "refs/heads/trunk"


async def test_an_empty_repository_has_no_refs_until_it_has(repo: GitRepo, mirror: Mirror) -> None:
    assert await mirror.fetch() == refs.Refs(repo=mirror.repo)
    commit = repo.commit({"a": "1"})
    assert (await mirror.fetch()).heads == {"main": commit}
    await mirror.ls_remote()
    assert (await mirror.fetch()).head == "refs/heads/main"


async def test_a_repository_of_sha_256_is_mirrored(server: GitServer, git: Git, tmp_path: Path) -> None:
    repo = GitRepo(server.folder / "new.git", form="sha256")
    commit = repo.commit({"a/b": "1"})
    mirror = Mirror(f"{server.url}/new.git", tmp_path / "new", git, (server.url,))
    assert (await mirror.fetch()).heads == {"main": commit}
    assert mirror.tree(commit).read("a/b") == b"1"
    await mirror.close()


async def test_many_refs_are_fetched_by_the_protocol_that_asks_for_few(repo: GitRepo, mirror: Mirror) -> None:
    commit = repo.commit({"a": "1"})
    lines = "".join(f"create refs/pull/{number}/head {commit}\n" for number in range(1500))
    repo.git("update-ref", "--stdin", stdin=lines.encode())
    assert (await mirror.fetch()).heads == {"main": commit}
    assert not mirror._few


async def test_a_commit_that_no_ref_leads_to_is_brought_by_its_hash(repo: GitRepo, mirror: Mirror) -> None:
    lost = repo.commit({"a": "lost"})
    repo.commit({"a": "new"}, alone=True)
    await mirror.fetch()
    assert not mirror.known(lost)
    await mirror.bring(lost)
    assert mirror.tree(lost).read("a") == b"lost"
    with pytest.raises(RevisionNotFound):
        await mirror.bring("1" * 40)


async def test_a_kept_revision_survives_a_force_push_and_a_mirror_made_anew(
    repo: GitRepo, mirror: Mirror
) -> None:
    held = repo.commit({"a": "held"})
    await mirror.fetch()
    assert await keep(mirror, Named(frozenset({held}))) == {held}
    repo.commit({"a": "new"}, alone=True)
    await mirror.fetch()
    assert mirror.tree(held).read("a") == b"held"
    mirror.objects.damaged = True
    await mirror.fetch()
    assert mirror.tree(held).read("a") == b"held"
    assert await keep(mirror, Named(frozenset({held}))) == {held}


@pytest.mark.parametrize("harm", ["objects", "refs", "everything", "head", "gone"])
async def test_a_mirror_that_is_broken_on_disk_is_made_anew(repo: GitRepo, mirror: Mirror, harm: str) -> None:
    repo.commit({f"apps/{number}/a": str(number) for number in range(120)})
    await mirror.fetch()
    await mirror.close()
    place = mirror._folder
    if harm == "objects":
        for path in (place / "objects").rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                path.write_bytes(b"\0" * path.stat().st_size)
    elif harm == "refs":
        (place / "refs" / "heads" / "main").write_text("\0" * 41)
    elif harm == "everything":
        shutil.rmtree(place)
        place.write_text("a file")
        place.unlink()
        place.mkdir()
    elif harm == "head":
        (place / "HEAD").write_text("")
    else:
        shutil.rmtree(place)
    new = repo.commit({"apps/7/a": "new"})
    assert (await mirror.fetch()).heads == {"main": new}
    assert mirror.tree(new).read("apps/7/a") == b"new"
    assert mirror.tree(new).read("apps/8/a") == b"8"


async def test_an_object_that_is_found_missing_while_reading_is_fetched_again(
    repo: GitRepo, mirror: Mirror
) -> None:
    commit = repo.commit({"a": "content"})
    await mirror.fetch()
    first = set((mirror._folder / "objects" / "pack").iterdir())
    later = repo.commit({"b": "content two"})
    await mirror.fetch()
    assert mirror.known(later)
    await mirror.close()
    for path in first:
        path.unlink()
    with pytest.raises(SourceError, match="made anew"):
        mirror.tree(commit).read("a")
    await mirror.fetch()
    assert mirror.tree(commit).read("a") == b"content"


async def test_locks_of_a_killed_git_do_not_stop_the_next_fetch(
    repo: GitRepo, mirror: Mirror, git: Git, server: GitServer
) -> None:
    repo.commit({"a": "1"})
    await mirror.fetch()
    for name in ("packed-refs.lock", "refs/heads/main.lock", "HEAD.lock", "shallow.lock"):
        (mirror._folder / name).touch()
    again = Mirror(f"{server.url}/deploy.git", mirror._folder, git, (server.url,))
    seen = runs(git)
    new = repo.commit({"a": "2"})
    assert (await again.fetch()).heads == {"main": new}
    assert not any("init" in args for args in seen)
    await again.close()


class Silent:
    """A server that takes connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._socket.close()


async def test_a_remote_that_hangs_ends_by_the_time_limit(git: Git, tmp_path: Path) -> None:
    silent = Silent()
    mirror = Mirror(f"{silent.url}/x.git", tmp_path / "m", git, (silent.url,), Patience(0.5, 0.5, 0.5))
    begun = time.monotonic()
    with pytest.raises(RepositoryUnreachable, match=r"within 0\.5 s"):
        await mirror.fetch()
    assert time.monotonic() - begun < 5
    assert leftovers() == []
    silent.close()


def leftovers() -> list[str]:
    """Transport programs of git that still run below this process."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if "git-remote-http" in line and "127.0.0.1" in line and f"{os.getpid()}" in sessions(path):
                found.append(line)
    return found


def sessions(path: Path) -> list[str]:
    """The parents of a process, up to the first that is gone."""
    chain: list[str] = []
    while path.name not in ("0", "1"):
        try:
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            break
        chain.append(parent)
        path = Path("/proc") / parent
    return chain


async def test_a_dead_remote_leaves_what_is_there_readable_and_comes_back(
    repo: GitRepo, mirror: Mirror, server: GitServer
) -> None:
    commit = repo.commit({"a": "1"})
    await mirror.fetch()
    server.stop()
    with pytest.raises(RepositoryUnreachable, match=r"could not be reached|refused the connection"):
        await mirror.fetch()
    assert mirror.known(commit)
    assert mirror.tree(commit).read("a") == b"1"
    server.start()
    new = repo.commit({"a": "2"})
    assert (await mirror.fetch()).heads == {"main": new}


async def test_after_a_restart_the_folder_is_read_though_the_remote_is_dead(
    repo: GitRepo, mirror: Mirror, server: GitServer, git: Git
) -> None:
    commit = repo.commit({"a": "1"})
    await mirror.fetch()
    server.stop()
    again = Mirror(mirror.url, mirror._folder, git, (server.url,))
    assert again.known(commit)
    assert again.tree(commit).read("a") == b"1"
    with pytest.raises(RepositoryUnreachable):
        await again.fetch()
    await again.close()


async def test_a_fetch_that_is_killed_half_way_leaves_the_mirror_usable(
    repo: GitRepo, mirror: Mirror, git: Git
) -> None:
    first = repo.commit({"a": "1"})
    await mirror.fetch()
    repo.commit({f"big/{number}": os.urandom(20_000) for number in range(600)})
    for wait in (0.02, 0.05, 0.1):
        task = asyncio.create_task(mirror.fetch())
        await asyncio.sleep(wait)  # any moment is a legal one to die: no condition to wait on
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert mirror.tree(first).read("a") == b"1"
    found = await mirror.fetch()
    assert mirror.tree(found.heads["main"]).read("a") == b"1"
    assert not list((mirror._folder / "objects" / "pack").glob("tmp_*"))
    assert git.run(["fsck", "--connectivity-only"], folder=mirror._folder) == b""


async def test_fetches_of_one_mirror_do_not_overlap(repo: GitRepo, mirror: Mirror) -> None:
    commit = repo.commit({"a": "1"})
    every = await asyncio.gather(*(mirror.fetch() for _ in range(5)))
    assert {found.heads["main"] for found in every} == {commit}


async def test_packing_goes_on_beside_fetches(
    repo: GitRepo, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.git.mirror._LOOK_EVERY", 2)
    monkeypatch.setattr("fleet.git.mirror._CLEAN_EVERY", 2)
    monkeypatch.setattr("fleet.git.folder.crowded", lambda _: True)
    held = repo.commit({"a": "held"})
    repo.tag("v0", held, annotated=True)
    await mirror.fetch()
    await keep(mirror, Named(frozenset({held})))
    for number in range(8):
        new = repo.commit({"a": str(number)})
        repo.tag(f"v{number + 1}", new, annotated=True)
        found = await mirror.fetch()
        assert found.heads == {"main": new}
        assert set(found.tags) == {f"v{count}" for count in range(number + 2)}
        assert mirror.tree(new).read("a") == str(number).encode()
    assert mirror._packing is not None
    await asyncio.wait([mirror._packing])
    assert (mirror._folder / "packed-refs").exists()
    assert mirror.tree(held).read("a") == b"held"


# --- credentials and TLS --------------------------------------------------------------------------------


PASSWORD = "pa$$ 'wörd\" `x` \\"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca", "git-ca")


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.server("git")


@pytest.fixture
def closed(repo: GitRepo, pair: Pair) -> Iterator[GitServer]:
    """A server with TLS of a private CA, and a password."""
    reader = Access("bot", PASSWORD)
    with GitServer(repo.path.parent, access=reader, certificate=pair.certificate, key=pair.key) as serving:
        yield serving


async def test_a_password_and_a_private_ca_open_a_repository(
    repo: GitRepo, closed: GitServer, git: Git, tmp_path: Path, authority: Authority
) -> None:
    commit = repo.commit({"a": "1"})
    ca = authority.files.certificate.read_bytes()
    mirror = Mirror(f"{closed.url}/deploy.git", tmp_path / "m", git, (closed.url,))
    credential = Credential(closed.url, "bot", PASSWORD, way=Way(ca=ca))
    assert (await mirror.fetch(credential)).heads == {"main": commit}
    with pytest.raises(RepositoryUnreachable, match="caData"):
        await mirror.fetch(Credential(closed.url, "bot", PASSWORD))
    with pytest.raises(RepositoryUnreachable, match="refused the credential"):
        await mirror.fetch(Credential(closed.url, "bot", "wrong", way=Way(ca=ca)))
    with pytest.raises(RepositoryUnreachable, match="no repository Secret has one"):
        await mirror.fetch(Credential(closed.url, way=Way(ca=ca)))
    assert mirror.tree(commit).read("a") == b"1"
    await mirror.close()


def processes(sign: str) -> list[bytes]:
    """Arguments and environment of each git that names ``sign``."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (path / "cmdline").read_bytes()
            if b"git" in line and sign.encode() in line:
                found.append(line + (path / "environ").read_bytes())
    return found


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_password_is_in_no_argument_environment_or_file(
    repo: GitRepo, closed: GitServer, git: Git, tmp_path: Path, authority: Authority
) -> None:
    repo.commit({f"big/{number}": os.urandom(10_000) for number in range(300)})
    ca = authority.files.certificate.read_bytes()
    mirror = Mirror(f"{closed.url}/deploy.git", tmp_path / "m", git, (closed.url,))
    credential = Credential(closed.url, "bot", PASSWORD, way=Way(ca=ca))
    task = asyncio.create_task(mirror.fetch(credential))
    seen = 0
    while not task.done():
        shown = processes(str(closed.port))
        seen += len(shown)
        assert PASSWORD.encode() not in b"".join(shown)
        await asyncio.sleep(0)
    await task
    assert seen
    assert PASSWORD.encode() not in contents(tmp_path / "home") + contents(tmp_path / "m")
    await mirror.close()


async def test_a_redirect_is_not_followed_and_takes_no_credential_along(git: Git, tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + evil.encode() + b"/x.git/info/refs\r\n")
        writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caught.append(await reader.read(1000))
        writer.close()
        await writer.wait_closed()

    caught: list[bytes] = []
    front = await asyncio.start_server(redirect, "127.0.0.1", 0)
    back = await asyncio.start_server(trap, "127.0.0.1", 0)
    evil = f"http://127.0.0.1:{back.sockets[0].getsockname()[1]}"
    url = f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}"
    mirror = Mirror(f"{url}/x.git", tmp_path / "m", git, (url, evil))
    with pytest.raises(RepositoryRefused, match="redirects"):
        await mirror.fetch(Credential(url, "bot", "secret"))
    assert asked
    assert caught == []
    for closing in (front, back):
        closing.close()
        await closing.wait_closed()


async def test_git_goes_to_the_address_that_was_checked(
    repo: GitRepo, git: Git, pair: Pair, authority: Authority
) -> None:
    """A name that DNS does not know is reached at the address given with it, by the name's certificate."""
    commit = repo.commit({"a": "1"})
    with GitServer(repo.path.parent, certificate=pair.certificate, key=pair.key) as server:
        url = f"https://kubernetes.default.svc:{server.port}/deploy.git"
        credential = Credential(url, way=Way(ca=authority.files.certificate.read_bytes()))
        with access.open_(access.Place(url, ("127.0.0.1",)), credential, git.home) as granted:
            output = git.run(["ls-remote", "--", url], granted=granted)
    assert commit in output.decode()


async def test_a_pushed_object_that_is_malformed_is_refused(repo: GitRepo, mirror: Mirror) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    raw = b"100644 .git\0" + bytes.fromhex(blob)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    repo.git("update-ref", "refs/heads/main", repo.git("commit-tree", "-m", "x", tree))
    with pytest.raises(RepositoryRefused, match="malformed"):
        await mirror.fetch()


async def test_a_repository_that_is_not_there_is_told(server: GitServer, git: Git, tmp_path: Path) -> None:
    mirror = Mirror(f"{server.url}/none.git", tmp_path / "m", git, (server.url,))
    with pytest.raises(RepositoryUnreachable, match="no such repository"):
        await mirror.fetch()
    await mirror.close()


async def test_the_reading_process_is_replaced_when_it_is_killed(repo: GitRepo, mirror: Mirror) -> None:
    commit = repo.commit({"a": "1", "b": "2"})
    await mirror.fetch()
    assert mirror.tree(commit).read("a") == b"1"
    assert mirror.objects._process is not None
    os.kill(mirror.objects._process._process.pid, signal.SIGKILL)
    assert mirror.tree(commit).read("b") == b"2"
