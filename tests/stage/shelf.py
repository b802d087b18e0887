"""Charts as the hub has them, without a hub: the real door, Secrets as a person writes them, a clock that moves."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from bootstrap.local.authority import Authority
from fleet.charts.door import Door
from fleet.clock import Clock
from fleet.git import credentials
from fleet.git.credentials import Credential
from fleet.outward import DIRECT, Outward
from fleet.render.ground import RemoteChart
from fleet.world.charts import Charts
from tests.stage.chartrepository import PASSWORD, USER

INTERVAL = 180.0


def secret(url: str, authority: Authority | None = None, **more: str) -> Credential:
    """What the hub reads of a repository Secret in Argo CD's form."""
    given = {"type": "helm", "url": url, "username": USER, "password": PASSWORD, **more}
    if authority is not None:
        given["caData"] = authority.files.certificate.read_text()
    return credentials.read(
        {"data": {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}}
    )


class Shelf:
    """See the module; ``told`` has each chart that moved, ``asked`` counts the doors that were opened for one."""

    def __init__(self, folder: Path, *secrets: Credential, allow: tuple[str, ...], out: Outward) -> None:
        self.clock = Clock()
        self.secrets = list(secrets)
        self.told: list[RemoteChart] = []
        self.opened = 0
        self._allow = allow
        self._out = out
        self.charts = Charts(self._door, folder, self.clock, INTERVAL)
        self.charts.use_credentials(lambda: self.secrets)
        self.charts.moved = self.told.append

    def _door(self, credential: Credential | None, everywhere: bool) -> Door:  # noqa: FBT001 (as the seam has it)
        self.opened += 1
        return Door(self._allow, self._out, credential, everywhere)

    async def files(self, chart: RemoteChart, *, everywhere: bool = False) -> tuple[str, Mapping[str, bytes]]:
        """The version that is found, and the files at the top of the chart."""
        meaning = await self.charts.obtain(chart, everywhere=everywhere)
        tree = self.charts.tree(chart, meaning)
        return meaning.version, {
            one.name: tree.read(one.path) for one in tree.list(chart.name) if one.is_file
        }

    async def version(self, chart: RemoteChart, *, everywhere: bool = False) -> str:
        """The version that is found."""
        return (await self.charts.obtain(chart, everywhere=everywhere)).version


@contextlib.asynccontextmanager
async def shelf(
    folder: Path, *secrets: Credential, allow: tuple[str, ...], out: Outward = DIRECT
) -> AsyncIterator[Shelf]:
    """A shelf, and its end; started again with the same folder it is what a hub is after a restart."""
    made = Shelf(folder, *secrets, allow=allow, out=out)
    try:
        yield made
    finally:
        await made.charts.close()
