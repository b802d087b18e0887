"""One kind on one server, for ever: a list, then its changes, and a word whenever the view may be stale.

Contract: `follow` never ends by itself and raises nothing but cancellation (and faults of our own). Between a
``Silent`` and the next ``Listed`` nothing is known of what happened. After a ``Listed`` whatever is not in it
is gone. A selector's watch reports an object that merely lost its label as Gone. Rules (H14): a watch that
brings nothing, not even a bookmark, for 90 s is dead; it is resumed from its last version only if it ended in
order and had brought something, else everything is listed afresh; 410 and "too large" list too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from fleet.clock import Clock
from fleet.errors import Expired, FleetError, NotFound, ServerFailed, Throttled, Unreachable
from fleet.kube import decode, listing
from fleet.kube.client import Door
from fleet.kube.paths import collection_path
from fleet.kube.request import JSON, METADATA_ACCEPT, Request
from fleet.model import Meta, Resource

SILENCE_SECONDS: Final = 90.0
_FIRST_SECONDS: Final = 0.5
_LAST_SECONDS: Final = 30.0
_STEADY_SECONDS: Final = 5.0  # a watch that lived so long was no failure
_EXPIRED: Final = frozenset({410, 504})


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as it is now; ``object`` only where the whole was asked for."""

    meta: Meta
    object: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects there are, as of ``version``; ``rewound`` where later ones had been seen before.

    A server that was restored from a backup counts on from then: what is remembered of it is of a future that
    never comes, and everything that happens there seems to be old news.
    """

    items: tuple[Seen, ...]
    version: str
    rewound: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """An object that was deleted, or no longer matches the selector; as it was last."""

    meta: Meta


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing is heard any more, and why; a ``Listed`` follows when it is heard again."""

    reason: str
    error: FleetError | None = None


Happening = Listed | Seen | Gone | Silent
Query = tuple[tuple[str, str], ...]


async def follow(
    client: Door,
    resource: Resource,
    namespace: str | None,
    *,
    selector: str,
    whole: bool,
    clock: Clock,
    name: str = "",
) -> AsyncGenerator[Happening, None]:
    """Follow a kind in one namespace, or everywhere it is (None). ``whole`` False: metadata only.

    ``name`` limits it to the object of that name.
    """
    pause = _Pause(clock)
    version = reached = ""
    while True:
        if not version:
            try:
                found = await listing.read(
                    client.send, resource, namespace, selector=selector, whole=whole, name=name
                )
            except FleetError as error:
                yield Silent(error.reason, error)
                await pause.after(error)
                continue
            items = tuple([Seen(item.meta, item.object) for item in found.items])
            yield Listed(items, found.version, rewound=_before(found.version, reached))
            version = reached = found.version
        request = _request(resource, namespace, listing.selected(selector, name), version, whole=whole)
        async with aclosing(_Round(client.stream(request), resource, clock, whole=whole)) as this:
            async for happening in this:
                yield happening
        reached = this.version or reached
        if this.error is None and this.version:
            version = this.version
            if not this.steady:
                await pause.after(None)
            else:
                pause.reset()
            continue
        version = ""
        if this.steady:
            pause.reset()
        if this.error is None or isinstance(this.error, Expired):
            await pause.after(None)
        else:
            yield Silent(this.error.reason, this.error)
            await pause.after(this.error)


def _request(
    resource: Resource, namespace: str | None, selected: Query, version: str, *, whole: bool
) -> Request:
    query = (("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version))
    return Request(
        "GET",
        collection_path(resource, namespace),
        query=(*query, *selected),
        accept=JSON if whole else METADATA_ACCEPT,
    )


class _Pause:
    """The wait before another try: 0.5 s doubling to 30 s, jittered; a kind that is gone waits longest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries = 0

    def reset(self) -> None:
        self._tries = 0

    async def after(self, error: FleetError | None) -> None:
        """Wait; an end that is no failure is followed at once the first time."""
        seconds = min(_LAST_SECONDS, _FIRST_SECONDS * 2 ** min(self._tries, 10))
        if error is None and self._tries == 0:
            seconds = 0.0
        self._tries += 1
        if isinstance(error, NotFound):
            seconds = _LAST_SECONDS
        elif isinstance(error, Throttled):
            seconds = max(seconds, error.retry_after)
        if seconds:
            await self._clock.sleep(self._clock.jitter(seconds, 0.3))


class _Round:
    """One stream from its opening to its end.

    Afterwards ``error`` says how it ended, ``version`` how far it came (empty: it brought nothing), and
    ``steady`` whether it lived for some seconds.
    """

    def __init__(self, lines: AsyncIterator[bytes], resource: Resource, clock: Clock, *, whole: bool) -> None:
        self.error: FleetError | None = None
        self.version = ""
        self._lines = lines
        self._resource = resource
        self._clock = clock
        self._whole = whole
        self._began = self._heard = clock.boottime()
        self._wait: asyncio.Timeout | None = None
        self._vigil = asyncio.get_running_loop().create_task(self._watch_over())

    @property
    def steady(self) -> bool:
        return self._clock.boottime() - self._began >= _STEADY_SECONDS

    def __aiter__(self) -> _Round:
        return self

    async def __anext__(self) -> Seen | Gone:
        while True:
            try:
                line = await self._line()
                event = decode.event(line, self._resource, whole=self._whole)
            except FleetError as error:
                self.error = error
                raise StopAsyncIteration from None
            if event.meta is None:
                self.error = _refused(event.code)
                raise StopAsyncIteration
            self.version = event.meta.version
            if event.type == "DELETED":
                return Gone(event.meta)
            if event.type in ("ADDED", "MODIFIED"):
                return Seen(event.meta, event.object)

    async def aclose(self) -> None:
        self._vigil.cancel()
        if isinstance(self._lines, AsyncGenerator):
            await self._lines.aclose()

    async def _line(self) -> bytes:
        self._heard = self._clock.boottime()
        try:
            async with asyncio.timeout(None) as self._wait:
                return await anext(self._lines)
        except TimeoutError:
            raise Unreachable(f"the watch brought nothing for {SILENCE_SECONDS:.0f} s") from None
        finally:
            self._wait = None

    async def _watch_over(self) -> None:
        """End the wait for a line that takes too long. One task a watch, not one timer a line."""
        while True:
            left = self._heard + SILENCE_SECONDS - self._clock.boottime()
            if left <= 0 and self._wait is not None:
                self._wait.reschedule(asyncio.get_running_loop().time())
                return
            await self._clock.sleep(left if left > 0 else SILENCE_SECONDS)


def _before(version: str, reached: str) -> bool:
    return version.isdigit() and reached.isdigit() and int(version) < int(reached)


def _refused(code: int) -> FleetError:
    if code in _EXPIRED:
        return Expired("the watch's resource version is no longer there", status=code, word="Expired")
    return ServerFailed("the server ended the watch with an error", status=code)
