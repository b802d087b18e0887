"""Planes that stay until they are deleted, for `fleethub local create NAME`.

Contract: each is a folder `planes/NAME` in the cache: `plane.json` says what it is, `processes.json` what
runs of it. A server's process id counts only together with the time at which it began, so after a reboot
no other process is taken for it. Whatever happens during `create`, `delete` ends and removes all of it.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.local import binaries, watchdog
from bootstrap.local.plane import Plane
from bootstrap.local.processes import Process
from bootstrap.local.processes import start as start_process
from bootstrap.local.servers import Components, Spec

_GRACE = 3.0
# Kept, so that Python does not warn about children that are meant to outlive it.
_left_running: list[Process] = []


class PlaneExists(Exception):
    """There is a plane of this name."""


class NoSuchPlane(Exception):
    """There is no plane of this name."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """A plane as it is now. `running` names its servers that run; none after a reboot."""

    name: str
    folder: Path
    server: str
    kubeconfig: Path
    components: Components
    running: tuple[str, ...]


def create(
    name: str, *, components: Components = Components.ALL, port: int | None = None, timeout: float = 60.0
) -> Lasting:
    """Make a plane that outlives this process, wait until it is ready, and return it.

    Raises PlaneExists, BinariesMissing, PlaneFailed; then, and when interrupted, nothing of it is left.
    """
    folder = _folder(name)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        msg = f"there is a local cluster {name!r} already"
        raise PlaneExists(msg) from None
    try:
        plane = Plane.create(name, folder, components=components, warden=_Keeper(folder), port=port)
        plane.start()
        plane.wait_ready(timeout)
    except BaseException:
        _remove(folder)
        raise
    return _read(folder)


def start(name: str, timeout: float = 60.0) -> Lasting:
    """Start what does not run of a plane, for example after a reboot: same port, data and kubeconfig."""
    folder = _existing(name)
    _end(folder)
    plane = Plane.open(folder, warden=_Keeper(folder))
    plane.start()
    plane.wait_ready(timeout)
    return _read(folder)


def stop(name: str) -> None:
    """End a plane's servers and keep its data."""
    _end(_existing(name))


def list_all() -> tuple[Lasting, ...]:
    """All planes of this user, by name."""
    found = sorted((binaries.cache() / "planes").glob("*/plane.json"))
    return tuple(_read(path.parent) for path in found)


def find(name: str) -> Lasting:
    """One plane; NoSuchPlane where there is none."""
    return _read(_existing(name))


def delete(name: str) -> None:
    """End a plane's servers and remove its folder; NoSuchPlane where there is none."""
    folder = _folder(name)
    if not folder.is_dir():
        raise _missing(name)
    _remove(folder)


def beside(name: str, program: str, argv: Sequence[str | Path], *, told: Sequence[str]) -> Path:
    """Run a program of the caller's beside a plane's servers, until the plane ends; return its log.

    One that runs stays if it was `told` the same, and is ended first if not: what else stands in `argv`, such as
    a port, may differ from call to call.
    """
    folder = _existing(name)
    log = folder / "logs" / f"{program}.log"
    kept = folder / f"{program}.told.json"
    if _runs(folder, program) and kept.exists() and json.loads(kept.read_text()) == list(told):
        return log
    leave(name, program)
    kept.write_text(json.dumps(list(told)))
    _Keeper(folder).spawn(argv, None, stdout=log)
    return log


def leave(name: str, program: str) -> bool:
    """End a program that runs beside a plane's servers; False where none does."""
    folder = _existing(name)
    if not _runs(folder, program):
        return False
    watchdog.end([_processes(folder)[program]], _GRACE)
    return True


def _runs(folder: Path, program: str) -> bool:
    pid, began = _processes(folder).get(program, (0, None))
    return began is not None and watchdog.started(pid) == began


class _Keeper:
    """A spawner that writes down what it starts, before it runs."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "processes.json"

    def spawn(self, argv: Sequence[str | Path], env: Mapping[str, str] | None, *, stdout: Path) -> Process:
        process = start_process(argv, env, stdout, self._register)
        _left_running.append(process)
        return process

    def _register(self, process: Process) -> None:
        known = _processes(self._file.parent) | {process.log.stem: (process.pid, process.began)}
        scratch = self._file.with_suffix(".new")
        scratch.write_text(json.dumps(known))
        scratch.replace(self._file)


def _folder(name: str) -> Path:
    if not name or name != Path(name).name or name.startswith("."):
        msg = f"not a name for a local cluster: {name!r}"
        raise ValueError(msg)
    return binaries.cache() / "planes" / name


def _existing(name: str) -> Path:
    folder = _folder(name)
    if not (folder / "plane.json").exists():
        raise _missing(name)
    return folder


def _missing(name: str) -> NoSuchPlane:
    others = ", ".join(sorted(path.name for path in (binaries.cache() / "planes").glob("*"))) or "none"
    return NoSuchPlane(f"there is no local cluster {name!r}; there are: {others}")


def _read(folder: Path) -> Lasting:
    spec = Spec.read(folder)
    running = [
        server
        for server, (pid, began) in _processes(folder).items()
        if began is not None and watchdog.started(pid) == began
    ]
    return Lasting(
        spec.name, folder, spec.server, folder / "admin.kubeconfig", spec.components, tuple(running)
    )


def _processes(folder: Path) -> dict[str, tuple[int, str | None]]:
    try:
        content = json.loads((folder / "processes.json").read_text())
    except FileNotFoundError:
        return {}
    return {server: (pid, began) for server, (pid, began) in content.items()}


def _end(folder: Path) -> None:
    # API server before etcd: it waits for its last writes.
    for group in reversed(_processes(folder).values()):
        watchdog.end([group], _GRACE)
    _left_running[:] = [process for process in _left_running if process.running()]  # reaps the others


def _remove(folder: Path) -> None:
    _end(folder)
    shutil.rmtree(folder, ignore_errors=True)
