"""A question put as somebody: with a token that lives, once more with a new one where it had ended, and a clear error.

Contract: a 403 is believed only if Vault still knows the token; "not there" only if Vault shows the engine there.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fleet.secrets.vault import answers, paths
from fleet.secrets.vault.answers import Unclear
from fleet.secrets.vault.failure import (
    VaultEngineMismatch,
    VaultError,
    VaultForbidden,
    VaultMountMissing,
    again,
)
from fleet.secrets.vault.flights import Flights
from fleet.secrets.vault.question import Question, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.secrets.vault.address import KvPath, Login
    from fleet.secrets.vault.login import Logins
    from fleet.secrets.vault.question import Asks


class Reading:
    """See the module."""

    def __init__(self, ask: Asks, logins: Logins) -> None:
        self._ask = ask
        self._logins = logins
        self._flights: Flights[Mapping[str, Any]] = Flights()

    async def metadata(self, login: Login, path: KvPath) -> Mapping[str, Any]:
        """The metadata of a path of KV v2. Raises `failure.VaultError`."""
        return await self._joined(login, Question(Verb.METADATA, path))

    async def data(self, login: Login, path: KvPath, number: int = 0) -> Mapping[str, Any]:
        """What stands at the path, in clear, and with KV v2 as ``(data, metadata)`` of that name."""
        return await self._joined(login, Question(Verb.DATA, path, number))

    async def close(self) -> None:
        """Give up what is in flight."""
        await self._flights.close()

    async def _joined(self, login: Login, question: Question) -> Mapping[str, Any]:
        paths.check(login, question.path)
        return await self._flights.join((login, question), lambda: self._put(login, question))

    async def _put(self, login: Login, question: Question) -> Mapping[str, Any]:
        answer = await self._answer(login, question)
        data = answer.get("data")
        if not isinstance(data, dict):
            raise VaultError(f"Vault {answers.place(login)}: {question.path}: the answer holds no data")
        return MappingProxyType(data)

    async def _answer(self, login: Login, question: Question) -> Mapping[str, Any]:
        token = await self._logins.token(login)
        try:
            return await self._once(login, token, question)
        except VaultForbidden as error:
            refused = again(error)
        other = await self._logins.another(login, token)
        if other is not None:
            try:
                return await self._once(login, other, question)
            except VaultForbidden as error:
                refused = again(error)
        raise await self._refused(login, other or token, question, refused)

    async def _once(self, login: Login, token: str, question: Question) -> Mapping[str, Any]:
        try:
            return await self._ask.ask(login, token, question)
        except Unclear as error:
            unclear = again(error)
        raise await self._found_nothing(login, token, question, unclear)

    async def _found_nothing(
        self, login: Login, token: str, question: Question, unclear: VaultError
    ) -> VaultError:
        """What a 404 means."""
        try:
            return await self._mounted(login, token, question)
        except (VaultForbidden, Unclear):
            return VaultForbidden(
                f"{unclear.text}, and role {login.role} may not see whether its mount is there"
            )

    async def _refused(self, login: Login, token: str, question: Question, refused: VaultError) -> VaultError:
        """What a 403 means: a policy written for one KV version gives nothing to who reads by the other."""
        try:
            found = await self._mounted(login, token, question)
        except VaultError:
            return refused
        return found if isinstance(found, VaultEngineMismatch | VaultMountMissing) else refused

    async def _mounted(self, login: Login, token: str, question: Question) -> VaultError:
        path = question.path
        assert path is not None  # noqa: S101 (only questions of paths come here)
        found = await self._ask.ask(login, token, Question(Verb.MOUNT, path))
        return answers.mounted(login, question, path, found)
