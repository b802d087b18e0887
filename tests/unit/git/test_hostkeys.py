"""Keys of SSH servers, as fingerprints; ssh-keygen says what is right."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from fleet.git import hostkeys
from fleet.git.hostkeys import HostKey
from tests.stage.gitrepo import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path


def keygen(*args: str) -> str:
    done = subprocess.run(["ssh-keygen", *args], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the keys are, in files by type."""
    folder = tmp_path_factory.mktemp("keys")
    for kind in ("ed25519", "rsa"):
        keygen("-q", "-t", kind, "-N", "", "-C", "", "-f", str(folder / kind))
    return folder


@pytest.fixture
def public(keys: Path) -> dict[str, str]:
    """Public keys by type."""
    return {kind: (keys / f"{kind}.pub").read_text().strip() for kind in ("ed25519", "rsa")}


def fingerprint(keys: Path, kind: str) -> str:
    return keygen("-l", "-f", str(keys / f"{kind}.pub")).split()[1]


def test_fingerprints_are_those_that_ssh_keygen_shows(keys: Path, public: dict[str, str]) -> None:
    lines = "".join(f"git.example {public[kind]}\n" for kind in ("ed25519", "rsa")).encode()
    assert hostkeys.known(lines, "git.example", None) == (
        HostKey("ssh-ed25519", fingerprint(keys, "ed25519")),
        HostKey("ssh-rsa", fingerprint(keys, "rsa")),
    )


@pytest.mark.parametrize(
    ("hosts", "host", "port", "found"),
    [
        ("git.example", "git.example", None, True),
        ("GIT.example", "git.example", None, True),
        ("other.example,git.example", "git.example", None, True),
        ("*.example", "git.example", None, True),
        ("*.example,!git.example", "git.example", None, False),
        ("git.example", "git.example", 2222, False),
        ("[git.example]:2222", "git.example", 2222, True),
        ("[git.example]:2222", "git.example", None, False),
        ("# git.example", "git.example", None, False),
        ("@revoked git.example", "git.example", None, False),
        ("|1|nonsense", "git.example", None, False),
    ],
)
def test_a_line_counts_for_the_hosts_that_it_names(
    public: dict[str, str], hosts: str, host: str, port: int | None, *, found: bool
) -> None:
    line = f"{hosts} {public['ed25519']}\n".encode()
    assert bool(hostkeys.known(line, host, port)) is found


def test_hashed_names_are_read(tmp_path: Path, public: dict[str, str]) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"git.example {public['ed25519']}\n[git.example]:2222 {public['rsa']}\n")
    keygen("-H", "-f", str(path))
    content = path.read_bytes()
    assert b"git.example" not in content
    assert [key.kind for key in hostkeys.known(content, "git.example", None)] == ["ssh-ed25519"]
    assert [key.kind for key in hostkeys.known(content, "git.example", 2222)] == ["ssh-rsa"]
    assert hostkeys.known(content, "other.example", None) == ()


OFFER = "SHA256:" + "A" * 43
WRITTEN = f"debug1: Server host key: ssh-ed25519 {OFFER}\nHost key verification failed.\n".encode()
URL = "ssh://git@git.example:2222/x"


def test_a_changed_key_is_told_with_both_fingerprints(keys: Path, public: dict[str, str]) -> None:
    known = f"[git.example]:2222 {public['ed25519']}\n".encode()
    text = hostkeys.explained(WRITTEN, known, URL)
    assert OFFER in text
    assert fingerprint(keys, "ed25519") in text
    assert "git.example:2222" in text


def test_an_unknown_host_and_an_unknown_type_are_told_apart(public: dict[str, str]) -> None:
    assert "has no key of git.example:2222" in hostkeys.explained(WRITTEN, b"", URL)
    known = f"[git.example]:2222 {public['rsa']}\n".encode()
    assert "has no ssh-ed25519 key of git.example:2222 but ssh-rsa SHA256:" in hostkeys.explained(
        WRITTEN, known, URL
    )


def test_nothing_of_what_was_written_goes_on_but_a_fingerprint() -> None:
    for line in (
        "ssh-ed25519 canary",
        f"can ary {OFFER}",
        "ssh-ed25519 SHA256:canary",
        f"x SHA256:{'A' * 44}",
    ):
        written = f"debug1: Server host key: {line}\nHost key verification failed.\n".encode()
        text = hostkeys.explained(written, b"", URL)
        assert "unknown" in text
        assert "can" not in text
    assert hostkeys.explained(b"Permission denied (publickey).", b"", URL) == ""
