"""Mirrors of a real SSH server: keys and host keys from memory, protocols, faults."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
import pytest

from fleet.errors import RepositoryUnreachable
from fleet.git import access
from fleet.git.credentials import Credential
from fleet.git.mirror import Mirror, Patience
from fleet.git.process import Git
from tests.stage.gitrepo import GitRepo
from tests.stage.sshserver import SshServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    made = Git(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "served" / "deploy.git")


@pytest.fixture
def server(repo: GitRepo) -> Iterator[SshServer]:
    with SshServer(repo.path.parent) as serving:
        yield serving


def allowed(server: SshServer) -> str:
    return f"ssh://127.0.0.1:{server.port}"


def credential(server: SshServer, **changes: bytes) -> Credential:
    given = {"ssh_key": server.client_key, "known_hosts": server.known_hosts(), **changes}
    return Credential(server.url(""), **given)  # type: ignore[arg-type]


async def test_a_key_and_a_host_key_from_memory_open_a_repository(
    repo: GitRepo, server: SshServer, git: Git, tmp_path: Path
) -> None:
    first = repo.commit({"a": "1"})
    mirror = Mirror(server.url("deploy.git"), tmp_path / "m", git, (allowed(server),))
    assert (await mirror.fetch(credential(server))).heads == {"main": first}
    second = repo.commit({"a": "2"})
    assert (await mirror.ls_remote(credential(server))).heads == {"main": second}
    assert (await mirror.fetch(credential(server))).heads == {"main": second}
    assert mirror.tree(second).read("a") == b"2"
    assert "version=2" in server.protocols
    assert [path.name for path in git.home.rglob("*")] == []
    await mirror.close()


async def test_git_is_the_user_where_the_url_names_none(
    repo: GitRepo, server: SshServer, git: Git, tmp_path: Path
) -> None:
    commit = repo.commit({"a": "1"})
    url = f"{allowed(server)}/deploy.git"
    mirror = Mirror(url, tmp_path / "m", git, (allowed(server),))
    assert (await mirror.fetch(credential(server))).heads == {"main": commit}
    await mirror.close()


async def test_a_wrong_key_and_a_wrong_host_key_are_refused(
    repo: GitRepo, server: SshServer, git: Git, tmp_path: Path
) -> None:
    repo.commit({"a": "1"})
    mirror = Mirror(server.url("deploy.git"), tmp_path / "m", git, (allowed(server),))
    other = asyncssh.generate_private_key("ssh-ed25519")
    host = f"[127.0.0.1]:{server.port} ".encode() + other.export_public_key()
    with pytest.raises(RepositoryUnreachable, match="SSH key"):
        await mirror.fetch(credential(server, ssh_key=other.export_private_key()))
    for known in (host, b""):
        with pytest.raises(RepositoryUnreachable, match="knownHosts"):
            await mirror.fetch(credential(server, known_hosts=known))
    with pytest.raises(RepositoryUnreachable, match="knownHosts"):
        await mirror.fetch(None)
    with pytest.raises(RepositoryUnreachable, match="SSH key"):
        await mirror.fetch(credential(server, ssh_key=b""))


async def test_the_users_own_keys_and_agent_are_not_used(
    repo: GitRepo, server: SshServer, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit({"a": "1"})
    home = tmp_path / "user"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_bytes(server.client_key)
    (home / ".ssh" / "id_ed25519").chmod(0o600)
    (home / ".ssh" / "known_hosts").write_bytes(server.known_hosts())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "agent"))
    mirror = Mirror(server.url("deploy.git"), tmp_path / "m", git, (allowed(server),))
    with pytest.raises(RepositoryUnreachable):
        await mirror.fetch(None)


async def test_a_command_that_hangs_over_ssh_ends_by_the_time_limit(
    repo: GitRepo, server: SshServer, git: Git, tmp_path: Path
) -> None:
    repo.commit({"a": "1"})
    server.hangs = True
    patience = Patience(1.5, 1.5, 1.5)
    mirror = Mirror(server.url("deploy.git"), tmp_path / "m", git, (allowed(server),), patience)
    begun = time.monotonic()
    with pytest.raises(RepositoryUnreachable, match="within"):
        await mirror.fetch(credential(server))
    assert time.monotonic() - begun < 6


async def test_ssh_goes_to_the_address_that_was_checked_by_the_names_host_key(
    repo: GitRepo, server: SshServer, git: Git
) -> None:
    commit = repo.commit({"a": "1"})
    url = f"ssh://git@git.example:{server.port}/deploy.git"
    known = credential(server, known_hosts=server.known_hosts("git.example"))
    with access.open_(access.Place(url, ("127.0.0.1",)), known, git.home) as granted:
        assert commit in git.run(["ls-remote", "--", url], granted=granted).decode()


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_no_key_lies_on_disk_while_git_runs(
    repo: GitRepo, server: SshServer, git: Git, tmp_path: Path
) -> None:
    repo.commit({"a": os.urandom(100)})
    with access.open_(access.Place(server.url("deploy.git")), credential(server), git.home) as granted:
        git.run(["ls-remote", "--", server.url("deploy.git")], granted=granted)
        secret = server.client_key.splitlines()[2]
        assert secret not in contents(tmp_path)
