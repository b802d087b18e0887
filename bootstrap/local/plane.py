"""One local control plane: real etcd, API server, controllers and scheduler; its node is played by kwok.

Contract: a `Plane` is used by one thread. Ports, certificates and data stay the same over `stop`, `kill`
and `start`; everything it writes is in its folder. Without a warden of the caller's it has its own: its
processes then end and its folder goes with `close`, with the `with` block or with this process, however
that ends. With one, folder and end are the caller's.
"""

import dataclasses
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bootstrap.local import binaries, ports, servers, watchdog
from bootstrap.local.authority import Authority
from bootstrap.local.door import Door
from bootstrap.local.processes import Process, Spawner
from bootstrap.local.servers import Components, Spec
from bootstrap.local.warden import Warden

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_STEP = 0.05
_TRIES = 5
# Controllers let go of the API server before it ends, and it of etcd: nobody waits for a dead peer.
_LAST_TO_FIRST = (("kwok", "kube-scheduler", "kube-controller-manager"), ("kube-apiserver",), ("etcd",))


class PlaneFailed(Exception):
    """A plane did not come up; the text names the server and ends with the end of its log."""


class Plane:
    """One control plane; make it with `create`, or `open` one that is in a folder."""

    def __init__(self, spec: Spec, spawner: Spawner, own: Warden | None, *, pinned: bool) -> None:
        """For `create` and `open`."""
        self._spec = spec
        self._spawner = spawner
        self._own = own
        self._pinned = pinned
        # Once it was ready, or was there before, neither its ports nor its data are given up.
        self._settled = (spec.folder / "plane.json").exists()
        self._processes: dict[str, Process] = {}
        self._programs = binaries.locate(_programs(spec.components, shared=spec.etcd_port is None))
        self._authority = Authority(spec.folder / "pki", f"{spec.name}-ca")
        self._write()

    @classmethod
    def create(
        cls,
        name: str,
        folder: Path,
        *,
        components: Components = Components.ALL,
        warden: Spawner | None = None,
        port: int | None = None,
        etcd: str | None = None,
        prefix: str = "/registry",
        api_flags: tuple[str, ...] = (),
    ) -> Self:
        """Make a new plane in `folder`; nothing runs yet. Raises BinariesMissing.

        `etcd` is the `etcd` of another plane, to share it under another `prefix`. `api_flags` are added to
        the API server's own.
        """
        if not _NAME.fullmatch(name):
            msg = f"a plane's name is lower case letters, digits and dashes: {name!r}"
            raise ValueError(msg)
        folder = folder.absolute()
        binaries.locate(_programs(components, shared=etcd is not None))  # before anything is written
        own = None
        if warden is None:
            warden = own = Warden()
            own.folder(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        api, client, peer = ports.free(3)
        spec = Spec(
            name=name,
            folder=folder,
            components=components,
            port=port or api,
            etcd_port=None if etcd else client,
            etcd_peer_port=None if etcd else peer,
            etcd=etcd or f"http://127.0.0.1:{client}",
            prefix=prefix,
            api_flags=api_flags,
        )
        return cls(spec, warden, own, pinned=port is not None)

    @classmethod
    def open(cls, folder: Path, *, warden: Spawner) -> Self:
        """Return the plane that an earlier process made in `folder`; nothing of it may run."""
        return cls(Spec.read(folder.absolute()), warden, None, pinned=True)

    @property
    def name(self) -> str:
        """Its name, also that of the kubeconfig's context."""
        return self._spec.name

    @property
    def folder(self) -> Path:
        """Where all it writes is."""
        return self._spec.folder

    @property
    def components(self) -> Components:
        """How much of it runs."""
        return self._spec.components

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._spec.server

    @property
    def port(self) -> int:
        """The API server's port on 127.0.0.1."""
        return self._spec.port

    @property
    def etcd(self) -> str:
        """The URL of its etcd, for `create(etcd=...)` of another."""
        return self._spec.etcd

    @property
    def ca_data(self) -> str:
        """Its CA as PEM in base64, as in a kubeconfig."""
        return self._authority.data

    @property
    def authority(self) -> Authority:
        """Its CA, which signs its clients' certificates."""
        return self._authority

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an admin (group `system:masters`); no other file is needed to use it."""
        return self._spec.folder / "admin.kubeconfig"

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """Write a kubeconfig of another user, who may do what RBAC grants to the name or the groups."""
        name = re.sub(r"[^a-z0-9]+", "-", f"user-{user}-{'-'.join(groups)}".lower()).strip("-")
        return servers.kubeconfig(self._spec, self._authority, name, user, *groups)

    def start(self) -> None:
        """Start etcd and API server and return at once; `wait_ready` starts what needs them."""
        if self._spec.etcd_port is not None:
            self._run("etcd", servers.etcd(self._spec, self._programs["etcd"]))
        program = self._programs["kube-apiserver"]
        self._run("kube-apiserver", servers.api_server(self._spec, program, self._authority))

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Return when it is of use: the API is ready and, with ALL components, a Pod would run.

        Raises PlaneFailed with the end of a log when a server ends or `timeout` seconds have passed.
        """
        deadline = time.monotonic() + timeout
        for left in reversed(range(_TRIES)):
            if self._until(lambda: self._door().holds("/readyz"), deadline, retry=left > 0):
                break
            self._move()
        self._settled = True
        if self._spec.components is Components.ALL:
            if "kwok" not in self.running():
                self._until(self._door().nodes_are_free, deadline)
            for name, command in _CONTROLLERS.items():
                self._run(name, command(self._spec, self._programs[name], self._authority))
            self._until(self._door().node_stands, deadline)
            self._until(self._door().pod_would_run, deadline)

    def stop(self, grace: float = 5.0) -> None:
        """End its servers in order: TERM, KILL after `grace` seconds. Data and ports are kept."""
        for names in _LAST_TO_FIRST:
            self._end(names, grace)

    def kill(self) -> None:
        """End its servers at once, as a crash would: SIGKILL to all."""
        for process in self._processes.values():
            process.send(signal.SIGKILL)
        self._end(tuple(self._processes), 0)

    def restart(self, timeout: float = 60.0) -> None:
        """Stop, start and wait: same port, data and certificates."""
        self.stop()
        self.start()
        self.wait_ready(timeout)

    def pause(self) -> None:
        """Halt the API server (SIGSTOP): connections stay open and nothing is answered."""
        self._processes["kube-apiserver"].send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a halted API server go on."""
        self._processes["kube-apiserver"].send(signal.SIGCONT)

    def running(self) -> dict[str, int]:
        """Return the servers that run now, with their process ids."""
        return {name: process.pid for name, process in self._processes.items() if process.running()}

    def close(self) -> None:
        """End its servers; with its own warden, remove its folder too. May be called twice."""
        self.stop()
        if self._own:
            self._own.close()

    def __enter__(self) -> Self:
        """Start it and wait until it is ready."""
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _door(self) -> Door:
        admin = self._authority.client("admin", "admin", "system:masters")
        return Door(self._spec.port, self._authority.files.certificate, admin)

    def _write(self) -> None:
        self._spec.write()
        servers.kubeconfig(self._spec, self._authority, "admin", "admin", "system:masters")

    def _run(self, name: str, argv: list[str | Path]) -> None:
        if (known := self._processes.get(name)) and known.running():
            return
        log = self._spec.folder / "logs" / f"{name}.log"
        self._processes[name] = self._spawner.spawn(argv, None, stdout=log)

    def _end(self, names: tuple[str, ...], grace: float) -> None:
        ending = [self._processes.pop(name) for name in names if name in self._processes]
        watchdog.end([(process.pid, process.began) for process in ending], grace)
        for process in ending:
            process.reap()  # until then its last threads may hold its port

    def _until(self, condition: Callable[[], bool], deadline: float, *, retry: bool = False) -> bool:
        """Wait for a condition. False only with `retry`: a port is taken and others may be tried."""
        while not condition():
            dead = next((name for name, process in self._processes.items() if not process.running()), None)
            if dead:
                tail = self._processes[dead].tail()
                movable = not self._settled and not (self._pinned and dead == "kube-apiserver")
                if retry and movable and "address already in use" in tail:
                    return False
                code = self._processes[dead].exit_code()
                msg = f"{dead} of {self.name} ended (exit code {code}):\n{tail}"
                raise PlaneFailed(msg)
            if time.monotonic() > deadline:
                tail = self._processes["kube-apiserver"].tail()
                msg = f"{self.name} is not ready in time; kube-apiserver wrote last:\n{tail}"
                raise PlaneFailed(msg)
            time.sleep(_STEP)
        return True

    def _move(self) -> None:
        """Begin again on other ports."""
        self.kill()
        shutil.rmtree(self._spec.folder / "logs")
        api, client, peer = ports.free(3)
        spec = self._spec if self._pinned else dataclasses.replace(self._spec, port=api)
        if spec.etcd_port is not None:
            shutil.rmtree(spec.folder / "etcd", ignore_errors=True)
            url = f"http://127.0.0.1:{client}"
            spec = dataclasses.replace(spec, etcd_port=client, etcd_peer_port=peer, etcd=url)
        self._spec = spec
        self._write()
        self.start()


_CONTROLLERS: Mapping[str, Callable[[Spec, Path, Authority], list[str | Path]]] = {
    "kube-controller-manager": servers.controller_manager,
    "kube-scheduler": servers.scheduler,
    "kwok": servers.kwok,
}


def _programs(components: Components, *, shared: bool) -> tuple[binaries.Program, ...]:
    needed = ["kube-apiserver"] if shared else ["etcd", "kube-apiserver"]
    if components is Components.ALL:
        needed += _CONTROLLERS
    return binaries.named(needed)
