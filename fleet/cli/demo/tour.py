"""The steps of the demo, each with its time."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click

from bootstrap.local import binaries, ports
from fleet import names
from fleet.cli.demo.failure import StepFailed
from fleet.cli.demo.ground import NAMESPACE, Access, Ground
from fleet.cli.demo.hands import Hands
from fleet.cli.demo.repository import EXTRA, Clone
from fleet.cli.demo.secrets import Sealing, Vaulting


class Tour:
    """Walks the loop over a Ground."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._clone = Clone(ground.git, ground.folder)
        self._hands = Hands(ground)
        self._sealing = Sealing(ground, self._hands, self._clone)
        self._vaulting = Vaulting(ground, self._hands, self._clone)
        (self._port,) = ports.free(1)
        self._first, self._last = ground.members[0], ground.members[-1]

    def walk(self) -> None:
        """All steps in order. Raises StepFailed at the first that fails."""
        click.echo(f"The repository is {self._clone.url}\n")
        self._clone.lay_out(charts=self._ground.helm)
        self._hands.step("fleethub install prepares the hub", self._install)
        self._hands.step("fleethub hub runs", self._hub)
        for member in self._ground.members:
            self._hands.step(
                f"fleethub cluster add registers {member.name}",
                lambda one=member: self._add(one),  # type: ignore[misc]
            )
        everywhere = " and ".join(member.name for member in self._ground.members)
        self._hands.step(f"the root Application brings hello: 2 Running pods on {everywhere}", self._root)
        self._hands.step(
            "a kustomization comes out for each cluster's own facts", lambda: self._shows("settings")
        )
        if self._ground.helm:
            self._hands.step("and so does a Helm chart", lambda: self._shows("place"))
        else:
            click.echo("(a chart is shown where helm is installed)")
        click.echo(self._hands.fleethub("app", "list").rstrip())
        commit = self._clone.replicas(5)
        self._hands.step("a commit of replicas: 5 becomes 5 Running pods", lambda: self._pods(5))
        self._hands.step(f"kubectl scale --replicas=1 on {self._first.name} is put back to 5", self._drift)
        click.echo(f"    {self._event()}")
        self._clone.remove(EXTRA)
        self._hands.step("a file removed from Git is pruned", self._pruned)
        self._clone.revert(commit)
        self._hands.step("git revert brings back 2", lambda: self._pods(2))
        self._sealing.walk()
        self._vaulting.walk()
        self._hands.step("a manual Application of prod stays OutOfSync", self._manual)
        self._hands.step("fleethub app sync brings it live", self._sync)
        self._outage()

    def hints(self) -> list[str]:
        """What to try next."""
        hub = " ".join(self._ground.hub.flags)
        member = " ".join(self._first.flags)
        return [
            "Try next:",
            f"  the clone            cd {self._clone.folder}   # edit, git commit, git push origin HEAD:main",
            f"  the fleet            fleethub app list {hub}",
            f"  one Application      fleethub app get hello {hub}",
            f"  the clusters         fleethub cluster list {hub}",
            f"  a member             kubectl {member} -n {NAMESPACE} get all",
            f"  break something      kubectl {member} -n {NAMESPACE} delete deployment hello",
            *self._vaulting.hints(),
            f"  the hub's metrics    curl http://127.0.0.1:{self._port}/metrics",
            f"  the hub's log        {self._ground.folder / 'hub.log'}",
        ]

    # --- steps ------------------------------------------------------------------------------------------

    def _install(self) -> None:
        self._hands.fleethub("install")

    def _hub(self) -> None:
        command: list[Any] = [sys.executable, "-m", "fleet.cli", "hub", *self._ground.hub.flags]
        command += ["--listen", f"127.0.0.1:{self._port}", "--data", str(self._ground.folder / "data")]
        # A push is told by no webhook here: the hub looks often instead.
        command += ["--allow-git", f"{self._ground.git.url}/", "--poll-interval", "1s"]
        for programs in (binaries.folder(), binaries.built()):
            command += ["--programs", str(programs)]
        log = self._ground.folder / "hub.log"
        process = self._ground.spawner.spawn(command, stdout=log, env=None)

        def ready() -> bool:
            if not process.running():
                raise StepFailed(f"the hub ended:\n{process.tail()}")
            lease = self._hands.get(self._ground.hub, "lease", names.HUB_LEASE, names.HUB_NAMESPACE)
            return bool(lease and lease["spec"].get("holderIdentity"))

        self._hands.until(ready, "the hub holds its Lease")

    def _add(self, member: Access) -> None:
        label = self._ground.environment(member)
        given = ["--member-context", member.context] if member.context else []
        config = member.kubeconfig or _default_kubeconfig()
        self._hands.fleethub(
            "cluster", "add", member.name, "--member-kubeconfig", config, *given, "--label", f"env={label}"
        )

    def _root(self) -> None:
        file = self._ground.folder / "root.yaml"
        file.write_text(self._clone.root())
        self._hands.kubectl(self._ground.hub, "apply", "-n", names.HUB_NAMESPACE, "-f", str(file))
        self._pods(2)

    def _pods(self, count: int, members: tuple[Access, ...] | None = None) -> None:
        for member in members or self._ground.members:

            def running(one: Access = member) -> bool:
                found = self._hands.list(one, "pods", "app=hello")
                phases = [
                    pod["status"].get("phase")
                    for pod in found
                    if not pod["metadata"].get("deletionTimestamp")
                ]
                return phases == ["Running"] * count

            self._hands.until(running, f"{count} Running pods on {member.name}")

    def _shows(self, name: str) -> None:
        """A ConfigMap on each member says in which environment it is: by its data, or by an annotation."""
        for member in self._ground.members:
            label = self._ground.environment(member)

            def there(one: Access = member, wanted: str = label) -> bool:
                found = self._hands.get(one, "configmap", name, NAMESPACE) or {}
                said = {**(found.get("metadata") or {}).get("annotations", {}), **(found.get("data") or {})}
                return said.get("env") == wanted

            self._hands.until(there, f"{name} says {label} on {member.name}")

    def _drift(self) -> None:
        self._hands.kubectl(self._first, "-n", NAMESPACE, "scale", "deployment/hello", "--replicas=1")

        def back() -> bool:
            found = self._hands.get(self._first, "deployment", "hello", NAMESPACE)
            return bool(found and found["spec"]["replicas"] == 5)  # noqa: PLR2004 (what Git says)

        self._hands.until(back, "the replicas are back")

    def _event(self) -> str:
        def told() -> str:
            for event in self._events():
                if event["reason"] == "DriftHealed":
                    return f"Event on {event['involvedObject']['name']}: {event['message']}"
            return ""

        return str(self._hands.until(told, "an Event names who did it"))

    def _events(self) -> list[dict[str, Any]]:
        found = self._hands.kubectl(
            self._ground.hub, "-n", names.HUB_NAMESPACE, "get", "events", "-o", "json"
        )
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return items

    def _pruned(self) -> None:
        for member in self._ground.members:
            self._hands.until(
                lambda one=member: not self._hands.get(one, "configmap", "motd", NAMESPACE),  # type: ignore[misc]
                f"the ConfigMap is gone from {member.name}",
            )

    def _manual(self) -> None:
        self._hands.until(lambda: self._sync_of("billing") == "OutOfSync", "billing is OutOfSync")
        if self._hands.get(self._last, "configmap", "billing", NAMESPACE):
            raise StepFailed("billing was applied though nobody asked")

    def _sync(self) -> None:
        self._hands.fleethub("app", "sync", "billing", "--wait", "--timeout", "60s")
        if not self._hands.get(self._last, "configmap", "billing", NAMESPACE):
            raise StepFailed("billing was not applied")
        self._hands.until(lambda: self._sync_of("billing") == "Synced", "billing is Synced")

    def _outage(self) -> None:
        stop, start = self._ground.stop, self._ground.start
        if stop is None or start is None:
            click.echo(
                "(a cluster that goes and comes back is shown only on clusters that are the demo's own)"
            )
            return
        rest = tuple(member for member in self._ground.members if member != self._first)
        stop(self._first.name)
        self._clone.replicas(3)
        self._hands.step(
            f"{self._first.name} is stopped; a commit reaches {rest[0].name} as before",
            lambda: self._pods(3, rest),
        )
        self._hands.step(
            f"the hub says that {self._first.name} does not answer", lambda: self._reachable("False")
        )
        begun = time.monotonic()
        start(self._first.name)
        click.echo(f"{'  (' + self._first.name + ' is started again)':<64} {time.monotonic() - begun:7.2f} s")
        self._hands.step(f"{self._first.name} is back and gets what it missed", lambda: self._pods(3))

    # --- seeing and doing -------------------------------------------------------------------------------

    def _reachable(self, status: str) -> None:
        def look() -> bool:
            found = self._hands.get(
                self._ground.hub, "clusters.fleethub.dev", self._first.name, names.HUB_NAMESPACE
            )
            conditions = ((found or {}).get("status") or {}).get("conditions", ())
            return any(one["type"] == "Reachable" and one["status"] == status for one in conditions)

        self._hands.until(look, f"Reachable is {status}")

    def _sync_of(self, name: str) -> str:
        found = self._hands.get(self._ground.hub, "applications.fleethub.dev", name, names.HUB_NAMESPACE)
        return str(((found or {}).get("status") or {}).get("sync", ""))


def _default_kubeconfig() -> str:
    import os  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    return os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or str(Path.home() / ".kube" / "config")
