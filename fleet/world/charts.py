"""Charts of repositories as the hub knows them: what each version or range means now, and when that moves.

Contract: one task polls what can move (ranges, and tags); an exact version whose archive is here is never asked
for again. An unreachable registry leaves what is known in place, over a restart too, with the error beside it.
``moved`` is called when a meaning or an error changes; methods that do not await are atomic on the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from fleet.charts import archive, versions
from fleet.charts.archive import ArchiveTree, Content
from fleet.charts.door import Door
from fleet.charts.resolve import resolve
from fleet.charts.store import Meaning, Store
from fleet.clock import Clock
from fleet.errors import FleetError, SourceError
from fleet.git import credentials
from fleet.git.credentials import Credential, Unusable
from fleet.redact import words
from fleet.render.ground import RemoteChart

DoorFactory = Callable[[Credential | None, bool], Door]
KEPT = 64  # archives that are held in memory, read


class Charts:
    """See the module. ``door`` opens the way to a repository with a credential, everywhere or under its prefix."""

    def __init__(self, door: DoorFactory, folder: Path, clock: Clock, interval: float) -> None:
        self._door = door
        self._clock = clock
        self._interval = interval
        self._store = Store(folder)
        self._known: dict[RemoteChart, Meaning] = {}
        self._errors: dict[RemoteChart, FleetError] = {}
        self._asking: dict[RemoteChart, asyncio.Task[Meaning]] = {}
        self._read: dict[str, Content] = {}
        self._credentials: Callable[[], Iterable[Credential | Unusable]] = tuple
        self._passed: set[RemoteChart] = set()
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.moved: Callable[[RemoteChart], None] = lambda _: None

    def use_credentials(self, source: Callable[[], Iterable[Credential | Unusable]]) -> None:
        """Where credentials come from."""
        self._credentials = source

    async def obtain(self, chart: RemoteChart, *, everywhere: bool = False) -> Meaning:
        """What it means, its archive in memory. Raises SourceError where that never was known."""
        if everywhere:
            self._passed.add(chart)
        if self._task is None:
            self._task = asyncio.ensure_future(self._poll())
        known = self._known.get(chart) or await asyncio.to_thread(self._store.meaning, chart)
        if known is not None and await self._load(chart, known):
            fresh = chart not in self._known
            self._known[chart] = known
            if fresh and not versions.exact(chart.version):
                self._wake.set()  # known from before a restart: asked again soon
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

    def nudge(self, charts: Iterable[RemoteChart] = ()) -> None:
        """Ask for all of them now: a person wants it, or a credential changed."""
        for chart in charts:
            self._errors.pop(chart, None)
        self._wake.set()

    def retain(self, in_use: frozenset[RemoteChart]) -> None:
        """Ask for the others no more."""
        for chart in [one for one in self._known if one not in in_use]:
            del self._known[chart]
        for chart in [one for one in self._errors if one not in in_use]:
            del self._errors[chart]
        wanted = {one.digest for one in self._known.values()}
        for digest in [one for one in self._read if one not in wanted][: max(0, len(self._read) - KEPT)]:
            del self._read[digest]

    async def close(self) -> None:
        """Stop asking."""
        tasks = [*self._asking.values(), *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, chart: RemoteChart) -> Meaning:
        """Ask once for all who want it at the same time."""
        task = self._asking.get(chart)
        if task is None:
            task = self._asking[chart] = asyncio.ensure_future(self._asked(chart))
            task.add_done_callback(lambda _: self._asking.pop(chart, None))
        return await asyncio.shield(task)

    async def _asked(self, chart: RemoteChart) -> Meaning:
        try:
            credential = credentials.match(chart.url, self._credentials())
            door = self._door(credential, chart in self._passed)
            meaning = await resolve(chart, door, self._store)
            await self._kept(chart, meaning)
        except FleetError as error:
            self._failed(chart, error)
            raise
        except Exception as error:  # noqa: BLE001 (one repository must not end the others)
            found = SourceError(f"{chart.url} could not be read: {words(error)}")
            self._failed(chart, found)
            raise found from None
        before, well = self._known.get(chart), chart not in self._errors
        self._known[chart] = meaning
        self._errors.pop(chart, None)
        await asyncio.to_thread(self._store.mean, chart, meaning)
        if (before is not None and before != meaning) or not well:
            self.moved(chart)
        return meaning

    def _failed(self, chart: RemoteChart, error: FleetError) -> None:
        before = self._errors.get(chart)
        self._errors[chart] = error
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

    async def _poll(self) -> None:
        while True:
            waiter = asyncio.ensure_future(self._wake.wait())
            pause = min(self._interval, 5.0) if self._errors else self._interval
            timer = asyncio.ensure_future(self._clock.sleep(self._clock.jitter(pause)))
            try:
                await asyncio.wait({waiter, timer}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
                timer.cancel()
            self._wake.clear()
            due = [one for one in self._known if not versions.exact(one.version) or one in self._errors]
            due += [one for one in self._errors if one not in self._known]
            await asyncio.gather(*(self._ask(one) for one in due), return_exceptions=True)
