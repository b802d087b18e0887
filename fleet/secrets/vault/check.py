"""The way to a value in Vault, step by step, for whoever sets it up.

Contract: each finding says what was tried, whether it holds, and if not what is missing. Data is read, to see that it
can be, and dropped. Who asks may not know a mount's KV version: where Vault says that it is the other one, a path is tried by that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fleet.errors import FleetError
from fleet.secrets.vault.answers import place
from fleet.secrets.vault.failure import VaultForbidden, VaultSealed, VaultVersionMismatch
from fleet.secrets.vault.question import Question, Verb, api_path, policy_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.secrets.vault.address import KvPath, Login
    from fleet.secrets.vault.login import Logins
    from fleet.secrets.vault.question import Asks
    from fleet.secrets.vault.reading import Reading

SERVER: Final = "server"
LOGIN: Final = "login"
METADATA: Final = "metadata"
DATA: Final = "data"


@dataclass(frozen=True, slots=True)
class Finding:
    """One step; ``reason`` is that of the error, empty where it holds, ``missing`` the policy line that is wanted."""

    step: str
    holds: bool
    text: str
    reason: str = ""
    missing: str = ""


async def check(
    ask: Asks, logins: Logins, reading: Reading, login: Login, paths: Iterable[KvPath]
) -> list[Finding]:
    """All steps, up to the first that the others need."""
    found: list[Finding] = []
    try:
        status = await ask.ask(login, "", Question(Verb.SEAL))
        if status.get("sealed") is not False:
            raise VaultSealed(f"Vault {login.server} is sealed: it answers once somebody has unsealed it")
    except FleetError as error:
        return [_fault(SERVER, error)]
    found.append(Finding(SERVER, holds=True, text=f"Vault {login.server} answers and is unsealed"))
    try:
        await logins.token(login)
    except FleetError as error:
        return [*found, _fault(LOGIN, error)]
    how = f"{login.method.value} login at auth/{login.mount}"
    found.append(
        Finding(LOGIN, holds=True, text=f"Vault {place(login)}: role {login.role} is let in by {how}")
    )
    for path in paths:
        try:
            found += await _steps(reading, login, path)
        except VaultVersionMismatch:
            try:
                found += await _steps(reading, login, replace(path, engine=3 - path.engine))
            except VaultVersionMismatch as error:
                found.append(_fault(DATA, error))
    return found


async def _steps(reading: Reading, login: Login, path: KvPath) -> list[Finding]:
    """What is read of a path, by its engine. Raises VaultVersionMismatch where the mount is of the other version."""
    verbs = (Verb.METADATA, Verb.DATA) if path.engine != 1 else (Verb.DATA,)
    return [await _path(reading, login, path, verb) for verb in verbs]


async def _path(reading: Reading, login: Login, path: KvPath, verb: Verb) -> Finding:
    step = METADATA if verb is Verb.METADATA else DATA
    try:
        if verb is Verb.METADATA:
            await reading.metadata(login, path)
        else:
            await reading.data(login, path)
    except VaultVersionMismatch:
        raise
    except VaultForbidden as error:
        return _fault(step, error, policy_line(path, verb))
    except FleetError as error:
        return _fault(step, error)
    told = " (KV version 1)" if path.engine == 1 else ""
    return Finding(step, holds=True, text=f"{api_path(path, verb)} can be read{told}")


def _fault(step: str, error: FleetError, missing: str = "") -> Finding:
    return Finding(step, holds=False, text=error.text, reason=error.reason, missing=missing)
