"""`Git`: the only start of git, through GitPython's command interface.

Contract: blocking calls in threads of this room's own pools, so that a dead remote holds up no reading and no
other room. Nothing of the hub's environment is inherited but `_KEPT`; no configuration file is read; hooks,
submodules, LFS, prompts and every protocol but the caller's are off. A command that is too slow, says too
much or whose awaiting task is cancelled is killed with all its children. The format of ``GIT_CONFIG_COUNT``
and the settings: git-config(1).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from fleet import ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

# What git and ssh need of the process's environment: where programs and CAs are. Which proxy is on the way each
# command is told by itself, without the password that the variables may hold.
_KEPT: Final = frozenset({"PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_ENVIRONMENT: Final = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_DEFAULT_REF_FORMAT": "files",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_CONFIG: Final = (
    ("core.fsmonitor", "false"),
    ("core.fsync", "none"),  # a mirror is a cache: what a power cut breaks is fetched again
    ("core.hooksPath", "/dev/null"),
    ("core.symlinks", "false"),
    ("credential.helper", ""),
    ("fetch.fsckObjects", "true"),
    # What old histories are known to hold, and the forges let pass.
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    ("maintenance.auto", "false"),
    ("protocol.file.allow", "never"),
    ("submodule.recurse", "false"),
)
_MOST_ERRORS: Final = 64 << 10
_LARGEST_FILE: Final = 16 << 30
# No core dump may hold a credential, no pack fill the disk. A shell sets the limits before it becomes git, for what
# git starts would else be without them. sh counts blocks of 512 bytes; a lower limit of the hub's own stays.
_LIMITS: Final = f'ulimit -c 0; ulimit -f {_LARGEST_FILE // 512} 2> /dev/null; exec "$@"'
_BOUNDED: Final = ("sh", "-c", _LIMITS, "sh")
_REMOTES: Final = 16
_READERS: Final = 4


class GitFailed(Exception):
    """git ended with an error. ``errors`` is what it wrote: `fleet.git.failure` reads it, nobody shows it."""

    def __init__(self, status: int, errors: bytes = b"", *, late: bool = False, loud: bool = False) -> None:
        super().__init__(f"git ended with status {status}")
        self.status = status
        self.errors = errors
        self.late = late
        self.loud = loud


@dataclass(frozen=True, slots=True)
class Granted:
    """What one command is given besides its arguments: environment, settings, open files, input."""

    env: Mapping[str, str] = field(default_factory=dict)
    config: tuple[tuple[str, str], ...] = ()
    fds: tuple[int, ...] = ()
    stdin: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one command may take: seconds, and bytes of output."""

    seconds: float = 60.0
    output: int = 64 << 20


class Conversation:
    """A git that answers line by line: `cat-file --batch`. Used by one thread at a time."""

    def __init__(self, holder: Any, process: subprocess.Popen[bytes]) -> None:
        self._holder = holder  # GitPython ends the process when this goes out of scope
        self._process = process
        assert process.stderr is not None  # noqa: S101 (GitPython always opens it)
        os.set_blocking(process.stderr.fileno(), False)

    def write(self, line: bytes) -> None:
        """Ask; raises `OSError` where the process has ended."""
        assert self._process.stdin is not None  # noqa: S101 (asked for in `converse`)
        self._hush()
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def line(self) -> bytes:
        """One line of the answer, without its end; raises `EOFError` where the process has ended."""
        assert self._process.stdout is not None  # noqa: S101 (asked for in `converse`)
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line[:-1]

    def exactly(self, size: int) -> bytes:
        """So many bytes of the answer; raises `EOFError` where the process ends before."""
        assert self._process.stdout is not None  # noqa: S101 (asked for in `converse`)
        content = self._process.stdout.read(size)
        if len(content) != size:
            raise EOFError
        return content

    def end(self) -> None:
        """End the process."""
        kill(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()

    def _hush(self) -> None:
        """Read away what it complained of, or the pipe fills and it stops."""
        assert self._process.stderr is not None  # noqa: S101 (GitPython always opens it)
        with contextlib.suppress(BlockingIOError):
            os.read(self._process.stderr.fileno(), _MOST_ERRORS)


class _Job:
    """The process that a pool's thread runs at the moment, for whoever has to end it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.cancelled = False

    def runs(self, process: subprocess.Popen[bytes] | None) -> None:
        with self._lock:
            self._process = process
            if process is not None and self.cancelled:
                kill(process)

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            if self._process is not None:
                kill(self._process)


class Git:
    """git with ``home`` as its folder: an empty HOME, and the askpass program lies in it."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home = home
        self._remotes = ThreadPoolExecutor(_REMOTES, thread_name_prefix="git-remote")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="git-local")
        self._jobs: set[_Job] = set()
        self._mine = threading.local()

    def run(
        self,
        args: Sequence[str],
        *,
        folder: Path | None = None,
        granted: Granted | None = None,
        bounds: Bounds | None = None,
    ) -> bytes:
        """What git puts out. Blocking; raises `GitFailed`. ``folder`` is the repository that it works on."""
        bounds = bounds or Bounds()
        deadline = time.monotonic() + bounds.seconds
        granted = granted or Granted()
        with contextlib.ExitStack() as stack:
            stdin: int | IO[bytes] = subprocess.DEVNULL
            if granted.stdin:
                stdin = stack.enter_context(tempfile.TemporaryFile())
                stdin.write(granted.stdin)
                stdin.seek(0)
            holder = self._start(args, folder, granted, stdin)
        process: subprocess.Popen[bytes] = holder.proc
        job: _Job | None = getattr(self._mine, "job", None)
        try:
            if job is not None:
                job.runs(process)
            output, errors = _collect(process, bounds.output, deadline)
        except BaseException as error:
            kill(process)
            process.wait()
            if isinstance(error, (TimeoutError, subprocess.TimeoutExpired)):
                raise GitFailed(-signal.SIGKILL, late=True) from None
            raise
        finally:
            if job is not None:
                job.runs(None)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        if process.returncode != 0:
            raise GitFailed(process.returncode, errors)
        return output

    def converse(self, args: Sequence[str], *, folder: Path) -> Conversation:
        """A git that is asked by lines."""
        holder = self._start(args, folder, Granted(), subprocess.PIPE)
        return Conversation(holder, holder.proc)

    async def remote(self, work: Callable[[], T]) -> T:
        """Run ``work``, which asks a server, in a thread; cancelled, its git is killed first."""
        return await self._in(self._remotes, work)

    async def local(self, work: Callable[[], T]) -> T:
        """Run ``work``, which asks no server, in a thread; cancelled, its git is killed first."""
        return await self._in(self._readers, work)

    def close(self) -> None:
        """Kill what runs, and end the threads."""
        for job in tuple(self._jobs):
            job.cancel()
        self._remotes.shutdown(cancel_futures=True)
        self._readers.shutdown(cancel_futures=True)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        job = _Job()
        self._jobs.add(job)
        future = asyncio.get_running_loop().run_in_executor(pool, self._as, job, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            job.cancel()
            # Whatever the thread still does in a folder, nobody else may do until it has ended.
            try:
                await ending.whole(asyncio.wait([future]))
            finally:
                if not future.cancelled():
                    future.exception()  # it is told by the cancellation
            raise
        finally:
            self._jobs.discard(job)

    def _as(self, job: _Job, work: Callable[[], T]) -> T:
        if job.cancelled:
            raise GitFailed(-signal.SIGKILL)
        self._mine.job = job
        try:
            return work()
        finally:
            self._mine.job = None

    def _start(
        self, args: Sequence[str], folder: Path | None, granted: Granted, stdin: int | IO[bytes]
    ) -> Any:
        """GitPython's holder of the process. It hands on the whole environment: `env -u` takes it away."""
        config = (*_CONFIG, *granted.config)
        env = {**_ENVIRONMENT, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), **granted.env}
        env["GIT_CONFIG_COUNT"] = str(len(config))
        for number, (key, value) in enumerate(config):
            env[f"GIT_CONFIG_KEY_{number}"] = key
            env[f"GIT_CONFIG_VALUE_{number}"] = value
        if folder is not None:
            env["GIT_DIR"] = str(folder)
        strange = [name for name in os.environ if name not in _KEPT and name not in env]
        command = ["env", *(part for name in strange for part in ("-u", name)), *_BOUNDED, "git", *args]
        return _gitpython()(str(self.home)).execute(
            command,
            istream=stdin,
            as_process=True,
            env=env,
            pass_fds=granted.fds,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that `Git` started, and its children: they are a session of their own."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _gitpython() -> Any:
    """GitPython's command interface; its import runs `git version`, so it waits until git is needed."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from git.cmd import Git as Command  # noqa: PLC0415

    return Command


def _collect(process: subprocess.Popen[bytes], most: int, deadline: float) -> tuple[bytes, bytes]:
    """Both outputs, once it has ended; raises `TimeoutError`, or `GitFailed` over ``most`` bytes."""
    output, errors = bytearray(), bytearray()
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for stream, into in ((process.stdout, output), (process.stderr, errors)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, into)
        if sys.platform == "linux":
            # Its end is an event like the others: Popen.wait with a time limit sleeps and looks.
            handle = os.pidfd_open(process.pid)
            stack.callback(os.close, handle)
            selector.register(handle, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, 65536) if key.data is not None else b""
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data is output or len(errors) < _MOST_ERRORS:
                    key.data.extend(chunk)
            if len(output) > most:
                raise GitFailed(-signal.SIGKILL, loud=True)
    process.wait(max(0.1, deadline - time.monotonic()))
    return bytes(output), bytes(errors)
