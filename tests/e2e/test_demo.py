"""The demo as people run it: a process of its own, to its end, killed in the middle, and from a wheel alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from bootstrap.local import binaries

ROOT = Path(__file__).parents[2]


def processes(marker: str) -> list[str]:
    """Command lines of living processes that name the marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if marker in line:
                found.append(line)
    return found


def waited(condition: object, seconds: float) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.1)
    return False


@pytest.mark.timeout(120)
def test_a_demo_that_is_killed_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    demo = subprocess.Popen(
        [sys.executable, "-m", "fleet.cli", "demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
    )
    try:
        assert waited(
            lambda: all(
                any(program in line for line in processes(str(tmp_path)))
                for program in ("kube-apiserver", "dev-tls-cert-dir")
            ),
            60,
        )
    finally:
        demo.send_signal(signal.SIGKILL)
        demo.communicate()
    assert waited(lambda: not processes(str(tmp_path)), 30), processes(str(tmp_path))
    assert waited(lambda: not list(tmp_path.glob("fleethub-demo-*/*")), 10)


@pytest.mark.timeout(600)
def test_the_wheel_alone_installs_a_command_whose_demo_walks_the_loop_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    wheels = tmp_path / "wheels"
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(wheels),
            str(ROOT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    requirements = str(ROOT / "requirements" / "runtime.txt")
    for arguments in (["--require-hashes", "-r", requirements], ["--no-deps", str(wheel)]):
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    command = tmp_path / "venv" / "bin" / "fleethub"
    away = {
        "cwd": str(tmp_path),
        "capture_output": True,
        "text": True,
        "check": False,
        "stdin": subprocess.DEVNULL,
    }
    shown = subprocess.run([command, "install", "--print"], **away)  # type: ignore[call-overload]
    assert "kind: CustomResourceDefinition" in shown.stdout, shown.stderr
    cache = tmp_path / "cache"
    (cache / "bin").mkdir(parents=True)
    for program in binaries.built().iterdir():
        if not program.name.startswith("bao-"):
            (cache / "bin" / program.name).symlink_to(program)
    env = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "FLEETHUB_CACHE": str(cache),
    }
    demo = subprocess.run([command, "demo"], env=env, **away)  # type: ignore[call-overload]
    assert demo.returncode == 0, demo.stdout + demo.stderr
    # The wheel depends on no OpenBao: the demo installed it, with checked hashes.
    assert list((cache / "bin").glob("bao-v*"))
    for words in (
        "2 Running pods",
        "a kustomization comes out",
        "so does a Helm chart",
        "is put back to 5",
        "set by kubectl",
        "pruned",
        "git revert",
        "the Secrets arrive on dev and prod",
        "stays shut there",
        "by the lines of fleethub vault setup",
        "an ExternalSecret arrives on dev and prod",
        "changed in OpenBao, it arrives on dev and prod by itself",
        "hello is restarted, once",
        "OutOfSync",
        "is back",
    ):
        assert words in demo.stdout
    assert waited(lambda: not processes(str(tmp_path)), 10)
    assert not list(tmp_path.glob("fleethub-demo-*"))
