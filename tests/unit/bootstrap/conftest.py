"""What the tests of `bootstrap` share: the real kubectl, conditions with a deadline, one warden a run."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.local import binaries, watchdog
from bootstrap.local.warden import Warden
from tests.unit.bootstrap.local_protocols import Eventually, Kubectl


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    program = binaries.kubectl()

    def run(kubeconfig: Path, *arguments: str) -> str:
        command = [program, "--kubeconfig", kubeconfig, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    return run


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    def wait(condition: Callable[[], bool], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not become true in time"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def warden() -> Iterator[Warden]:
    with Warden() as warden:
        yield warden


@pytest.fixture
def gone() -> Callable[[int], bool]:
    return lambda pid: watchdog.started(pid) is None
