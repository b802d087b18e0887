"""Wrappers of the real doors: a journal of every write, and a guillotine that cuts a hub off at one of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from fleet.errors import Unanswered, Unreachable
from fleet.hub.seams import Seams
from fleet.kube.client import Client
from fleet.kube.request import Answer, Request

LEASES = "/apis/coordination.k8s.io/"
LAST = "the last write"
EVENTS = re.compile(r"/namespaces/[^/]+/events(/|$)")


@dataclass(slots=True)
class Journal:
    """Every write of one hub, by name: cluster, verb, path, and which one of its kind it was."""

    writes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    reads: int = 0

    def name(self, cluster: str, request: Request) -> str:
        """Name a write and note it."""
        path = request.path
        base = f"{cluster} {request.verb} {path}"
        number = self.counts.get(base, 0) + 1
        self.counts[base] = number
        named = f"{base} #{number}"
        self.writes.append(named)
        return named


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
            return await super().send(request)
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
