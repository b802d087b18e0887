"""What a fleet costs Vault: requests are counted by OpenBao itself, in its audit log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from fleet.clock import Clock
from fleet.facts import Facts
from fleet.hub.refresh import Refresh
from fleet.model import ApplicationKey, Manifest, ObjectRef, Origin, TargetKey, VaultFence, VaultRule, Walls
from fleet.secrets.arrange import PLACEHOLDERS
from fleet.secrets.fetch import Fetching
from fleet.secrets.vault.address import Login
from fleet.secrets.vault.vault import Vault
from fleet.secrets.version import Place, Stamped
from fleet.worker.resolver import Asked
from tests.stage.api import until
from tests.stage.openbao import OpenBao, serving

APP = ApplicationKey("shop", "app")
CLUSTERS = tuple(f"c{number}" for number in range(10))
INTERVAL = 60.0


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with serving(tmp_path_factory.mktemp("bao")) as found:
        for name in ("db", *(f"{cluster}/db" for cluster in CLUSTERS)):
            found.put(f"secret/data/fleet/{name}", {"password": "hunter2"})
        yield found


class Fleet:
    """Ten clusters, what each stands for, and who follows that; ``touched`` are those that heard of a change."""

    def __init__(self, bao: OpenBao, login: Login) -> None:
        self.bao = bao
        self.clock = Clock()
        self.touched: list[str] = []
        self.looked: list[str] = []
        rule = VaultRule(
            bao.url, "", "AppRole", "approle", login.role, ("secret/fleet/*",), login.secret, bao.ca
        )
        self.walls = Walls("shop", vaults=(VaultFence("shop", (rule,)),))

        async def secret_id(name: str) -> str:
            return bao.secret_ids[name]

        async def nobody(*_: str) -> str:
            raise AssertionError("no token of an account is asked for")

        self.vault = Vault(nobody, secret_id, self.clock)
        self._fetching = Fetching(self.vault, lambda *_: None, nobody, INTERVAL)  # type: ignore[arg-type]
        self.refresh = Refresh(self._stamp, lambda target: self.touched.append(target.cluster), self.clock)
        self._task = asyncio.ensure_future(self.refresh.run())

    async def _stamp(self, asked: Asked, fresh: bool) -> Stamped:  # noqa: FBT001 (Refresh's word)
        place = Place(APP, Facts(asked.target.cluster), asked.walls)
        found = await self._fetching.stamp(asked.manifest, place, fresh=fresh)
        self.looked.append(asked.target.cluster)
        return found

    async def passes(self, path: str) -> None:
        """A pass of each cluster, all at a time, as a commit has them."""
        ref = ObjectRef("", "Secret", "shop", "db")
        value = f"<path:secret/data/fleet/{path}#password>"
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"p": value}}
        manifest = Manifest(ref, "v1", json.dumps(body).encode(), Origin("db.yaml"), form=PLACEHOLDERS)

        async def one(cluster: str) -> None:
            asked = Asked(manifest, TargetKey(APP, cluster), self.walls)
            self.refresh.told(asked, await self._stamp(asked, fresh=False))

        await asyncio.gather(*map(one, CLUSTERS))

    async def interval(self) -> None:
        """An interval goes by, and every cluster's Secret is looked at once."""
        self.looked.clear()
        self.clock.advance(INTERVAL)

        async def all_of_them() -> bool:
            return sorted(self.looked) == sorted(CLUSTERS)

        await until(all_of_them, 20, what="each is looked at, and once")

    def asked(self) -> int:
        return self.bao.asked()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        await self.vault.close()


@pytest.fixture
async def fleet(bao: OpenBao) -> AsyncIterator[Fleet]:
    found = Fleet(bao, bao.approle("fleet", "secret/data/fleet/*", "secret/metadata/fleet/*"))
    yield found
    await found.close()


@pytest.mark.parametrize(("path", "reads"), [("db", 1), ("{{ cluster.name }}/db", 10)])
async def test_ten_clusters_cost_one_read_of_metadata_an_interval_for_each_path_that_they_have(
    fleet: Fleet, path: str, reads: int
) -> None:
    before = fleet.asked()
    await fleet.passes(path)
    assert fleet.asked() - before == 1 + reads, "one login, and each path once"
    for number in (2, 3):
        await fleet.interval()
        assert fleet.vault.metadata_reads == number * reads
        assert fleet.asked() - before == 1 + number * reads
    assert fleet.vault.data_reads == 0
    assert fleet.touched == []
    assert fleet.vault.logins == 1


async def test_a_change_of_one_path_wakes_all_who_share_it_at_one_read(fleet: Fleet) -> None:
    await fleet.passes("db")
    before = fleet.asked()
    fleet.bao.put("secret/data/fleet/db", {"password": "hunter3"})
    fleet.clock.advance(INTERVAL)

    async def all_of_them() -> bool:
        return sorted(set(fleet.touched)) == sorted(CLUSTERS)

    await until(all_of_them, 20, what="each hears of it")
    assert fleet.asked() - before == 2, "root's write, and one look"
