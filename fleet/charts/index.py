"""Helm's HTTP repositories: ``index.yaml`` (Helm 4, ``pkg/repo``), its versions, and where their archives are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin

from fleet.charts.door import RegistryUnreachable
from fleet.documents.limits import Limits
from fleet.documents.read import read
from fleet.errors import SourceError

if TYPE_CHECKING:
    from fleet.charts.door import Door

MOST: Final = 64 << 20
_LIMITS: Final = Limits(size=MOST, documents=1, nodes=10_000_000)
_OK: Final = 200


class Release(NamedTuple):
    """One version of a chart: the URL of its archive, and the digest that the index gives, if any."""

    version: str
    url: str
    digest: str


async def fetch(door: Door, repository: str) -> bytes:
    """The index as it stands. Raises RegistryUnreachable and others."""
    url = repository.rstrip("/") + "/index.yaml"
    answer = await door.get(url, most=MOST)
    if answer.status != _OK:
        raise RegistryUnreachable(f"{url} answers {answer.status}{_hint(answer.status)}")
    return answer.content


def releases(data: bytes, repository: str, chart: str) -> tuple[Release, ...]:
    """The versions of a chart. Raises SourceError for what is no index, or has no such chart. Blocking: it parses."""
    path = "index.json" if data.lstrip()[:1] == b"{" else "index.yaml"
    documents = read(data, path=path, limits=_LIMITS)
    value: Any = documents.items[0].value if documents.items and not documents.faults else None
    entries = value.get("entries") if isinstance(value, Mapping) else None
    if not isinstance(entries, Mapping):
        raise SourceError(f"{repository}/index.yaml is no index of charts")
    found = entries.get(chart)
    if not isinstance(found, list) or not found:
        raise SourceError(f"{repository} has no chart {chart}")
    base = repository.rstrip("/") + "/"
    return tuple(
        Release(str(one.get("version") or ""), urljoin(base, str(links[0])), str(one.get("digest") or ""))
        for one in found
        if isinstance(one, Mapping) and isinstance(links := one.get("urls"), list) and links
    )


def _hint(status: int) -> str:
    return {401: ": a repository Secret must name it", 403: ": its credential may not read"}.get(status, "")
