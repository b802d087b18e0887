"""A build makes what lacks, once, and leaves nothing but the programs, however it ends."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.local import binaries
from bootstrap.local.build import build
from bootstrap.local.progress import Progress
from bootstrap.local.toolchain import BuildFailed, find_go
from tests.unit.bootstrap.local_protocols import Eventually

# A module of one file, and its program as a row that is added to the table.
HELLO = binaries.Program(
    "hello", "golang.org/x/example/hello", "v0.0.0-20250915201037-7f05d217867b", go=(1, 19)
)
SCRIPT = f"""
import sys
from bootstrap.local import binaries, build
binaries.EXTRA = (binaries.{HELLO!r},)
sys.exit(build.main(["hello"]))
""".replace("replaces=<Replaces.NONE: 'none'>, ", "")


@pytest.fixture(scope="module", autouse=True)
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Go on PATH for the small builds here, installed once where there is none."""
    program = find_go(tmp_path_factory.mktemp("go"), HELLO.go, print)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FLEETHUB_BINARIES", raising=False)
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def started(log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as out:
        return subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=out, stderr=subprocess.STDOUT)


def test_of_two_builds_at_once_one_builds_and_both_find_the_program(cache: Path, tmp_path: Path) -> None:
    logs = [tmp_path / "one", tmp_path / "two"]
    builds = [started(log) for log in logs]
    assert [process.wait(60) for process in builds] == [0, 0]
    told = [log.read_text() for log in logs]
    assert sorted("building hello" in text for text in told) == [False, True]
    program = cache / "bin" / HELLO.file
    assert all(f"hello\t{program}" in text for text in told)
    assert subprocess.run([program], capture_output=True, check=True).stdout == b"Hello, world!\n"
    # Neither modules nor compiler cache are kept.
    assert sorted(path.name for path in cache.iterdir()) == ["bin", "build.lock"]


def test_an_interrupted_build_leaves_nothing(cache: Path, tmp_path: Path, eventually: Eventually) -> None:
    log = tmp_path / "log"
    process = started(log)
    eventually(lambda: "of at most" in log.read_text() or "building hello" in log.read_text(), 30)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert not (cache / "building").exists()
    assert not any(str(cache) in line for line in _environments())


def test_a_failed_build_shows_what_the_compiler_said_and_leaves_nothing(cache: Path) -> None:
    broken = binaries.Program("broken", HELLO.module, HELLO.version, "no/such/package", go=(1, 19))
    with pytest.raises(BuildFailed, match=r"(?s)no/such/package.*Run the same command again"):
        build([broken])
    assert not (cache / "building").exists()


def test_what_was_killed_in_the_middle_is_removed_by_the_next_build(cache: Path) -> None:
    rest = cache / "building" / "modules"
    rest.mkdir(parents=True)
    (rest / "file").touch()
    rest.chmod(0o500)
    with pytest.raises(BuildFailed):
        build([binaries.Program("broken", "example.invalid/none", "v1.0.0", go=(1, 19))])
    assert not (cache / "building").exists()


def test_a_program_that_is_there_is_not_built_again(cache: Path) -> None:
    ready = cache / "bin" / HELLO.file
    ready.parent.mkdir(parents=True)
    ready.write_text("#!/bin/sh\n")
    ready.chmod(0o755)
    assert build([HELLO]) == {"hello": ready}
    assert ready.read_text() == "#!/bin/sh\n"


def test_a_program_that_is_there_waits_for_no_other_build(cache: Path) -> None:
    program = cache / "bin" / HELLO.file
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    with (cache / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert build([HELLO]) == {"hello": program}


def test_every_step_is_told_with_what_is_left(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out, Progress(2, out) as progress:
        progress.step("first")
        progress.step("second")
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines == [
        "[1/2] first, 0s (in all 0s), 1 more to go",
        "[1/2] first: done in 0s",
        "[2/2] second, 0s (in all 0s), the last one",
        "[2/2] second: done in 0s",
    ]


def _environments() -> list[str]:
    """Return the environments of all other processes of this machine, which name the caches of a build."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        if path.parent.name != str(os.getpid()):
            try:
                found.append(path.read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return found
