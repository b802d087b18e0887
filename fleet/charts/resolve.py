"""The one verb: a chart by version or range -> the exact version, and its archive in the store."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleet.charts import archive, versions
from fleet.charts.archive import MOST_BYTES, ArchiveRefused
from fleet.charts.door import RegistryUnreachable
from fleet.charts.oci import Registry, Tampered
from fleet.charts.store import Meaning
from fleet.charts.versions import VersionNotFound
from fleet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.charts.door import Door
    from fleet.charts.index import Indexes, Release
    from fleet.charts.store import Store
    from fleet.render.ground import RemoteChart

_OK: Final = 200
_SHOWN: Final = 5


class Resolver:
    """Asks repositories and registries what versions mean now, and has the archives in the store."""

    def __init__(self, store: Store, indexes: Indexes) -> None:
        self._store = store
        self._indexes = indexes

    async def resolve(self, chart: RemoteChart, door: Door, known: Meaning | None = None) -> Meaning:
        """The exact version, its archive in the store; ``known`` is what it meant until now.

        Raises RegistryUnreachable, VersionNotFound, Tampered and other SourceErrors; nothing is kept of what failed.
        """
        if chart.url.startswith("oci://"):
            return await self._of_registry(chart, door)
        index = await self._indexes.get(door, chart.url)
        releases = index.releases(chart.url, chart.name)
        version = _chosen(chart, [one.version for one in releases])
        release = next(one for one in releases if one.version == version)
        if release.url.startswith("oci://"):
            return await self._elsewhere(chart, release, door)
        here = release.digest
        if not here and known is not None and known.version == version:
            # The index vouches for nothing: a version that is here is not fetched for ever.
            here = known.digest
        if here and await asyncio.to_thread(self._store.get, here) is not None:
            return Meaning(version, here)
        answer = await door.get(release.url, most=MOST_BYTES, packed=True)
        if answer.status != _OK:
            raise RegistryUnreachable(
                f"the archive of {chart.name} {version} of {chart.url} answers {answer.status}"
            )
        digest = hashlib.sha256(answer.content).hexdigest()
        if release.digest and release.digest != digest:
            raise Tampered(f"the archive of {chart.name} {version} has not the digest that the index says")
        return await self._kept(chart, version, answer.content)

    async def _of_registry(self, chart: RemoteChart, door: Door) -> Meaning:
        # Everywhere is for archives that an index names; a registry's redirects lead to signed URLs.
        registry = Registry(replace(door, everywhere=False), chart.url, chart.name)
        version = chart.version
        if not versions.exact(version):
            version = _chosen(chart, await registry.versions())
        digest, _ = await registry.digests(version)
        return await self._pulled(chart, registry, version, digest)

    async def _elsewhere(self, chart: RemoteChart, release: Release, door: Door) -> Meaning:
        """An archive that the index says to lie in a registry: by a tag, as its name and its host may differ."""
        place, _, tag = release.url.rpartition(":")
        url, _, name = place.rpartition("/")
        if not name or "/" in tag:
            raise SourceError(f"the index of {chart.url} names no archive of {chart.name} {release.version}")
        registry = Registry(door, url, name)
        digest, manifest = await registry.digests(tag)
        if release.digest and release.digest not in (digest, manifest):
            raise Tampered(
                f"the archive of {chart.name} {release.version} has not the digest that the index says"
            )
        return await self._pulled(chart, registry, release.version, digest)

    async def _pulled(self, chart: RemoteChart, registry: Registry, version: str, digest: str) -> Meaning:
        if await asyncio.to_thread(self._store.get, digest) is not None:
            return Meaning(version, digest)
        return await self._kept(chart, version, await registry.archive(version, digest))

    async def _kept(self, chart: RemoteChart, version: str, data: bytes) -> Meaning:
        """Judged first: what is no chart takes no place from those that are."""
        await asyncio.to_thread(archive.read, data, chart.name)
        return Meaning(version, await asyncio.to_thread(self._store.put, data))


def _chosen(chart: RemoteChart, known: Sequence[str]) -> str:
    try:
        found = versions.newest(chart.version, known)
    except ValueError as error:
        raise SourceError(f"targetRevision of chart {chart.name}: {error}") from None
    if found is None:
        shown = ", ".join(known[:_SHOWN]) + (
            f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        )
        raise VersionNotFound(
            f"{chart.url} has no version of {chart.name} that fits {chart.version}; it has {shown}"
        )
    return found


__all__ = ["ArchiveRefused", "Resolver", "VersionNotFound"]
