"""Charts of repositories as the hub knows them: what each version or range means now, and when that moves.

Contract: one task asks, each chart at its own time: what can move (ranges, and tags) at the poll interval, what
failed after 2, 4, 8 ... s, an exact version whose archive is here never again; one that hangs holds up no other. An
unreachable registry leaves what is known in place, over a restart too, with the error beside it. ``moved`` is called
when a meaning or an error changes; methods that do not await are atomic on the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from fleet import ending
from fleet.charts import archive, versions
from fleet.charts.archive import ArchiveTree, Content
from fleet.charts.door import Door
from fleet.charts.index import Indexes
from fleet.charts.resolve import Resolver
from fleet.charts.store import Meaning, Store
from fleet.clock import Clock
from fleet.errors import FleetError, SourceError
from fleet.git import credentials
from fleet.git.credentials import Credential, Unusable
from fleet.redact import words
from fleet.render.ground import RemoteChart

DoorFactory = Callable[[Credential | None, bool], Door]
KEPT: Final = 64  # archives that are held in memory, read, though no chart in use means them
AT_ONCE: Final = 4  # charts of one repository that are asked for at the same time
FIRST_RETRY: Final = 2.0
GRACE: Final = 60.0  # that somebody has who obtained a chart, to be seen as its user


class Charts:
    """See the module. ``door`` opens the way to a repository with a credential, for its own host or everywhere."""

    def __init__(self, door: DoorFactory, folder: Path, clock: Clock, interval: float) -> None:
        self._door = door
        self._clock = clock
        self._interval = interval
        self._store = Store(folder)
        self._resolver = Resolver(self._store, Indexes())
        self._known: dict[RemoteChart, Meaning] = {}
        self._errors: dict[RemoteChart, FleetError] = {}
        self._tries: dict[RemoteChart, int] = {}
        self._due: dict[RemoteChart, float] = {}  # boot times; what is not in it is not asked again
        self._obtained: dict[RemoteChart, float] = {}
        self._swept = 0.0
        self._asking: dict[RemoteChart, asyncio.Task[Meaning]] = {}
        self._slots: dict[
            str, asyncio.Semaphore
        ] = {}  # by repository: one that hangs takes none of another's
        self._read: dict[str, Content] = {}
        self._credentials: Callable[[], Iterable[Credential | Unusable]] = tuple
        self._passed: set[RemoteChart] = set()
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.moved: Callable[[RemoteChart], None] = lambda _: None
        self.in_use: Callable[[], frozenset[RemoteChart]] | None = None  # None: all, for ever

    def use_credentials(self, source: Callable[[], Iterable[Credential | Unusable]]) -> None:
        """Where credentials come from."""
        self._credentials = source

    async def obtain(self, chart: RemoteChart, *, everywhere: bool = False) -> Meaning:
        """What it means, its archive in memory. Raises SourceError where that never was known."""
        if everywhere:
            self._passed.add(chart)
        self._obtained[chart] = self._clock.boottime()
        if self._task is None:
            self._task = asyncio.ensure_future(self._poll())
        known = self._known.get(chart) or await asyncio.to_thread(self._store.meaning, chart)
        if known is not None and await self._load(chart, known):
            if chart not in self._known:
                self._known[chart] = known
                if not versions.exact(chart.version):
                    self._ask_at(chart, 0.0)  # known from before a restart: asked again soon
            return known
        return await self._ask(chart)

    def tree(self, chart: RemoteChart, meaning: Meaning) -> ArchiveTree:
        """The archive of what ``obtain`` found, for one render. Raises SourceError where it is not here any more."""
        content = self._read.get(meaning.digest)
        if content is None:
            raise SourceError(f"the chart {chart.name} of {chart.url} is not here any more")
        return ArchiveTree(chart.url, f"{chart.name}-{meaning.version}", content)

    def error(self, chart: RemoteChart) -> FleetError | None:
        """Why nothing newer of it comes; None where it was answered last."""
        return self._errors.get(chart)

    def nudge(self, charts: Iterable[RemoteChart] | None = None) -> None:
        """Ask for these now, or for all of them: a person wants it, or a credential changed."""
        for chart in list(self._due if charts is None else charts):
            if chart in self._due:
                self._tries.pop(chart, None)
                self._ask_at(chart, 0.0)

    async def close(self) -> None:
        """Stop asking."""
        await ending.end([*self._asking.values(), *([self._task] if self._task is not None else [])])

    async def _ask(self, chart: RemoteChart) -> Meaning:
        return await asyncio.shield(self._ask_soon(chart))

    def _ask_soon(self, chart: RemoteChart) -> asyncio.Task[Meaning]:
        """Ask once for all who want it at the same time."""
        task = self._asking.get(chart)
        if task is None:
            task = self._asking[chart] = asyncio.ensure_future(self._asked(chart))
            task.add_done_callback(lambda done: self._answered(chart, done))
        return task

    def _answered(self, chart: RemoteChart, task: asyncio.Task[Meaning]) -> None:
        self._asking.pop(chart, None)
        if not task.cancelled():
            task.exception()  # it was kept where it belongs, whether or not somebody waits

    async def _asked(self, chart: RemoteChart) -> Meaning:
        try:
            credential = credentials.match(chart.url, self._credentials())
            door = self._door(credential, chart in self._passed)
            async with self._slots.setdefault(chart.url, asyncio.Semaphore(AT_ONCE)):
                meaning = await self._resolver.resolve(chart, door, self._known.get(chart))
            await self._kept(chart, meaning)
        except FleetError as error:
            self._failed(chart, error)
            raise
        except Exception as error:  # noqa: BLE001 (one repository must not end the others)
            found = SourceError(f"{chart.url} could not be read: {words(error)}")
            self._failed(chart, found)
            raise found from None
        if chart not in self._obtained:
            return meaning  # nobody uses it any more
        before, well = self._known.get(chart), chart not in self._errors
        self._known[chart] = meaning
        self._errors.pop(chart, None)
        self._tries.pop(chart, None)
        self._due.pop(chart, None)
        if not versions.exact(chart.version):
            self._ask_at(chart, self._clock.jitter(self._interval))
        await asyncio.to_thread(self._store.mean, chart, meaning)
        if (before is not None and before != meaning) or not well:
            self.moved(chart)
        return meaning

    def _failed(self, chart: RemoteChart, error: FleetError) -> None:
        if chart not in self._obtained:
            return
        before = self._errors.get(chart)
        self._errors[chart] = error
        self._tries[chart] = tries = self._tries.get(chart, 0) + 1
        pause = FIRST_RETRY * 2.0 ** min(tries - 1, 10) if error.transient else self._interval
        self._ask_at(chart, self._clock.jitter(min(self._interval, pause)))
        if before is None or before.text != error.text:
            self.moved(chart)

    async def _kept(self, chart: RemoteChart, meaning: Meaning) -> None:
        if not await self._load(chart, meaning):
            raise SourceError(f"the archive of {chart.name} {meaning.version} could not be kept")

    async def _load(self, chart: RemoteChart, meaning: Meaning) -> bool:
        if meaning.digest in self._read:
            return True
        data = await asyncio.to_thread(self._store.get, meaning.digest)
        if data is None:
            return False
        self._read[meaning.digest] = await asyncio.to_thread(archive.read, data, chart.name)
        return True

    def _ask_at(self, chart: RemoteChart, seconds: float) -> None:
        self._due[chart] = self._clock.boottime() + seconds
        self._wake.set()

    def _sweep(self, now: float) -> None:
        """Ask no more for what nobody uses; one that was obtained just now may not be named as used yet."""
        if self.in_use is None or now < self._swept + min(self._interval, GRACE):
            return
        self._swept = now
        used = self.in_use()
        for chart in [one for one, at in self._obtained.items() if at < now - GRACE and one not in used]:
            for held in (self._known, self._errors, self._tries, self._due, self._obtained):
                held.pop(chart, None)
            self._passed.discard(chart)
        for url in self._slots.keys() - {one.url for one in self._obtained}:
            del self._slots[url]
        wanted = {one.digest for one in self._known.values()}
        unused = [one for one in self._read if one not in wanted]
        for digest in unused[: max(0, len(unused) - KEPT)]:
            del self._read[digest]

    async def _poll(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock.boottime()
            self._sweep(now)
            for chart in [one for one, at in self._due.items() if at <= now]:
                # Whatever comes of it says when to ask again; nobody waits for a registry that hangs.
                self._due[chart] = now + self._interval
                self._ask_soon(chart)
            pause = min((self._interval, *(at - now for at in self._due.values())))
            waiter = asyncio.ensure_future(self._wake.wait())
            timer = asyncio.ensure_future(self._clock.sleep(max(pause, 0.0)))
            try:
                await asyncio.wait({waiter, timer}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
                timer.cancel()
