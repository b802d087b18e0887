"""Repositories as the hub knows them: one mirror a URL, its refs, and when they move.

Contract: one task a repository polls by ``ls-remote``, one listing for all Applications of it, and fetches only
what moved; ``nudge`` makes it look at once. A push event that comes before the ref (H24) is looked for again
after 1, 2, 4 ... 60 s; a branch that moves to an ancestor is believed only when it still stands there 10 s
later. An unreachable server leaves what is known in place, with the error beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from fleet import ending, urls
from fleet.clock import Clock
from fleet.errors import FleetError, RepositoryUnreachable, RepositoryUnread, SourceError
from fleet.git import credentials, keep, refs
from fleet.git.credentials import Credential, Unusable
from fleet.git.mirror import Mirror
from fleet.git.push import PushEvent
from fleet.git.refs import Refs
from fleet.git.tree import Tree
from fleet.model import Revision
from fleet.redact import words

BACKWARD_WAIT: Final = 10.0
HINTS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
FIRST_RETRY: Final = 2.0

Moved = Callable[["Repository"], Awaitable[None]]
MirrorFactory = Callable[[str, Path], Mirror]


class How(StrEnum):
    """What made the hub look."""

    START = "the first look"
    POLL = "poll"
    WEBHOOK = "webhook"
    ASKED = "refresh"
    CREDENTIAL = "a new credential"
    AGAIN = "a second look"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a look at the remote came to, for those who count."""

    url: str
    seconds: float
    fetched: bool
    well: bool


class Repository:
    """One repository; made by ``Repositories``."""

    def __init__(self, url: str, mirror: Mirror, clock: Clock, interval: float) -> None:
        self.url = url
        self.mirror = mirror
        self._clock = clock
        self._interval = interval
        self._refs: Refs | None = None
        self._pending: dict[str, tuple[str, float]] = {}
        self._nudged = asyncio.Event()
        self._hint = ""
        self._hints = 0
        self._tries = 0
        self.error: SourceError | None = None
        self.recovered = False
        self.looked = 0.0
        self.how = How.START  # what the last look came by
        self.due = 0.0  # when the next one is, 0 while one is under way
        self.failing = 0.0  # since when no look has brought anything
        self._why = How.START
        self.credential: Callable[[], Credential | None] = lambda: None
        self.told: Callable[[Fetched], None] = lambda _: None
        self.moved: Moved | None = None
        self.moving: Callable[[str], None] = lambda _: None
        self.recorded: Callable[[], keep.Named | None] = lambda: None

    @property
    def refs(self) -> Refs | None:
        """Refs as they are believed now; None before the first look."""
        return self._refs

    def resolve(self, name: str) -> Revision:
        """The commit that a name means. Raises SourceError; RepositoryUnreachable before the first look."""
        if self._refs is None:
            raise self.error or RepositoryUnread(f"{self.url} has not been read yet")
        found = refs.resolve(name, self._refs, self.mirror.known)
        return found._replace(repo=self.url)

    def tree(self, commit: str) -> Tree:
        """The files of a commit that is in the mirror; its reads carry the URL by which it is followed."""
        objects = self.mirror.objects
        return Tree(self.url, commit, objects.root(commit), objects)

    def nudge(self, commit: str = "", how: How = How.ASKED) -> None:
        """Look at once; ``commit`` is what a push event spoke of, a hint for looking again only."""
        self._why = how
        if commit:
            self._hint, self._hints = commit, 0
        self._nudged.set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            nudged = self._nudged.is_set()
            self._nudged.clear()
            how, self._why = self._why, How.POLL
            self.due = 0.0
            try:
                await self._look(how, nudged=nudged)
            except Exception as error:  # noqa: BLE001 (nobody would look at this repository any more)
                self._tries += 1
                self.error = RepositoryUnreachable(f"{self.url} could not be read: {words(error)}")
            self.failing = 0.0 if self.error is None else self.failing or self._clock.now()
            pause = self._pause()
            self.due = self._clock.now() + pause
            await self._wait(pause)

    async def bring(self, commit: str) -> None:
        """Fetch one commit that no branch or tag leads to. Raises SourceError."""
        await self.mirror.bring(commit, self.credential())

    async def _look(self, how: How, *, nudged: bool) -> None:
        begun = self._clock.boottime()
        fetched = False
        try:
            seen = None if nudged else await self.mirror.ls_remote(self.credential())
            if seen is None or not self._same(seen):
                fetched = True
                seen = await self.mirror.fetch(self.credential())
            believed = await self._believed(seen)
        except SourceError as error:
            await self._failed(error, begun)
            return
        except FleetError as error:
            await self._failed(SourceError(error.text), begun)
            return
        except Exception as error:  # noqa: BLE001 (a repository that breaks its mirror must not end the others)
            await self._failed(RepositoryUnreachable(f"{self.url} could not be read: {words(error)}"), begun)
            return
        self.looked, self.how = self._clock.now(), how
        self._tries = 0
        self.told(Fetched(self.url, self._clock.boottime() - begun, fetched, well=True))
        self.recovered = self.error is not None
        changed = believed != self._refs or self.recovered
        self.error = None
        if changed and self.moved is not None:
            self.moving(self.url)
        self._refs = believed
        if self._hint and self.mirror.known(self._hint):
            self._hint = ""
        if changed and self.moved is not None:
            await self.moved(self)
        if fetched:
            await self._keep()

    async def _keep(self) -> None:
        """Hold on to the commits that members record: a force-push must not take them (H5)."""
        named = self.recorded()
        if named is None:
            return
        try:
            await keep.keep(self.mirror, named)
        except FleetError:
            # Tried again after the next fetch; until then git keeps unreachable commits for two weeks.
            return

    async def _failed(self, error: SourceError, begun: float) -> None:
        self._tries += 1
        self.told(Fetched(self.url, self._clock.boottime() - begun, fetched=False, well=False))
        fresh = self.error is None or self.error.text != error.text
        self.error = error
        if fresh and self.moved is not None:
            await self.moved(self)

    def _same(self, seen: Refs) -> bool:
        known = self._refs
        if known is None or self._pending:
            return False
        return (seen.heads, seen.tags, seen.head) == (known.heads, known.tags, known.head)

    async def _believed(self, seen: Refs) -> Refs:
        """The refs with branches that went backwards kept where they were until they have stood for a while."""
        known = self._refs
        if known is None:
            return seen
        heads = dict(seen.heads)
        pending: dict[str, tuple[str, float]] = {}
        now = self._clock.boottime()
        for name, commit in seen.heads.items():
            before = known.heads.get(name)
            if before is None or before == commit or not await refs.backward(self.mirror, before, commit):
                continue
            waited, since = self._pending.get(name, ("", now))
            if waited != commit:
                since = now
            if now - since < BACKWARD_WAIT:
                pending[name] = (commit, since)
                heads[name] = before
        self._pending = pending
        return replace(seen, heads=heads)

    def _pause(self) -> float:
        if self.error is not None:
            return min(self._interval, FIRST_RETRY * 2.0 ** min(self._tries - 1, 10))
        if self._pending:
            return BACKWARD_WAIT
        if self._hint and self._hints < len(HINTS):
            self._hints += 1
            return HINTS[self._hints - 1]
        self._hint = ""  # it never came: a listing will do again
        return self._clock.jitter(self._interval)

    async def _wait(self, seconds: float) -> None:
        nudged = asyncio.ensure_future(self._nudged.wait())
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({nudged, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()
            timer.cancel()
        if not self._nudged.is_set() and (self._hint or self._pending):
            self._why = How.AGAIN
            self._nudged.set()


class Repositories:
    """All repositories in use. ``moved`` is awaited after each change of refs or error of one of them."""

    def __init__(self, mirror: MirrorFactory, folder: Path, clock: Clock, interval: float) -> None:
        self._mirror = mirror
        self._folder = folder
        self._clock = clock
        self._interval = interval
        self._known: dict[str, Repository] = {}
        self._refused: dict[str, SourceError] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Future[None]] = set()
        self._credentials: Callable[[], Iterable[Credential | Unusable]] = tuple
        self.moved: Moved | None = None
        self.moving: Callable[[str], None] = lambda _: None  # called right before new refs can be seen
        self.told: Callable[[Fetched], None] = lambda _: None
        self.recorded: Callable[[str], keep.Named | None] = lambda _: None

    def use_credentials(self, source: Callable[[], Iterable[Credential | Unusable]]) -> None:
        """Where credentials come from."""
        self._credentials = source

    def get(self, url: str) -> Repository:
        """The repository of a URL; made, and looked at, on first use. Raises RepositoryRefused."""
        found = self._known.get(url)
        if found is not None:
            return found
        folder = self._folder / hashlib.sha256(url.encode()).hexdigest()[:32]
        found = Repository(url, self._mirror(url, folder), self._clock, self._interval)
        found.credential = lambda: credentials.match(url, self._credentials())
        found.told = self.told
        found.moved, found.moving = self.moved, self.moving
        found.recorded = lambda: self.recorded(url)
        self._known[url] = found
        self._tasks[url] = asyncio.ensure_future(found.run())
        return found

    def known(self) -> tuple[Repository, ...]:
        """All repositories in use."""
        return tuple(self._known.values())

    def retain(self, in_use: frozenset[str]) -> None:
        """Stop looking at repositories that no Application names any more."""
        for url in [url for url in self._known if url not in in_use]:
            closing = asyncio.ensure_future(_close(self._tasks.pop(url), self._known.pop(url).mirror))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def nudge(self, event: PushEvent) -> int:
        """Wake the repositories that a push event speaks of, under whatever spelling; how many there are."""
        wanted = {urls.canonical(url) for url in event.urls}
        found = [known for url, known in self._known.items() if urls.canonical(url) in wanted]
        for known in found:
            known.nudge(event.commit, How.WEBHOOK)
        return len(found)

    def nudge_all(self) -> None:
        """Look at all of them: a credential changed."""
        for known in self._known.values():
            known.nudge(how=How.CREDENTIAL)

    async def close(self) -> None:
        """Stop looking."""
        await ending.end(self._tasks.values())
        await asyncio.gather(*self._closing, return_exceptions=True)
        for known in self._known.values():
            await known.mirror.close()


async def _close(looking: asyncio.Task[None], mirror: Mirror) -> None:
    await ending.end([looking])
    await mirror.close()
