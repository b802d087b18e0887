"""What a git command is given: nothing secret in its environment, settings or on disk."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from fleet.git import access
from fleet.git.access import Place
from fleet.git.credentials import Credential
from fleet.git.process import Granted
from fleet.outward import Proxy, Way

HTTPS = Place("https://git.example:8443/acme/deploy.git", ("192.0.2.1", "2001:db8::1"))
SSH = Place("ssh://git.example:2222/acme/deploy", ("192.0.2.1",))
CREDENTIAL = Credential(
    "https://git.example:8443",
    "bot",
    "canary-password",
    ssh_key=b"canary-key\n",
    known_hosts=b"canary-hosts\n",
    way=Way(ca=b"canary-ca\n"),
)


def ask(granted: Granted, prompt: str) -> subprocess.CompletedProcess[str]:
    env = {**granted.env, "PATH": os.environ["PATH"]}
    command = [granted.env["GIT_ASKPASS"], prompt]
    return subprocess.run(
        command, env=env, pass_fds=granted.fds, capture_output=True, text=True, check=False, timeout=10
    )


def test_the_askpass_program_answers_by_the_pipe_for_the_urls_own_host(tmp_path: Path) -> None:
    with access.open_(HTTPS, CREDENTIAL, tmp_path) as granted:
        assert ask(granted, "Username for 'https://git.example:8443': ").stdout == "bot\n"
        assert ask(granted, "Password for 'https://bot@git.example:8443': ").stdout == "canary-password\n"
        assert ask(granted, "Password for 'https://bot@git.example:8443': ").returncode == 1


@pytest.mark.parametrize(
    "prompt",
    [
        "Username for 'https://evil.example': ",
        "Username for 'http://git.example:8443': ",
        "Username for 'https://git.example': ",
        "Password for 'https://bot@git.example:8443.evil.example': ",
        "Enter passphrase for key '/x': ",
        "",
    ],
)
def test_no_other_prompt_is_answered(tmp_path: Path, prompt: str) -> None:
    with access.open_(HTTPS, CREDENTIAL, tmp_path) as granted:
        done = ask(granted, prompt)
        assert (done.stdout, done.returncode) == ("", 1)


@pytest.mark.parametrize("place", [HTTPS, SSH])
def test_no_secret_is_in_environment_settings_or_files(tmp_path: Path, place: Place) -> None:
    with access.open_(place, CREDENTIAL, tmp_path) as granted:
        assert "canary" not in repr(granted)
        for path in tmp_path.rglob("*"):
            assert "canary" not in path.read_text()


def test_memory_files_are_for_the_owner_alone_and_go_with_the_command(tmp_path: Path) -> None:
    with access.open_(SSH, CREDENTIAL, tmp_path) as granted:
        assert len(granted.fds) == 2
        for number in granted.fds:
            assert stat.S_IMODE(os.fstat(number).st_mode) == 0o600
            assert not os.get_inheritable(number)
        contents = {Path(f"/proc/self/fd/{number}").read_bytes() for number in granted.fds}
        assert contents == {b"canary-key\n", b"canary-hosts\n"}
    for number in granted.fds:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)


def test_where_there_are_no_memory_files_a_file_goes_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with access.open_(SSH, CREDENTIAL, tmp_path) as granted:
        files = list(tmp_path.iterdir())
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert all(str(path) in granted.env["GIT_SSH_COMMAND"] for path in files)
    assert list(tmp_path.iterdir()) == []


def test_git_is_held_to_the_checked_addresses(tmp_path: Path) -> None:
    with access.open_(HTTPS, None, tmp_path) as granted:
        assert ("http.curloptResolve", "git.example:8443:192.0.2.1,[2001:db8::1]") in granted.config
    with access.open_(SSH, None, tmp_path) as granted:
        command = granted.env["GIT_SSH_COMMAND"]
        assert "-o HostName=192.0.2.1 -o 'HostKeyAlias=[git.example]:2222'" in command
        assert "StrictHostKeyChecking=yes" in command
        assert "-o User=git" in command


def test_ssh_is_tried_at_each_address_and_http_at_all_of_them_at_once() -> None:
    two = Place(SSH.url, ("192.0.2.1", "2001:db8::1"))
    assert [one.addresses for one in access.each(two)] == [("192.0.2.1",), ("2001:db8::1",)]
    assert access.each(HTTPS) == (HTTPS,)
    assert access.each(SSH) == (SSH,)


def test_git_looks_for_no_proxy_by_itself(tmp_path: Path) -> None:
    with access.open_(HTTPS, None, tmp_path) as granted:
        assert dict(granted.config)["http.proxy"] == ""


def test_the_proxys_password_is_asked_for_and_goes_to_the_proxy_alone(tmp_path: Path) -> None:
    proxy = Proxy("http", "proxy.example", 3128, "us er", "canary-proxy")
    through = Place(HTTPS.url, (), proxy)
    with access.open_(through, CREDENTIAL, tmp_path) as granted:
        assert "canary" not in repr(granted)
        assert dict(granted.config)["http.proxy"] == "http://us%20er@proxy.example:3128"
        assert ask(granted, "Password for 'http://us er@proxy.example:3128': ").stdout == "canary-proxy\n"
        assert ask(granted, "Username for 'https://git.example:8443': ").stdout == "bot\n"
        assert ask(granted, "Password for 'https://bot@git.example:8443': ").stdout == "canary-password\n"
    with access.open_(through, None, tmp_path) as granted:
        for prompt in (
            "Password for 'https://bot@git.example:8443': ",
            "Password for 'https://x@proxy.example:3128': ",
        ):
            assert ask(granted, prompt).returncode == 1


def test_an_askpass_program_of_another_version_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "askpass").write_text("#!/bin/sh\nexit 1\n")
    with access.open_(HTTPS, CREDENTIAL, tmp_path) as granted:
        assert ask(granted, "Username for 'https://git.example:8443': ").stdout == "bot\n"


def test_only_the_urls_own_protocol_is_allowed(tmp_path: Path) -> None:
    for place, scheme in ((HTTPS, "https"), (SSH, "ssh")):
        with access.open_(place, None, tmp_path) as granted:
            assert granted.env["GIT_ALLOW_PROTOCOL"] == scheme
            assert granted.env["GIT_ASKPASS"] == "/bin/false"
