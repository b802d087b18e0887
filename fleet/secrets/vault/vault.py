"""Vault and OpenBao, as the rest of the hub has them: which version stands, its data, and why not.

Contract: on one loop. Data is handed out and forgotten; what is kept is tokens, versions and, where there are no
versions, digests, all in memory. Every method raises `failure.VaultError`, and what the two callables raise.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from fleet.secrets.vault.check import Finding, check
from fleet.secrets.vault.door import Door
from fleet.secrets.vault.failure import VaultBehind, VaultError
from fleet.secrets.vault.gate import Gate
from fleet.secrets.vault.login import Logins
from fleet.secrets.vault.question import Verb
from fleet.secrets.vault.reading import Reading
from fleet.secrets.vault.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fleet.clock import Clock
    from fleet.secrets.vault.address import KvPath, Login
    from fleet.secrets.vault.history import Version
    from fleet.secrets.vault.login import SecretIds, Tokens
    from fleet.secrets.vault.question import Asks

_TOLD: Final = frozenset(
    {
        "custom_metadata",
        "created_time",
        "updated_time",
        "current_version",
        "oldest_version",
        "delete_version_after",
    }
)


class Vault:
    """See the module.

    ``tokens`` gives a token of a ServiceAccount of the hub for an audience, ``secret_ids`` the secret id that a Secret
    of the hub holds. ``door`` is what answers, if not Vault by `Door`.
    """

    def __init__(
        self, tokens: Tokens, secret_ids: SecretIds, clock: Clock, *, door: Asks | None = None
    ) -> None:
        self._gate = Gate(door if door is not None else Door(), clock)
        self._logins = Logins(self._gate, tokens, secret_ids, clock)
        self._reading = Reading(self._gate, self._logins)
        self._versions = Versions(self._reading, clock)

    @property
    def logins(self) -> int:
        """Logins since the start, those that failed too."""
        return self._gate.asked[Verb.LOGIN]

    @property
    def metadata_reads(self) -> int:
        """Reads of metadata since the start."""
        return self._gate.asked[Verb.METADATA]

    @property
    def data_reads(self) -> int:
        """Reads of data since the start."""
        return self._gate.asked[Verb.DATA]

    async def version(
        self, login: Login, path: KvPath, *, interval: float, number: int | None = None
    ) -> Version:
        """The version that stands at a path, or the one that is asked for, at most ``interval`` seconds old."""
        return await self._versions.version(login, path, interval=interval, number=number)

    def last(self, login: Login, path: KvPath, number: int | None = None) -> Version | None:
        """The version that was seen last, without asking; None where none was."""
        return self._versions.last(login, path, number)

    async def read(self, login: Login, path: KvPath, number: int | None = None) -> Mapping[str, Any]:
        """The data in clear, of one version or the newest; the caller's to forget.

        The newest is none that is older than what is known: it would be taken for that for ever.
        """
        found = await self._reading.data(login, path, number or 0)
        if path.engine == 1:
            return found
        data = found.get("data")
        if not isinstance(data, dict):
            raise VaultError(f"Vault {login.server}: {path}: the answer holds no data of KV version 2")
        if number is None:
            await self._not_behind(login, path, found.get("metadata"))
        return MappingProxyType(data)

    async def _not_behind(self, login: Login, path: KvPath, told: Any) -> None:
        got = told.get("version") if isinstance(told, dict) else None
        known = self._versions.last(login, path)
        if not isinstance(got, int) or known is None or got >= known.number:
            return
        # Or it was removed and written again, and counts from 1.
        known = await self._versions.version(login, path, interval=0.0)
        if got < known.number:
            raise VaultBehind(
                f"Vault {login.server}: {path}: it has version {known.number} and answers with {got}: a replica is behind"
            )

    async def metadata(self, login: Login, path: KvPath) -> Mapping[str, Any]:
        """What KV v2 keeps of a path beside its data: custom metadata, times and versions' numbers."""
        found = await self._reading.metadata(login, path)
        return {name: value for name, value in found.items() if name in _TOLD}

    async def check(self, login: Login, paths: Iterable[KvPath]) -> list[Finding]:
        """Go the whole way to each path and say of each step whether it holds, and what is missing; no content."""
        return await check(self._gate, self._logins, self._reading, login, tuple(paths))

    async def close(self) -> None:
        """Forget tokens, end threads. Tokens are not revoked: another process may have been given the same."""
        await self._versions.close()
        await self._reading.close()
        await self._logins.close()
        await self._gate.close()
