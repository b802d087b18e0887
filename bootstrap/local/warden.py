"""Nothing is left behind: processes end and folders go when their owner does, however it does.

Contract: what `spawn` started and `folder` named is ended and removed by `close`, at the end of the `with`
block, and, by a watchdog process in a session of its own, when the owner dies without either (SIGKILL,
out of memory). A terminal's Ctrl-C reaches the owner only: the servers live until it decides.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bootstrap.local import watchdog
from bootstrap.local.processes import Process, start


class Warden:
    """Owns processes and folders; thread-safe. One watchdog each, so keep one for a whole run."""

    def __init__(self, grace: float = 2.0) -> None:
        """`grace` is how many seconds lie between TERM and KILL."""
        self._grace = grace
        self._lock = threading.Lock()
        self._processes: dict[int, Process] = {}
        self._folders: dict[str, None] = {}
        # -I -S: neither the user's site nor the folder of the caller matters to it. The write end of the
        # pipe is close-on-exec, as all that Python opens: no server can keep it open.
        read, write = os.pipe()
        self._orders = os.fdopen(write, "wb", buffering=0)
        with os.fdopen(read, "rb") as orders:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", watchdog.__file__, str(os.getpid()), str(grace)],
                stdin=orders,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def spawn(
        self, argv: Sequence[str | Path], env: Mapping[str, str] | None = None, *, stdout: Path
    ) -> Process:
        """Start a program in a session of its own; output and errors are appended to `stdout`."""
        return start(argv, env, stdout, self._register)

    def folder(self, path: Path) -> Path:
        """Make a folder, to be removed with all it holds after the processes have ended."""
        name = str(path.absolute())
        self._folders[name] = None
        self._order({"folder": name})
        path.mkdir(parents=True, exist_ok=True)
        return path

    def keep(self, path: Path) -> None:
        """Do not remove this folder after all."""
        name = str(path.absolute())
        self._folders.pop(name, None)
        self._order({"keep": name})

    def close(self) -> None:
        """End every process and remove every folder; returns when that is done. May be called twice."""
        with self._lock:
            self._orders.close()
        # The watchdog does the work here too, so that the way without an owner is the way always walked.
        if self._watchdog.wait():  # somebody killed it
            watchdog.end([(process.pid, process.began) for process in self._processes.values()], self._grace)
            for folder in self._folders:
                watchdog.remove(folder)
        for process in self._processes.values():
            process.reap()

    def _register(self, process: Process) -> None:
        with self._lock:
            ended = [pid for pid, known in self._processes.items() if not known.running()]
            for pid in ended:
                del self._processes[pid]
            self._processes[process.pid] = process
        for pid in ended:
            self._order({"forget": pid})
        self._order({"group": process.pid})

    def _order(self, order: Mapping[str, object]) -> None:
        with self._lock:
            self._orders.write(json.dumps(order).encode() + b"\n")
