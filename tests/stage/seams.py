"""Wrappers of the real doors: a journal of every write, a guillotine that cuts a hub off, a meddler in the way."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

from fleet.errors import Unanswered, Unreachable
from fleet.hub.seams import Seams
from fleet.kube.client import Client
from fleet.kube.request import Answer, Request

LEASES = "/apis/coordination.k8s.io/"
LAST = "the last write"
EVENTS = re.compile(r"/namespaces/[^/]+/events(/|$)")


class Moment(Enum):
    """What a journal notes of, in the order in which it happened."""

    BEGUN = "a write leaves"
    ENDED = "it is answered"
    ACTED = "somebody else does something"


@dataclass(slots=True)
class Journal:
    """Every write of one hub, by name: cluster, verb, path, and which one of its kind it was."""

    writes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    moments: list[tuple[Moment, str]] = field(default_factory=list)

    def name(self, cluster: str, request: Request) -> str:
        """Name a write and note it."""
        path = request.path
        base = f"{cluster} {request.verb} {path}"
        number = self.counts.get(base, 0) + 1
        self.counts[base] = number
        named = f"{base} #{number}"
        self.writes.append(named)
        self.moments.append((Moment.BEGUN, named))
        return named

    def ended(self, named: str) -> None:
        """Note that a write was answered."""
        self.moments.append((Moment.ENDED, named))

    def acted(self) -> None:
        """Note that somebody else does something."""
        self.moments.append((Moment.ACTED, ""))


@dataclass(slots=True)
class Guillotine:
    """Cuts a hub off right before or right after a write; from then on nothing of that hub gets out."""

    at: str
    after: bool = False
    fallen: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Countdown(Journal):
    """Names the write that comes last so that a guillotine may wait for it, once it is told how many come."""

    left: int = 0

    def name(self, cluster: str, request: Request) -> str:
        """Name a write and note it."""
        named = Journal.name(self, cluster, request)
        self.left -= 1
        return LAST if self.left == 0 else named


class WatchedClient(Client):
    """The real door with a journal and a guillotine."""

    journal: Journal
    guillotine: Guillotine | None = None

    async def send(self, request: Request) -> Answer:
        """Send, unless the hub is cut off; fall at the named write."""
        guillotine = self.guillotine
        if guillotine is not None and guillotine.fallen.is_set():
            raise Unreachable("cut off")
        if not request.writes:
            self.journal.reads += 1
            return await super().send(request)
        if request.path.startswith(LEASES) or EVENTS.search(request.path):
            return await super().send(request)
        named = self.journal.name(self.cluster, request)
        if guillotine is None or named != guillotine.at:
            try:
                return await super().send(request)
            finally:
                self.journal.ended(named)
        if not guillotine.after:
            guillotine.fallen.set()
            raise Unreachable("cut off before the write")
        try:
            await super().send(request)
        finally:
            guillotine.fallen.set()
        raise Unanswered("cut off after the write")

    async def stream(self, request: Request) -> Any:
        """No watch of a hub that is cut off."""
        if self.guillotine is not None and self.guillotine.fallen.is_set():
            raise Unreachable("cut off")
        async for line in super().stream(request):
            if self.guillotine is not None and self.guillotine.fallen.is_set():
                raise Unreachable("cut off")
            yield line


Before = Callable[[str, Request], Awaitable[None]]
"""Told of a request and the cluster that it is for, right before it is sent; may wait, or raise in its place."""


class Sent(NamedTuple):
    """A request that went out."""

    at: float
    cluster: str
    request: Request


@dataclass(slots=True)
class Meddler:
    """What happens to a hub's requests on their way; ``before`` may be set and taken away at any time."""

    before: Before | None = None
    sent: list[Sent] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0

    def writes(self, cluster: str = "") -> list[Request]:
        """Writes so far to one cluster, or to all; Leases and Events apart."""
        return [
            request
            for _, name, request in self.sent
            if request.writes
            and cluster in ("", name)
            and not request.path.startswith(LEASES)
            and not EVENTS.search(request.path)
        ]


class MeddledClient(Client):
    """The real door with somebody in the way."""

    meddler: Meddler

    async def send(self, request: Request) -> Answer:
        """Send, unless the meddler raises."""
        if self.meddler.before is not None:
            await self.meddler.before(self.cluster, request)
        self.meddler.sent.append(Sent(time.monotonic(), self.cluster, request))
        return await super().send(request)

    async def _exchange(self, request: Request) -> Any:
        self.meddler.busy += 1
        self.meddler.busiest = max(self.meddler.busiest, self.meddler.busy)
        try:
            return await super()._exchange(request)
        finally:
            self.meddler.busy -= 1


def meddled(meddler: Meddler, clock: Callable[[], Any] | None = None) -> Seams:
    """Seams whose clients let the meddler have its way."""

    def client(connection: Any, cluster: str, budget: Any, permit: Any, observe: Any, clock: Any) -> Client:
        made = MeddledClient(
            connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock
        )
        made.meddler = meddler
        return made

    seams = Seams(client=client)
    return seams if clock is None else replace(seams, clock=clock)


def watched(
    journal: Journal, guillotine: Guillotine | None = None, clock: Callable[[], Any] | None = None
) -> Seams:
    """Seams whose clients note every write, and cut at one."""

    def client(connection: Any, cluster: str, budget: Any, permit: Any, observe: Any, clock: Any) -> Client:
        made = WatchedClient(
            connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock
        )
        made.journal = journal
        made.guillotine = guillotine
        return made

    seams = Seams(client=client)
    return seams if clock is None else replace(seams, clock=clock)


@dataclass(frozen=True, slots=True)
class Write:
    """A write as it left: Leases too."""

    cluster: str
    verb: str
    path: str
    body: bytes


class LoggedClient(Client):
    """The real door with a log of everything that is written through it."""

    log: list[Write]

    async def send(self, request: Request) -> Answer:
        """Send, and note a write before it leaves."""
        if request.writes:
            self.log.append(Write(self.cluster, request.verb, request.path, request.body or b""))
        return await super().send(request)


def logged(log: list[Write]) -> Seams:
    """Seams whose clients log every write, in order, over all clusters."""

    def client(connection: Any, cluster: str, budget: Any, permit: Any, observe: Any, clock: Any) -> Client:
        made = LoggedClient(
            connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock
        )
        made.log = log
        return made

    return Seams(client=client)
