"""The one verb: a chart by version or range -> the exact version, and its archive in the store."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

from fleet.charts import index, versions
from fleet.charts.archive import MOST_BYTES, ArchiveRefused
from fleet.charts.door import RegistryUnreachable
from fleet.charts.oci import Registry, Tampered
from fleet.charts.store import Meaning
from fleet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.charts.door import Door
    from fleet.charts.store import Store
    from fleet.render.ground import RemoteChart

_OK: Final = 200
_SHOWN: Final = 5


class VersionNotFound(SourceError):
    """No version of the chart is in the range."""

    reason = "RevisionNotFound"


async def resolve(chart: RemoteChart, door: Door, store: Store) -> Meaning:
    """Ask the repository or registry what the version means now, and have its archive in the store.

    Raises RegistryUnreachable, VersionNotFound, Tampered and other SourceErrors; nothing is kept of what failed.
    """
    if chart.url.startswith("oci://"):
        return await _oci(chart, Registry(door, chart.url, chart.name), store)
    data = await index.fetch(door, chart.url)
    known = await asyncio.to_thread(index.releases, data, chart.url, chart.name)
    version = _chosen(chart, [one.version for one in known])
    release = next(one for one in known if one.version == version)
    if release.digest and await asyncio.to_thread(store.get, release.digest) is not None:
        return Meaning(version, release.digest)
    answer = await door.get(release.url, most=MOST_BYTES)
    if answer.status != _OK:
        raise RegistryUnreachable(f"the archive of {chart.name} {version} answers {answer.status}")
    digest = hashlib.sha256(answer.content).hexdigest()
    if release.digest and release.digest != digest:
        raise Tampered(f"the archive of {chart.name} {version} has not the digest that the index says")
    return Meaning(version, await asyncio.to_thread(store.put, answer.content))


async def _oci(chart: RemoteChart, registry: Registry, store: Store) -> Meaning:
    version = chart.version
    if not versions.exact(version):
        version = _chosen(chart, await registry.versions())
    digest = await registry.digest(version)
    plain = digest.removeprefix("sha256:")
    if await asyncio.to_thread(store.get, plain) is None:
        data = await registry.archive(version, digest)
        await asyncio.to_thread(store.put, data)
    return Meaning(version, plain)


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


__all__ = ["ArchiveRefused", "VersionNotFound", "resolve"]
