"""Before the door: what a server's limits say is kept to, one that does not answer is left alone, each question is counted.

Contract: after a 429 nothing is sent to that server before the time that it named, by whomever; the error says until
when. A time of day, so that the text stands still while the limit holds. After two questions in a row without an answer
one alone asks, after 5, 10, 20 ... 60 s; all others are told so at once, also who waited already: so that a server which hangs
takes neither the threads nor the time of the others.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fleet.secrets.vault.failure import VaultError, VaultLimited, VaultUnreachable, VaultUntrusted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.clock import Clock
    from fleet.secrets.vault.address import Login
    from fleet.secrets.vault.question import Asks, Question, Verb

SHARE: Final = 4  # questions to one server at once
MISSES: Final = 2
FIRST_PAUSE: Final = 5.0
LAST_PAUSE: Final = 60.0


@dataclass(slots=True)
class _Silence:
    """A server that has not answered: how often in a row, until when it is left alone, and whether one asks."""

    misses: int = 0
    until: float = 0.0
    probing: bool = False


class Gate:
    """See the module; ``asked`` counts questions by verb."""

    def __init__(self, door: Asks, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._until: dict[str, float] = {}
        self._silent: dict[str, _Silence] = {}
        self._shares: dict[str, asyncio.Semaphore] = {}
        self.asked: Counter[Verb] = Counter()

    async def ask(self, login: Login, token: str, question: Question) -> Mapping[str, Any]:
        """Put a question through the door. Raises `failure.VaultError`."""
        server = login.server
        self._check(server)
        async with self._shares.setdefault(server, asyncio.Semaphore(SHARE)):
            self._check(server)
            probe = self._probe(server)
            self.asked[question.verb] += 1
            try:
                found = await self._door.ask(login, token, question)
            except VaultUnreachable as error:
                if isinstance(error, VaultUntrusted):
                    self._heard(server)  # by the CA that one Project gives; others may give another
                else:
                    self._missed(server)
                raise
            except VaultLimited as error:
                until = self._clock.boottime() + error.retry_after
                self._until[server] = max(until, self._until.get(server, 0.0))
            except VaultError:
                self._heard(server)
                raise
            except BaseException:
                if probe is not None:
                    probe.probing = False  # called off, perhaps: then another asks
                raise
            else:
                self._heard(server)
                return found
        self._heard(server)
        self._check(server)
        raise VaultLimited(f"Vault {server} takes no more requests now")

    async def close(self) -> None:
        """Close the door."""
        await self._door.close()

    def _probe(self, server: str) -> _Silence | None:
        silence = self._silent.get(server)
        if silence is None or silence.misses < MISSES:
            return None
        silence.probing = True
        return silence

    def _heard(self, server: str) -> None:
        self._silent.pop(server, None)

    def _missed(self, server: str) -> None:
        silence = self._silent.setdefault(server, _Silence())
        silence.misses, silence.probing = silence.misses + 1, False
        pause = min(LAST_PAUSE, FIRST_PAUSE * 2.0 ** max(0, silence.misses - MISSES))
        silence.until = self._clock.boottime() + pause

    def _check(self, server: str) -> None:
        now = self._clock.boottime()
        silence = self._silent.get(server)
        if silence is not None and silence.misses >= MISSES and (silence.probing or now < silence.until):
            raise VaultUnreachable(
                f"Vault {server} does not answer; it is asked again within a minute",
                retry_after=max(1.0, silence.until - now),
            )
        left = self._until.get(server, 0.0) - now
        if left <= 0:
            self._until.pop(server, None)
            return
        moment = dt.datetime.fromtimestamp(round(self._clock.now() + left), dt.UTC)
        raise VaultLimited(
            f"Vault {server} takes no more requests (429): a rate limit holds; nothing is asked of it before "
            f"{moment:%H:%M:%S} UTC",
            retry_after=left,
        )
