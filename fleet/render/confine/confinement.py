"""`Confinement`: the confined programs of one hub, and how many run at once.

Contract: ``start`` once, ``stop`` at the end; everything else may be called in any thread. A run is bounded by
`Limits` whatever the system; as many run at once as there are cores. What a run needed on disk is gone when it is
over, also when the hub is killed: the launcher removes it then.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fleet.render.confine import found, launcher, strength
from fleet.render.program import CalledOff, LimitExceeded, Name, Output, ProgramFailed, ProgramMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_BLOCK: Final = 1 << 16
_PREFIX: Final = "fleethub-render-"
# What the system passes on in one argument (less than MAX_ARG_STRLEN), and surely in one message of a socket.
_ARGUMENT: Final = 127 << 10
_ORDER: Final = 192 << 10
# What of the environment a Go program needs to be quick: a short run collects no garbage before it is near its limit.
_ENVIRONMENT: Final = {"GOGC": "400", "GOTRACEBACK": "none", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take: seconds, bytes."""

    seconds: float = 60.0
    cpu: int = 60
    memory: int = 1 << 30
    output: int = 64 << 20
    errors: int = 64 << 10
    file: int = 256 << 20


class Confinement:
    """See the module. ``folders`` are looked into for programs first."""

    def __init__(self, folders: Sequence[Path] = (), limits: Limits | None = None, level: str = "") -> None:
        self.limits = limits or Limits()
        self.level = level
        self._folders = tuple(folders)
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(cores())
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._boxes: Path | None = None
        self._serial = 0
        self._stopped = False
        self._running: set[Confined] = set()
        self._versions: dict[tuple[object, ...], str] = {}

    def start(self) -> str:
        """What walls this system offers, in one word of `launcher.LEVELS`; the launcher starts with the first run."""
        if not self.level:
            self.level = strength.offered(self)
        return self.level

    def stop(self) -> None:
        """End every run, and the launcher. May be called twice; nothing runs afterwards."""
        with self._lock:
            self._stopped = True
            running = tuple(self._running)
        for one in running:
            one.call_off()
        with self._lock:
            self._end()

    def confined(self) -> Confined:
        """The programs for one render."""
        return Confined(self)

    def path(self, program: Name) -> Path:
        """Where the program is. Raises `ProgramMissing`."""
        return found.find(program, self._folders)

    # --- for `Confined` and `strength` ------------------------------------------------------------------

    def version(self, program: Name, confined: Confined) -> str:
        """The version of a program; asked anew when its file is another one."""
        path = self.path(program)
        status = path.stat()
        key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._versions.get(key)
        if known is None:
            said = confined.run(program, found.VERSION[program], {}).stdout.decode(errors="replace").strip()
            known = self._versions[key] = _worded(program, said)
        return known

    def begin(self, order: Mapping[str, object], fds: Sequence[int]) -> int:
        """Hand an order to the launcher, which is started where it does not run; the order's number."""
        with self._lock:
            if self._stopped:
                raise CalledOff("the hub stops")
            self._ready()
            self._serial += 1
            number = self._serial
            assert self._orders is not None  # noqa: S101 (just started)
            message = json.dumps(
                {**order, "id": number, "level": order.get("level") or self.level or "limits"}
            ).encode()
            if len(message) > _ORDER:
                raise LimitExceeded(f"its options and parameters together are longer than {_ORDER >> 10} KiB")
            socket.send_fds(self._orders, [message], list(fds))
        return number

    def kill(self, number: int) -> None:
        """End the run of an order, if it still runs."""
        with self._lock, contextlib.suppress(OSError):
            if self._orders is not None:
                self._orders.send(json.dumps({"kill": number}).encode())

    def box(self) -> Path:
        """A fresh private folder."""
        with self._lock:
            if self._stopped:
                raise CalledOff("the hub stops")
            boxes = self._ready()
        return Path(tempfile.mkdtemp(dir=boxes))

    @contextlib.contextmanager
    def slot(self, confined: Confined) -> Iterator[None]:
        """One of as many as there are cores; waits for it, unless the render is called off."""
        while not self._slots.acquire(timeout=0.05):
            confined.check()
        try:
            with self._lock:
                self._running.add(confined)
            yield
        finally:
            with self._lock:
                self._running.discard(confined)
            self._slots.release()

    def _ready(self) -> Path:
        """Have a launcher run; the folder for boxes, which it removes when this process dies."""
        if self._boxes is None:
            self._boxes = Path(tempfile.mkdtemp(prefix=_PREFIX))
        elif not self._boxes.is_dir():  # somebody tidied up
            self._boxes.mkdir(mode=0o700)
        if self._process is None or self._process.poll() is not None:
            self._end_launcher()  # its boxes stay: those of orders under way are among them
            self._launch(self._boxes)
        return self._boxes

    def _launch(self, boxes: Path) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            arguments = [
                sys.executable,
                "-I",
                "-S",
                launcher.__file__,
                str(theirs.fileno()),
                str(boxes),
            ]
            self._process = subprocess.Popen(
                arguments,
                pass_fds=[theirs.fileno()],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        self._orders = ours

    def _end(self) -> None:
        self._end_launcher()
        if self._boxes is not None:
            shutil.rmtree(self._boxes, ignore_errors=True)
            self._boxes = None

    def _end_launcher(self) -> None:
        if self._orders is not None:
            self._orders.close()
            self._orders = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process = None


class Confined:
    """The `Programs` of one render, that can be called off from any thread."""

    def __init__(self, confinement: Confinement) -> None:
        self._confinement = confinement
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._number: int | None = None

    def call_off(self) -> None:
        """End what runs; whatever is asked for afterwards raises `CalledOff`."""
        self._over.set()
        with self._lock:
            number = self._number
        if number is not None:
            self._confinement.kill(number)

    def check(self) -> None:
        """Raise `CalledOff` where it is."""
        if self._over.is_set():
            raise CalledOff("the render was called off")

    def version(self, program: Name) -> str:
        """See `Programs`."""
        return self._confinement.version(program, self)

    def run(
        self,
        program: Name,
        arguments: Sequence[str],
        files: Mapping[str, bytes],
        *,
        folder: str = "",
        beside: Sequence[Name] = (),
    ) -> Output:
        """See `Programs`."""
        if any(len(one.encode(errors="replace")) > _ARGUMENT for one in arguments):
            raise LimitExceeded(f"a parameter of {program} is longer than {_ARGUMENT >> 10} KiB")
        path = self._confinement.path(program)
        others = {str(one): str(self._confinement.path(one)) for one in beside}
        with self._confinement.slot(self):
            self.check()
            box = self._confinement.box()
            try:
                _fill(box / "files", files)
                (box / "files" / ".tmp").mkdir(exist_ok=True)
                order = {
                    "program": str(path),
                    "beside": others,
                    "argv": [program, *arguments],
                    "box": str(box),
                    "folder": f"files/{folder}".rstrip("/"),
                }
                return self._run(order, box)
            finally:
                shutil.rmtree(box, ignore_errors=True)

    def _run(self, given: Mapping[str, Any], box: Path) -> Output:
        limits = self._confinement.limits
        order = {
            **given,
            "env": _ENVIRONMENT,
            "limits": {"data": limits.memory, "cpu": limits.cpu, "file": limits.file, "files": 1024},
        }
        pipes = [os.pipe() for _ in range(3)]
        reading = [one for one, _ in pipes]
        try:
            try:
                number = self._confinement.begin(order, [one for _, one in pipes])
            finally:
                for _, one in pipes:
                    os.close(one)
            with self._lock:
                self._number = number
            if self._over.is_set():
                self._confinement.kill(number)
            heard = _Heard(given["argv"][0], limits, lambda: self._confinement.kill(number))
            heard.listen(reading)
        finally:
            with self._lock:
                self._number = None
            for one in reading:
                os.close(one)
        self.check()
        return heard.output(box)


class _Heard:
    """What a child says, on its three pipes, until it has ended or taken too much."""

    def __init__(self, program: str, limits: Limits, kill: Callable[[], None]) -> None:
        self._program = program
        self._limits = limits
        self._kill = kill
        self._said = [bytearray(), bytearray(), bytearray()]
        self._over = ""

    def listen(self, pipes: Sequence[int]) -> None:
        deadline = time.monotonic() + self._limits.seconds
        with selectors.DefaultSelector() as selector:
            for number, fd in enumerate(pipes):
                selector.register(fd, selectors.EVENT_READ, number)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0 and not self._over:
                    self._stop(f"took longer than {self._limits.seconds:.0f} s")
                for key, _ in selector.select(max(0.0, left) if not self._over else 5.0) or ():
                    block = os.read(key.fd, _BLOCK)
                    if not block:
                        selector.unregister(key.fd)
                    else:
                        self._take(key.data, block)
                if self._over and time.monotonic() > deadline + 10.0:
                    return  # the launcher is stuck: what it left is ended with it

    def output(self, box: Path) -> Output:
        """What it wrote; raises what its end means."""
        out, errors, told = (bytes(one) for one in self._said)
        words = _inside(errors.decode(errors="replace"), box)
        if self._over:
            raise LimitExceeded(f"{self._program} {self._over} and was ended")
        if not told:
            raise ProgramFailed(f"{self._program} was ended from outside", status=-9, errors=words)
        status = int(told)
        if status == launcher.FAILED and "could not be confined" in words:
            raise ProgramMissing(f"{self._program}: {words}")
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            raise LimitExceeded(
                f"{self._program} was ended: it may take {self._limits.cpu} s of processor time and "
                f"{self._limits.memory >> 20} MiB of memory"
            )
        if status and ("out of memory" in words or "cannot allocate memory" in words):
            raise LimitExceeded(f"{self._program} needs more than {self._limits.memory >> 20} MiB of memory")
        if status == -signal.SIGXFSZ or "file too large" in words:
            raise LimitExceeded(f"{self._program} wrote a file of more than {self._limits.file >> 20} MiB")
        if status:
            raise ProgramFailed(f"{self._program} ended with status {status}", status=status, errors=words)
        return Output(out, errors)

    def _take(self, number: int, block: bytes) -> None:
        said = self._said[number]
        if number == 1:
            said += block[: max(0, self._limits.errors - len(said))]
            return
        said += block
        if number == 0 and len(said) > self._limits.output:
            said.clear()
            if not self._over:
                self._stop(f"printed more than {self._limits.output >> 20} MiB")

    def _stop(self, why: str) -> None:
        self._over = why
        self._kill()


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    root = str(folder)
    made = {root}
    for name, content in files.items():
        parts = name.split("/")
        if not name or any(part in ("", ".", "..") for part in parts) or "\0" in name:
            raise ProgramFailed(f"{name!r} is no path inside a private folder", status=launcher.FAILED)
        path = f"{root}/{name}"
        above = path.rpartition("/")[0]
        if above not in made:
            os.makedirs(above, exist_ok=True)  # noqa: PTH103 (many files: text is quicker)
            made.add(above)
        with open(path, "xb", buffering=0) as file:  # noqa: PTH123 (as above)
            file.write(content)


def _inside(text: str, box: Path) -> str:
    """What was said, with paths as they are inside the box."""
    return text.replace(f"{box}/files/", "").replace("/files/", "")


def _worded(program: Name, said: str) -> str:
    if program is Name.KUBECTL:
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            return f"kustomize {json.loads(said)['kustomizeVersion']}"
    return f"{program} {said.splitlines()[0] if said else '?'}"
