"""Tokens of Vault: one a Login, made when first needed, renewed while in use, forgotten at the end.

Contract: tokens are in memory only and in no representation. Who asks while a login is on its way waits for it. A
renewable token is renewed from two thirds of its life on, when it is next used; any other is replaced then. A login
that is refused is not tried again before a time that doubles up to two minutes. A token that still lives is used on
while Vault does not answer.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from fleet.secrets.vault.address import Method
from fleet.secrets.vault.failure import (
    VaultError,
    VaultForbidden,
    VaultLoginFailed,
    VaultUnreachable,
    again,
)
from fleet.secrets.vault.flights import Flights
from fleet.secrets.vault.question import Question, Verb

if TYPE_CHECKING:
    from fleet.clock import Clock
    from fleet.secrets.vault.address import Login
    from fleet.secrets.vault.question import Asks

Tokens = Callable[[str, str], Awaitable[str]]  # ServiceAccount, audience -> token of the hub's cluster
SecretIds = Callable[[str], Awaitable[str]]  # Secret -> secret id

USED: Final = 2 / 3
SHORTEST_BACKOFF: Final = 5.0
LONGEST_BACKOFF: Final = 120.0
_MUTE: Final = 300.0
_SOON: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Token:
    """``life`` is what the login gave, in seconds; ``mute``: its policies do not let it look itself up."""

    value: str = field(repr=False)
    made: float
    life: float
    due: float
    ends: float
    renewable: bool
    mute: bool = False


@dataclass(frozen=True, slots=True)
class _Refused:
    """A login that failed, so many times in a row."""

    error: VaultError
    count: int
    until: float


class Logins:
    """See the module. ``count`` counts logins, those that fail too."""

    def __init__(self, ask: Asks, tokens: Tokens, secret_ids: SecretIds, clock: Clock) -> None:
        self._ask = ask
        self._tokens = tokens
        self._secret_ids = secret_ids
        self._clock = clock
        self._held: dict[Login, _Token] = {}
        self._refused: dict[Login, _Refused] = {}
        self._flights: Flights[str] = Flights()
        self._doubts: Flights[str | None] = Flights()

    async def token(self, login: Login) -> str:
        """A token that lives, as far as is known. Raises `failure.VaultError` and what the callables raise."""
        held = self._held.get(login)
        if held is not None and self._clock.boottime() < held.due:
            return held.value
        return await self._flights.join(login, lambda: self._fresh(login))

    async def another(self, login: Login, token: str) -> str | None:
        """Another token to try after Vault refused this one something; None where the token itself is good."""
        return await self._doubts.join((login, token), lambda: self._doubt(login, token))

    async def close(self) -> None:
        """Forget all tokens; they are left to end by themselves."""
        await self._doubts.close()
        await self._flights.close()
        self._held = {}

    async def _fresh(self, login: Login) -> str:
        held = self._held.get(login)
        now = self._clock.boottime()
        if held is not None and now < held.due:
            return held.value
        alive = held if held is not None and now < held.ends else None
        if alive is not None and alive.renewable and (renewed := await self._renewed(login, alive)):
            return renewed
        try:
            return await self._new(login)
        except VaultError:
            if alive is None:
                raise
            self._held[login] = replace(alive, due=min(alive.ends, now + _SOON))
            return alive.value

    async def _renewed(self, login: Login, held: _Token) -> str:
        """The token after its renewal; empty where another is needed."""
        now = self._clock.boottime()
        try:
            auth = _auth(await self._ask.ask(login, held.value, Question(Verb.RENEW)))
        except VaultError as error:
            if not error.transient or isinstance(error, VaultForbidden):
                return ""
            self._held[login] = replace(held, due=min(held.ends, now + _SOON))
            return held.value
        life = _seconds(auth)
        if life < held.life / 2:
            return ""  # near the longest life that its role gives
        self._held[login] = replace(held, due=now + life * USED, ends=now + life)
        return held.value

    async def _new(self, login: Login) -> str:
        before = self._refused.get(login)
        now = self._clock.boottime()
        if before is not None and now < before.until:
            raise again(before.error, before.until - now)
        credential = (
            await self._secret_ids(login.secret)
            if login.method is Method.APPROLE
            else await self._tokens(login.account, login.audience)
        )
        begun = self._clock.boottime()  # the life of the token begins no earlier
        try:
            auth = _auth(await self._ask.ask(login, "", Question(Verb.LOGIN, credential=credential)))
        except VaultLoginFailed as error:
            count = before.count + 1 if before is not None else 1
            wait = min(SHORTEST_BACKOFF * 2 ** min(count - 1, 10), LONGEST_BACKOFF)
            self._refused[login] = _Refused(again(error), count, self._clock.boottime() + wait)
            raise again(error, wait) from None
        self._refused.pop(login, None)
        life = _seconds(auth)
        value = str(auth["client_token"])
        renewable = auth.get("renewable") is True
        self._held[login] = _Token(value, begun, life, begun + life * USED, begun + life, renewable)
        return value

    async def _doubt(self, login: Login, token: str) -> str | None:
        held = self._held.get(login)
        if held is None or held.value != token:
            return await self.token(login)
        if held.mute and self._clock.boottime() < held.made + _MUTE:
            return None
        if await self._known(login, token):
            return None
        if self._held.get(login) is held:
            del self._held[login]
        found = await self.token(login)
        if not await self._known(login, found) and (new := self._held.get(login)) is not None:
            # Fresh and refused all the same: looking itself up is not given to it, so it says nothing.
            self._held[login] = replace(new, mute=True)
        return found

    async def _known(self, login: Login, token: str) -> bool:
        """Whether Vault knows the token; where it does not say, it is taken for known."""
        try:
            await self._ask.ask(login, token, Question(Verb.LOOKUP))
        except VaultForbidden:
            return False
        except VaultError:
            return True
        return True


def _auth(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    auth = answer.get("auth")
    if not isinstance(auth, Mapping) or not auth.get("client_token"):
        raise VaultUnreachable("what answered the login is no Vault")
    return auth


def _seconds(auth: Mapping[str, Any]) -> float:
    """How long a token lives from now on; 0 in an answer is for ever."""
    try:
        return float(auth.get("lease_duration") or math.inf)
    except (TypeError, ValueError):
        raise VaultUnreachable("what answered the login is no Vault") from None
