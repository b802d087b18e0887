"""Which version stands at a path: one read of metadata an interval, however many ask.

Contract: data is read only where there are no versions to go by: KV v1, and a policy that gives the data without the
metadata. Of data a digest is kept, in memory. What was seen is kept as the last good, whatever fails later. A failure
is kept for a moment, so that a crowd that asks for what is refused costs as little as one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from fleet.secrets import number
from fleet.secrets.number import TooDeep
from fleet.secrets.vault import history
from fleet.secrets.vault.failure import (
    VaultEngineMismatch,
    VaultError,
    VaultForbidden,
    VaultPathMissing,
    VaultVersionDeleted,
    VaultVersionDestroyed,
    again,
    too_deep,
)
from fleet.secrets.vault.flights import Flights
from fleet.secrets.vault.history import History, State, Version

if TYPE_CHECKING:
    from fleet.clock import Clock
    from fleet.secrets.vault.address import KvPath, Login
    from fleet.secrets.vault.reading import Reading

REMEMBERED: Final = 50_000
PAUSE: Final = 5.0
BLIND_SECONDS: Final = 600.0  # then the metadata is tried again: somebody may have changed the policy
NO_VERSIONS: Final = "KV version 1 has no versions: the data is read and compared each time"
NO_METADATA: Final = "the policy gives no read of the metadata: the data is read and compared each time"
_ENDED: Final = {
    VaultPathMissing: State.GONE,
    VaultVersionDeleted: State.DELETED,
    VaultVersionDestroyed: State.DESTROYED,
}
V = TypeVar("V")


class Versions:
    """See the module."""

    def __init__(self, reading: Reading, clock: Clock) -> None:
        self._reading = reading
        self._clock = clock
        self._histories: _Shelf[History] = _Shelf(clock)
        self._contents: _Shelf[Version] = _Shelf(clock)
        self._blind: OrderedDict[Hashable, float] = OrderedDict()

    async def version(
        self, login: Login, path: KvPath, *, interval: float, number: int | None = None
    ) -> Version:
        """The newest version, or the one that is asked for, as it was at most ``interval`` seconds ago.

        Raises `failure.VaultError`; that nothing is there is no error.
        """
        if path.engine == 1:
            return await self._content(login, path, None, interval, NO_VERSIONS)
        if self._sighted(login, path):
            try:
                return await self._told(login, path, number, interval)
            except VaultForbidden as error:
                refused = again(error)
            try:
                found = await self._content(login, path, number, interval, NO_METADATA)
            except VaultForbidden:
                raise refused from None  # neither is given: the metadata is what should be
            _put(self._blind, (login, path), self._clock.boottime())
            return found
        return await self._content(login, path, number, interval, NO_METADATA)

    def last(self, login: Login, path: KvPath, number: int | None = None) -> Version | None:
        """What was seen last, however long ago; None where nothing was."""
        seen = self._histories.last((login, path))
        if seen is not None and self._sighted(login, path):
            return seen.version(number, self._clock.now())
        return self._contents.last((login, path, number))

    async def close(self) -> None:
        """Give up what is in flight."""
        await self._histories.close()
        await self._contents.close()

    def _sighted(self, login: Login, path: KvPath) -> bool:
        since = self._blind.get((login, path))
        return since is None or self._clock.boottime() >= since + BLIND_SECONDS

    async def _told(self, login: Login, path: KvPath, number: int | None, interval: float) -> Version:
        """By the metadata, which is read again where a version was to be deleted in the meantime."""
        found = await self._histories.get(
            (login, path),
            interval,
            lambda: self._history(login, path),
            lambda history, moment: history.version(number, moment).until,
        )
        return found.version(number, self._clock.now())

    async def _content(
        self, login: Login, path: KvPath, number: int | None, interval: float, blind: str
    ) -> Version:
        """By the data."""
        return await self._contents.get(
            (login, path, number),
            interval,
            lambda: self._digested(login, path, number, blind),
            lambda version, _: version.until,
        )

    async def _history(self, login: Login, path: KvPath) -> History:
        try:
            data = await self._reading.metadata(login, path)
        except VaultPathMissing:
            return History(0, {})
        try:
            return history.read(data)
        except ValueError as error:
            raise VaultEngineMismatch(f"Vault {login.server}: {path}: {error}") from None

    async def _digested(self, login: Login, path: KvPath, number: int | None, blind: str) -> Version:
        try:
            data = await self._reading.data(login, path, number or 0)
        except (VaultPathMissing, VaultVersionDeleted, VaultVersionDestroyed) as error:
            return Version(0, _ENDED[type(error)], blind=blind)
        try:
            if path.engine == 1:
                return Version(0, State.LIVE, content=_digest(data), blind=blind)
            until = history.moment(data["metadata"]["deletion_time"])
            return Version(0, State.LIVE, until=until, content=_digest(data["data"]), blind=blind)
        except TooDeep:
            raise too_deep(login.server, path) from None
        except (KeyError, TypeError, ValueError):
            raise VaultEngineMismatch(f"Vault {login.server}: {path}: no data of KV version 2") from None


@dataclass(frozen=True, slots=True)
class _Seen(Generic[V]):
    """What was found when: by boot time, and by the time of day that deletions are compared with."""

    found: V
    at: float
    moment: float


class _Shelf(Generic[V]):
    """What was read last, each good for the interval of whoever asks, and failures of a moment ago."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[Hashable, _Seen[V]] = OrderedDict()
        self._failed: OrderedDict[Hashable, tuple[VaultError, float]] = OrderedDict()
        self._flights: Flights[V] = Flights()

    async def get(
        self,
        key: Hashable,
        interval: float,
        read: Callable[[], Awaitable[V]],
        until: Callable[[V, float], float | None],
    ) -> V:
        """What is known of a key, or what ``read`` finds; ``until`` says when a find of some moment is over."""
        now = self._clock.boottime()
        seen = self._seen.get(key)
        if seen is not None and now < seen.at + interval:
            end = until(seen.found, seen.moment)
            if end is None or self._clock.now() < end:
                return seen.found
        error, then = self._failed.get(key, (None, 0.0))
        if error is not None and now < then:
            raise again(error)
        return await self._flights.join(key, lambda: self._read(key, read))

    def last(self, key: Hashable) -> V | None:
        """What was read last."""
        seen = self._seen.get(key)
        return None if seen is None else seen.found

    async def close(self) -> None:
        """Give up what is in flight."""
        await self._flights.close()

    async def _read(self, key: Hashable, read: Callable[[], Awaitable[V]]) -> V:
        at, moment = self._clock.boottime(), self._clock.now()
        try:
            found = await read()
        except VaultError as error:
            _put(self._failed, key, (again(error), self._clock.boottime() + PAUSE))
            raise
        self._failed.pop(key, None)
        _put(self._seen, key, _Seen(found, at, moment))
        return found


def _put(into: OrderedDict[Hashable, V], key: Hashable, value: V) -> None:
    into[key] = value
    into.move_to_end(key)
    while len(into) > REMEMBERED:
        into.popitem(last=False)


def _digest(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(number.canonical(dict(data))).hexdigest()
