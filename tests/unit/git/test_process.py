"""The one start of git: a bare environment, limits, cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fleet.git.process import Bounds, Git, GitFailed, Granted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stage.gitrepo import GitRepo

ALIAS = "alias.try"


def shell(script: str) -> Granted:
    """Let `git try` run a script: what runs below git sees what git was given."""
    return Granted(config=((ALIAS, f"!{script}"),))


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_of_the_environment_is_handed_on_but_programs_and_cas(
    git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "canary")
    monkeypatch.setenv("GIT_DIR", "/canary")
    monkeypatch.setenv("GIT_SSH_COMMAND", "canary")
    monkeypatch.setenv("GIT_TRACE", "/canary")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@proxy.example")
    monkeypatch.setenv("SSL_CERT_FILE", "/ca.pem")
    seen = dict(line.split("=", 1) for line in git.run(["try"], granted=shell("env")).decode().splitlines())
    assert "canary" not in "".join(seen.values())
    assert seen["HOME"] == str(git.home)
    assert "HTTPS_PROXY" not in seen
    assert seen["SSL_CERT_FILE"] == "/ca.pem"
    assert not {"VAULT_TOKEN", "GIT_DIR", "GIT_SSH_COMMAND", "GIT_TRACE", "USER"} & seen.keys()


def test_no_configuration_file_is_read(git: Git, repo: GitRepo) -> None:
    (git.home / ".gitconfig").write_text("[core]\n\tpager = canary\n")
    shown = git.run(["config", "--list", "--show-origin"], folder=repo.path).decode()
    origins = {line.partition("\t")[0] for line in shown.splitlines()}
    assert origins == {"command line:", f"file:{repo.path}/config"}
    assert "canary" not in shown
    assert "core.hookspath=/dev/null" in shown
    assert "http.followredirects=false" in shown


def test_the_file_protocol_and_transport_helpers_are_off(git: Git, repo: GitRepo) -> None:
    for url in (str(repo.path), f"file://{repo.path}", "ext::sh -c true"):
        with pytest.raises(GitFailed) as caught:
            git.run(["ls-remote", "--", url])
        assert b"not allowed" in caught.value.errors


def test_a_command_that_hangs_is_killed_with_its_children(git: Git, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(GitFailed) as caught:
        git.run(["try"], granted=shell(f"sh -c 'echo $$ > {mark}; exec sleep 60'"), bounds=Bounds(1.0))
    assert caught.value.late
    assert time.monotonic() - begun < 5
    wait_until(lambda: gone(int(mark.read_text())))


def test_a_command_that_says_too_much_is_killed(git: Git) -> None:
    with pytest.raises(GitFailed) as caught:
        git.run(["try"], granted=shell("yes"), bounds=Bounds(20, output=100_000))
    assert caught.value.loud


def test_errors_without_end_do_not_fill_memory(git: Git) -> None:
    with pytest.raises(GitFailed) as caught:
        git.run(["try"], granted=shell("sh -c 'yes | head -c 3000000 >&2; exit 3'"))
    assert len(caught.value.errors) <= 128 << 10


def test_input_reaches_the_command(git: Git) -> None:
    granted = Granted(config=((ALIAS, "!cat"),), stdin=b"x" * 200_000)
    assert git.run(["try"], granted=granted) == b"x" * 200_000


def test_no_core_is_dumped_and_no_file_without_end_is_written(git: Git) -> None:
    limits = git.run(["try"], granted=shell("cat /proc/self/limits")).decode()
    for name, most in (("Max core file size", 0), ("Max file size", 16 << 30)):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        soft, hard = line.removeprefix(name).split()[:2]
        assert int(soft) <= int(hard) <= most


async def until(mark: Path) -> None:
    """Wait for a file that another process writes."""
    await asyncio.to_thread(wait_until, mark.exists)


async def test_a_cancelled_task_kills_its_git_before_it_ends(git: Git, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = shell(f"sh -c 'echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60'")
    task = asyncio.create_task(git.remote(lambda: git.run(["try"], granted=script)))
    await until(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wait_until(lambda: gone(int(mark.read_text())))


async def test_a_task_that_is_cancelled_again_and_again_waits_for_what_its_thread_does(git: Git) -> None:
    going, ended = threading.Event(), threading.Event()

    def work() -> None:
        going.wait(10)
        ended.set()

    task = asyncio.create_task(git.local(work))
    for _ in range(5):
        await asyncio.sleep(0.01)
        task.cancel()
    assert not task.done(), "the folder is still the thread's"
    going.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_closing_ends_what_runs(tmp_path: Path) -> None:
    git = Git(tmp_path / "other")
    mark = tmp_path / "pid"
    script = shell(f"sh -c 'echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60'")
    task = asyncio.create_task(git.remote(lambda: git.run(["try"], granted=script)))
    await until(mark)
    git.close()
    with pytest.raises(GitFailed):
        await task


async def test_remotes_that_hang_do_not_hold_up_reading(git: Git) -> None:
    hanging = [
        asyncio.create_task(git.remote(lambda: git.run(["try"], granted=shell("sleep 60"))))
        for _ in range(20)
    ]
    assert (await asyncio.wait_for(git.local(lambda: git.run(["version"])), 10)).startswith(b"git version")
    for task in hanging:
        task.cancel()
    for task in hanging:
        with contextlib.suppress(asyncio.CancelledError, GitFailed):
            await task


def test_a_conversation_says_when_it_has_ended(git: Git, repo: GitRepo) -> None:
    talk = git.converse(["cat-file", "--batch"], folder=repo.path)
    talk.write(b"HEAD\n")
    assert talk.line() == b"HEAD missing"
    os.kill(talk._process.pid, signal.SIGKILL)
    talk._process.wait()

    def ask() -> bytes:
        talk.write(b"HEAD\n")
        return talk.line()

    with pytest.raises((OSError, EOFError)):
        ask()
    talk.end()


def test_gitpython_is_not_imported_before_git_is_needed() -> None:
    code = "import sys, fleet.git.mirror; sys.exit('git' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
