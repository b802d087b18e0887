"""The demo's OpenBao: in memory, with TLS, on 127.0.0.1, and a person's shell at it.

Contract: the demo's warden ends it; all that it writes is in one folder, which goes with the demo. The root token
is made for the one demo: it stands in the environment of processes, and in ``vault.env`` for whoever stays.
"""

from __future__ import annotations

import contextlib
import secrets
import shlex
import time
from pathlib import Path
from typing import Final

from bootstrap.local import commands, ports
from bootstrap.local.processes import Process, Spawner
from fleet.cli.demo.failure import PATIENCE, StepFailed

_TRIES: Final = 5


class Vault:
    """See the module; make it with `start`, and `wait` before it is used."""

    def __init__(self, program: Path, folder: Path, spawner: Spawner) -> None:
        self._program, self._folder, self._spawner = program, folder, spawner
        self._token = secrets.token_hex(16)
        self._process: Process
        self.url = ""

    @classmethod
    def start(cls, program: Path, folder: Path, spawner: Spawner) -> Vault:
        """Start one; it comes up beside whatever else does."""
        folder.mkdir(mode=0o700)
        # The lines that ``fleethub vault setup`` prints say ``vault``; OpenBao's command takes the same words.
        (folder / "vault").symlink_to(program)
        made = cls(program, folder, spawner)
        made._spawn()
        return made

    @property
    def ca(self) -> str:
        """The CA that signed its certificate, in PEM."""
        return self._ca.read_text()

    @property
    def person(self) -> Path:
        """A file for a person's shell to read, so that ``vault`` is this one."""
        file = self._folder / "vault.env"
        if not file.exists():
            file.touch(mode=0o600)
            lines = [f"export {key}={shlex.quote(value)}" for key, value in self._login().items()]
            file.write_text("\n".join([*lines, f'export PATH={shlex.quote(str(self._folder))}:"$PATH"', ""]))
        return file

    def wait(self) -> None:
        """Return when it serves; another port where somebody took this one."""
        deadline = time.monotonic() + PATIENCE
        tries = 1
        while commands.run([self._program, "status"], env=self._env(), timeout=10).code:
            if not self._process.running():
                if tries == _TRIES:
                    raise StepFailed("OpenBao does not start")
                tries += 1
                self._spawn()
            if time.monotonic() > deadline:
                raise StepFailed(f"OpenBao does not answer after {PATIENCE:.0f} s")
            time.sleep(0.05)

    def type(self, lines: str, *, given: str = "") -> None:
        """Have a shell run these lines as root; ``$GIVEN`` of them reads ``given`` without it being seen."""
        env = self._env() | ({"GIVEN": given} if given else {})
        done = commands.run(["/bin/sh", "-e"], env=env, folder=self._folder, given=lines.encode())
        if done.code:
            raise StepFailed("a command at OpenBao failed" + ("" if given else f": {done.output.strip()}"))

    def put(self, path: str, key: str, value: str) -> None:
        """Write a value: the version after the last."""
        self.type(f'printf %s "$GIVEN" | vault kv put {path} {key}=-', given=value)

    @property
    def _ca(self) -> Path:
        return self._folder / "vault-ca.pem"

    def _spawn(self) -> None:
        (port,) = ports.free(1)
        self.url = f"https://127.0.0.1:{port}"
        with contextlib.suppress(FileNotFoundError):
            self._ca.unlink()
        argv: list[str | Path] = [self._program, "server", "-dev", "-dev-tls", "-dev-no-store-token"]
        argv += [f"-dev-tls-cert-dir={self._folder}", f"-dev-listen-address=127.0.0.1:{port}"]
        env = {**self._env(), "BAO_DEV_ROOT_TOKEN_ID": self._token}
        # It says its token and its key when it starts: nobody needs to find them in a file.
        self._process = self._spawner.spawn([*argv, "-log-level=error"], env, stdout=Path("/dev/null"))

    def _login(self) -> dict[str, str]:
        return {"VAULT_ADDR": self.url, "VAULT_CACERT": str(self._ca), "VAULT_TOKEN": self._token}

    def _env(self) -> dict[str, str]:
        return {**self._login(), "HOME": str(self._folder), "PATH": f"{self._folder}:/usr/bin:/bin"}
