"""Server processes: started in a session of their own, and only once somebody answers for them.

Contract: `start` runs nothing before `register` has returned. A process that nobody could have registered,
because the starter died in between, ends by itself.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bootstrap.local import watchdog

_TAIL = 4000
# The shell waits for one line before it becomes the program; at the end of the input instead (the starter
# is gone) it ends. POSIX sh, so no second Python start and no preexec_fn in a process with threads.
_GATE = 'read -r go && exec "$@" </dev/null'


@dataclass(slots=True)
class Process:
    """A started server and the log it writes; `began` guards against a number that was given again."""

    pid: int
    began: str | None
    log: Path
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def running(self) -> bool:
        """Whether it still runs; reaps it if it has ended."""
        if self._child is not None:
            return self._child.poll() is None
        return self.began is not None and watchdog.started(self.pid) == self.began

    def exit_code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs, or if this process did not start it."""
        return None if self._child is None else self._child.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its whole group; nothing happens if it has ended."""
        if self.running():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def end(self, grace: float = 5.0) -> None:
        """End it and its group: TERM, after `grace` seconds KILL. Returns when it has ended."""
        watchdog.end([(self.pid, self.began)], grace)
        if self._child is not None:
            self._child.wait()

    def reap(self, timeout: float = 5.0) -> None:
        """Take leave of it after it was ended: its last threads may need a moment more."""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout)

    def tail(self) -> str:
        """Return the end of its log, for an error."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL))
            return log.read().decode(errors="replace").strip()
        return ""


class Spawner(Protocol):
    """Who starts processes and answers for their end."""

    def spawn(self, argv: Sequence[str | Path], env: Mapping[str, str] | None, *, stdout: Path) -> Process:
        """Start a program that writes its output and errors to `stdout`, appending."""


def start(
    argv: Sequence[str | Path],
    env: Mapping[str, str] | None,
    stdout: Path,
    register: Callable[[Process], None],
) -> Process:
    """Start a program in its own session, without input; it runs once `register` has returned."""
    stdout.parent.mkdir(parents=True, exist_ok=True)
    held, gate = os.pipe()  # neither is inherited, but for `held` as the program's standard input
    try:
        with stdout.open("ab") as log:
            child = subprocess.Popen(
                ["/bin/sh", "-c", _GATE, "sh", *argv],
                env=env,
                stdin=held,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(child.pid, watchdog.started(child.pid), stdout, child)
        register(process)
        os.write(gate, b"go\n")
    finally:
        os.close(held)
        os.close(gate)
    return process
