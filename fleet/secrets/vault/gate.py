"""Before the door: what a server's limits say is kept to, and each question is counted.

Contract: after a 429 nothing is sent to that server before the time that it named, by whomever; the error says until
when. A time of day, so that the text stands still while the limit holds.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

from fleet.secrets.vault.failure import VaultLimited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.clock import Clock
    from fleet.secrets.vault.address import Login
    from fleet.secrets.vault.question import Asks, Question, Verb


class Gate:
    """See the module; ``asked`` counts questions by verb."""

    def __init__(self, door: Asks, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._until: dict[str, float] = {}
        self.asked: Counter[Verb] = Counter()

    async def ask(self, login: Login, token: str, question: Question) -> Mapping[str, Any]:
        """Put a question through the door. Raises `failure.VaultError`."""
        self._check(login.server)
        self.asked[question.verb] += 1
        try:
            return await self._door.ask(login, token, question)
        except VaultLimited as error:
            until = self._clock.boottime() + error.retry_after
            self._until[login.server] = max(until, self._until.get(login.server, 0.0))
        self._check(login.server)
        raise VaultLimited(f"Vault {login.server} takes no more requests now")

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()

    def _check(self, server: str) -> None:
        left = self._until.get(server, 0.0) - self._clock.boottime()
        if left <= 0:
            self._until.pop(server, None)
            return
        moment = dt.datetime.fromtimestamp(round(self._clock.now() + left), dt.UTC)
        raise VaultLimited(
            f"Vault {server} takes no more requests (429): a rate limit holds; nothing is asked of it before "
            f"{moment:%H:%M:%S} UTC",
            retry_after=left,
        )
