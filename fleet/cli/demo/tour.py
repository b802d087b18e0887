"""The steps of the demo, each with its time."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import click

from bootstrap.local import binaries, commands, ports
from fleet import names
from fleet.cli.demo.ground import NAMESPACE, Access, Ground
from fleet.cli.demo.repository import EXTRA, Clone

PATIENCE: Final = 120.0
SEALED: Final = "token"
_TOKEN: Final = "not-in-git"  # noqa: S105 (it is shown to be in no place but one)
LOOK: Final = 0.05


class StepFailed(Exception):
    """A step did not come to its end; the text says which and what was seen last."""


class Tour:
    """Walks the loop over a Ground."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._clone = Clone(ground.git, ground.folder)
        (self._port,) = ports.free(1)
        self._first, self._last = ground.members[0], ground.members[-1]

    def walk(self) -> None:
        """All steps in order. Raises StepFailed at the first that fails."""
        click.echo(f"The repository is {self._clone.url}\n")
        self._clone.lay_out(charts=self._ground.helm)
        self._step("fleethub install prepares the hub", self._install)
        self._step("fleethub hub runs", self._hub)
        for member in self._ground.members:
            self._step(f"fleethub cluster add registers {member.name}", lambda one=member: self._add(one))  # type: ignore[misc]
        everywhere = " and ".join(member.name for member in self._ground.members)
        self._step(f"the root Application brings hello: 2 Running pods on {everywhere}", self._root)
        self._step("a kustomization comes out for each cluster's own facts", lambda: self._shows("settings"))
        if self._ground.helm:
            self._step("and so does a Helm chart", lambda: self._shows("place"))
        else:
            click.echo("(a chart is shown where helm is installed)")
        click.echo(self._fleethub("app", "list").rstrip())
        commit = self._clone.replicas(5)
        self._step("a commit of replicas: 5 becomes 5 Running pods", lambda: self._pods(5))
        self._step(f"kubectl scale --replicas=1 on {self._first.name} is put back to 5", self._drift)
        click.echo(f"    {self._event()}")
        self._clone.remove(EXTRA)
        self._step("a file removed from Git is pruned", self._pruned)
        self._clone.revert(commit)
        self._step("git revert brings back 2", lambda: self._pods(2))
        self._secrets()
        self._step("a manual Application of prod stays OutOfSync", self._manual)
        self._step("fleethub app sync brings it live", self._sync)
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
            f"  the hub's metrics    curl http://127.0.0.1:{self._port}/metrics",
            f"  the hub's log        {self._ground.folder / 'hub.log'}",
        ]

    # --- steps ------------------------------------------------------------------------------------------

    def _install(self) -> None:
        self._fleethub("install")

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
            lease = self._get(self._ground.hub, "lease", names.HUB_LEASE, names.HUB_NAMESPACE)
            return bool(lease and lease["spec"].get("holderIdentity"))

        self._until(ready, "the hub holds its Lease")

    def _add(self, member: Access) -> None:
        label = "prod" if member == self._last else "dev"
        given = ["--member-context", member.context] if member.context else []
        config = member.kubeconfig or _default_kubeconfig()
        self._fleethub(
            "cluster", "add", member.name, "--member-kubeconfig", config, *given, "--label", f"env={label}"
        )

    def _root(self) -> None:
        file = self._ground.folder / "root.yaml"
        file.write_text(self._clone.root())
        self._kubectl(self._ground.hub, "apply", "-n", names.HUB_NAMESPACE, "-f", str(file))
        self._pods(2)

    def _pods(self, count: int, members: tuple[Access, ...] | None = None) -> None:
        for member in members or self._ground.members:

            def running(one: Access = member) -> bool:
                found = self._list(one, "pods", "app=hello")
                phases = [
                    pod["status"].get("phase")
                    for pod in found
                    if not pod["metadata"].get("deletionTimestamp")
                ]
                return phases == ["Running"] * count

            self._until(running, f"{count} Running pods on {member.name}")

    def _shows(self, name: str) -> None:
        """A ConfigMap on each member says in which environment it is: by its data, or by an annotation."""
        for member in self._ground.members:
            label = "prod" if member == self._last else "dev"

            def there(one: Access = member, wanted: str = label) -> bool:
                found = self._get(one, "configmap", name, NAMESPACE) or {}
                said = {**(found.get("metadata") or {}).get("annotations", {}), **(found.get("data") or {})}
                return said.get("env") == wanted

            self._until(there, f"{name} says {label} on {member.name}")

    def _drift(self) -> None:
        self._kubectl(self._first, "-n", NAMESPACE, "scale", "deployment/hello", "--replicas=1")

        def back() -> bool:
            found = self._get(self._first, "deployment", "hello", NAMESPACE)
            return bool(found and found["spec"]["replicas"] == 5)  # noqa: PLR2004 (what Git says)

        self._until(back, "the replicas are back")

    def _event(self) -> str:
        def told() -> str:
            for event in self._events():
                if event["reason"] == "DriftHealed":
                    return f"Event on {event['involvedObject']['name']}: {event['message']}"
            return ""

        return str(self._until(told, "an Event names who did it"))

    def _events(self) -> list[dict[str, Any]]:
        found = self._kubectl(self._ground.hub, "-n", names.HUB_NAMESPACE, "get", "events", "-o", "json")
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return items

    def _pruned(self) -> None:
        for member in self._ground.members:
            self._until(
                lambda one=member: not self._get(one, "configmap", "motd", NAMESPACE),  # type: ignore[misc]
                f"the ConfigMap is gone from {member.name}",
            )

    def _secrets(self) -> None:
        """What is sealed for one environment opens there, and nowhere else."""
        begun = time.monotonic()
        place = ("--name", SEALED, "--target-namespace", NAMESPACE)
        sealed = self._fleethub("seal", "--ring", "prod", *place, "--from-literal", f"token={_TOKEN}")
        click.echo(
            f"{'fleethub seal --ring prod makes what may be committed':<64} {time.monotonic() - begun:7.2f} s"
        )
        if _TOKEN in sealed:
            raise StepFailed("what was sealed stands there in clear")
        self._clone.seal(SEALED, sealed)
        self._step(
            f"and the Secret arrives on {self._last.name}, which is of prod",
            lambda: self._delivered(self._last),
        )
        if self._first == self._last:
            return
        commit = self._clone.copy_to_everywhere(SEALED)
        self._step(f"copied to {self._first.name}, which is not, it stays shut", self._shut)
        self._clone.revert(commit)

    def _delivered(self, member: Access) -> None:
        def there() -> bool:
            found = self._get(member, "secret", SEALED, NAMESPACE)
            value = ((found or {}).get("data") or {}).get("token", "")
            return base64.b64decode(value).decode() == _TOKEN

        self._until(there, f"the Secret {SEALED} is on {member.name}")

    def _shut(self) -> None:
        def told() -> bool:
            found = self._get(self._ground.hub, "applications.fleethub.dev", SEALED, names.HUB_NAMESPACE)
            conditions = ((found or {}).get("status") or {}).get("conditions", ())
            return any(
                one["type"] == "SecretUnresolved" and self._first.name in one["message"] for one in conditions
            )

        self._until(told, "the condition SecretUnresolved says so")
        if self._get(self._first, "secret", SEALED, NAMESPACE):
            raise StepFailed(f"the Secret is on {self._first.name}")

    def _manual(self) -> None:
        self._until(lambda: self._sync_of("billing") == "OutOfSync", "billing is OutOfSync")
        if self._get(self._last, "configmap", "billing", NAMESPACE):
            raise StepFailed("billing was applied though nobody asked")

    def _sync(self) -> None:
        self._fleethub("app", "sync", "billing", "--wait", "--timeout", "60s")
        if not self._get(self._last, "configmap", "billing", NAMESPACE):
            raise StepFailed("billing was not applied")
        self._until(lambda: self._sync_of("billing") == "Synced", "billing is Synced")

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
        self._step(
            f"{self._first.name} is stopped; a commit reaches {rest[0].name} as before",
            lambda: self._pods(3, rest),
        )
        self._step(f"the hub says that {self._first.name} does not answer", lambda: self._reachable("False"))
        begun = time.monotonic()
        start(self._first.name)
        click.echo(f"{'  (' + self._first.name + ' is started again)':<64} {time.monotonic() - begun:7.2f} s")
        self._step(f"{self._first.name} is back and gets what it missed", lambda: self._pods(3))

    # --- seeing and doing -------------------------------------------------------------------------------

    def _reachable(self, status: str) -> None:
        def look() -> bool:
            found = self._get(
                self._ground.hub, "clusters.fleethub.dev", self._first.name, names.HUB_NAMESPACE
            )
            conditions = ((found or {}).get("status") or {}).get("conditions", ())
            return any(one["type"] == "Reachable" and one["status"] == status for one in conditions)

        self._until(look, f"Reachable is {status}")

    def _sync_of(self, name: str) -> str:
        found = self._get(self._ground.hub, "applications.fleethub.dev", name, names.HUB_NAMESPACE)
        return str(((found or {}).get("status") or {}).get("sync", ""))

    def _step(self, text: str, work: Callable[[], None]) -> None:
        begun = time.monotonic()
        work()
        click.echo(f"{text:<64} {time.monotonic() - begun:7.2f} s")
        sys.stdout.flush()

    def _until(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(LOOK)
        raise StepFailed(f"not so after {PATIENCE:.0f} s: {what}")

    def _fleethub(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "fleet.cli", *arguments, *self._ground.hub.flags]
        done = commands.run(command)
        if done.code:
            raise StepFailed(f"fleethub {' '.join(arguments[:2])} failed: {done.output.strip()}")
        return done.output

    def _kubectl(self, access: Access, *arguments: str) -> str:
        done = commands.run([self._ground.kubectl, *access.flags, *arguments])
        if done.code:
            raise StepFailed(f"kubectl {arguments[0]} on {access.name} failed: {done.output.strip()}")
        return done.output

    def _get(self, access: Access, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        asked = ["-n", namespace, "get", kind, name, "--ignore-not-found", "-o", "json"]
        done = commands.run([self._ground.kubectl, *access.flags, *asked])
        found: dict[str, Any] | None = (
            json.loads(done.output) if not done.code and done.output.strip() else None
        )
        return found

    def _list(self, access: Access, kind: str, selector: str) -> list[dict[str, Any]]:
        asked = ["-n", NAMESPACE, "get", kind, "-l", selector, "-o", "json"]
        done = commands.run([self._ground.kubectl, *access.flags, *asked])
        items: list[dict[str, Any]] = json.loads(done.output)["items"] if not done.code else []
        return items


def _default_kubeconfig() -> str:
    import os  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    return os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or str(Path.home() / ".kube" / "config")
