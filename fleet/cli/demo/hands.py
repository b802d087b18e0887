"""How the demo does and sees things: the commands that a person types, and waiting for what they show."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import click

from bootstrap.local import commands
from fleet.cli.demo.failure import PATIENCE, StepFailed
from fleet.cli.demo.ground import NAMESPACE, Access, Ground

LOOK: Final = 0.05


class Hands:
    """See the module. A step that fails raises StepFailed; no text holds what a Secret or a command's input holds."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def step(self, text: str, work: Callable[[], None]) -> None:
        """Do it, and tell how long it took."""
        begun = time.monotonic()
        work()
        self.said(text, begun)

    def said(self, text: str, begun: float) -> None:
        """Tell of what was done since."""
        click.echo(f"{text:<64} {time.monotonic() - begun:7.2f} s")
        sys.stdout.flush()

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until ``condition`` gives something true, and give it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(LOOK)
        raise StepFailed(f"not so after {PATIENCE:.0f} s: {what}")

    def fleethub(self, *arguments: str, given: bytes | None = None) -> str:
        """``fleethub`` for the hub; what it printed."""
        command = [sys.executable, "-m", "fleet.cli", *arguments, *self._ground.hub.flags]
        done = commands.run(command, given=given)
        if done.code:
            raise StepFailed(f"fleethub {' '.join(arguments[:2])} failed: {done.output.strip()}")
        return done.output

    def kubectl(self, access: Access, *arguments: str) -> str:
        """``kubectl`` for a cluster; what it printed."""
        done = commands.run([self._ground.kubectl, *access.flags, *arguments])
        if done.code:
            raise StepFailed(f"kubectl {arguments[0]} on {access.name} failed: {done.output.strip()}")
        return done.output

    def get(self, access: Access, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """An object; None where there is none, or the cluster does not answer."""
        asked = ["-n", namespace, "get", kind, name, "--ignore-not-found", "-o", "json"]
        done = commands.run([self._ground.kubectl, *access.flags, *asked])
        found: dict[str, Any] | None = (
            json.loads(done.output) if not done.code and done.output.strip() else None
        )
        return found

    def list(self, access: Access, kind: str, selector: str) -> list[dict[str, Any]]:
        """Objects of the demo's namespace; none where the cluster does not answer."""
        asked = ["-n", NAMESPACE, "get", kind, "-l", selector, "-o", "json"]
        done = commands.run([self._ground.kubectl, *access.flags, *asked])
        items: list[dict[str, Any]] = json.loads(done.output)["items"] if not done.code else []
        return items

    def holds(self, access: Access, name: str, key: str, value: str) -> bool:
        """Whether a Secret is on a cluster with this value; it is compared, and never told."""
        found = (self.get(access, "secret", name, NAMESPACE) or {}).get("data") or {}
        return base64.b64decode(found.get(key, "")) == value.encode()
