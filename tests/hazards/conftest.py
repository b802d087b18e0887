"""A control plane with a store of its own, which tests put back to an earlier state."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from tests.stage.theatre import Planes


class Mortal:
    """The plane, its backup, and its restoration."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane

    async def backup(self) -> None:
        """Keep a copy of its store as it is now."""
        await self._with_copy("etcd", "backup")

    async def restore(self) -> None:
        """Put the copy back in the store's place, as one restores etcd from a backup."""
        await self._with_copy("backup", "etcd")

    async def _with_copy(self, source: str, target: str) -> None:
        await asyncio.to_thread(self.plane.kill)
        shutil.rmtree(self.plane.folder / target, ignore_errors=True)
        shutil.copytree(self.plane.folder / source, self.plane.folder / target)
        self.plane.start()
        await asyncio.to_thread(self.plane.wait_ready)


@pytest.fixture(scope="module")
async def mortal(planes: Planes) -> AsyncIterator[Mortal]:
    """One that runs."""
    with Plane.create("mortal", planes.folder / "mortal", components=Components.API_ONLY) as plane:
        yield Mortal(plane)
