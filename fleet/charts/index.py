"""Helm's HTTP repositories: ``index.yaml`` (Helm 4, ``pkg/repo``), its versions, and where their archives are.

Contract: an index is asked for once for all who want it at the same time, and read again only if the server says
that it changed; what was read is handed out only after the server has been asked with the credential at hand.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin

from fleet.charts.door import RegistryUnreachable
from fleet.charts.versions import VersionNotFound
from fleet.documents.limits import Limits
from fleet.documents.read import read
from fleet.errors import SourceError

if TYPE_CHECKING:
    from fleet.charts.door import Door

MOST: Final = 64 << 20
KEPT: Final = 16  # indexes that are remembered: one of 20 MB is some megabytes here
_LIMITS: Final = Limits(size=MOST, documents=1, nodes=4_000_000)
_OK, _UNCHANGED = 200, 304
_A_WHILE: Final = timedelta(seconds=2)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Release(NamedTuple):
    """One version of a chart: the URL of its archive, and the digest that the index gives, if any (hexadecimal)."""

    version: str
    url: str
    digest: str


@dataclass(frozen=True, slots=True)
class Index:
    """What an index says, and by what the server knows whether it is still so."""

    charts: Mapping[str, tuple[Release, ...]]
    etag: str = ""
    modified: str = ""

    def releases(self, repository: str, chart: str) -> tuple[Release, ...]:
        """The versions of a chart. Raises VersionNotFound where there is none."""
        found = self.charts.get(chart)
        if not found:
            raise VersionNotFound(f"{repository} has no chart {chart}")
        return found


class Indexes:
    """See the module."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Index] = OrderedDict()
        self._asking: dict[tuple[str, Door], asyncio.Task[Index]] = {}

    async def get(self, door: Door, repository: str) -> Index:
        """The index as it stands. Raises RegistryUnreachable, SourceError for what is none, and others."""
        asked = (repository, door)
        task = self._asking.get(asked)
        if task is None:
            task = self._asking[asked] = asyncio.ensure_future(self._fetched(door, repository))
            task.add_done_callback(lambda _: self._asking.pop(asked, None))
        return await asyncio.shield(task)

    async def _fetched(self, door: Door, repository: str) -> Index:
        known = self._known.get(repository)
        headers = {}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        elif known is not None and known.modified:
            headers["If-Modified-Since"] = known.modified
        url = repository.rstrip("/") + "/index.yaml"
        answer = await door.get(url, most=MOST, headers=headers)
        if answer.status == _UNCHANGED and known is not None:
            found = known
        elif answer.status == _OK:
            charts = await asyncio.to_thread(parse, answer.content, repository)
            told = answer.headers
            found = Index(charts, told.get("etag", ""), _modified(told))
        else:
            raise RegistryUnreachable(f"{url} answers {answer.status}{_hint(answer.status)}")
        self._known[repository] = found
        self._known.move_to_end(repository)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found


def _modified(told: Mapping[str, str]) -> str:
    """The time by which to ask for something newer; none where it may change again within that second (RFC 9110 8.8.2.2)."""
    try:
        modified, date = (parsedate_to_datetime(told[name]) for name in ("last-modified", "date"))
        return told["last-modified"] if date - modified >= _A_WHILE else ""
    except (KeyError, ValueError, TypeError):
        return ""


def parse(data: bytes, repository: str) -> Mapping[str, tuple[Release, ...]]:
    """The versions of all charts. Raises SourceError for what is no index. Blocking: seconds for the largest."""
    path = "index.json" if data.lstrip()[:1] == b"{" else "index.yaml"
    documents = read(data, path=path, limits=_LIMITS)
    if documents.faults:
        raise SourceError(f"{repository}: {documents.faults[0].text}")
    value: Any = documents.items[0].value if documents.items else None
    entries = value.get("entries") if isinstance(value, Mapping) else None
    if not isinstance(entries, Mapping):
        raise SourceError(f"{repository}/index.yaml is no index of charts")
    base = repository.rstrip("/") + "/"
    return {chart: _releases(found, base) for chart, found in entries.items() if isinstance(found, list)}


def _releases(found: list[Any], base: str) -> tuple[Release, ...]:
    return tuple(
        Release(str(one.get("version") or ""), _joined(base, str(links[0])), _digest(one.get("digest")))
        for one in found
        if isinstance(one, Mapping) and isinstance(links := one.get("urls"), list) and links
    )


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link)
    except ValueError:
        return ""  # nothing that is opened


def _digest(given: object) -> str:
    """Hexadecimal; what is none (a number, to YAML) fits nothing."""
    if given is None or given == "":
        return ""
    text = given.strip().lower().removeprefix("sha256:") if isinstance(given, str) else ""
    return text if _DIGEST.fullmatch(text) else "unreadable"


def _hint(status: int) -> str:
    return {401: ": a repository Secret must name it", 403: ": its credential may not read"}.get(status, "")
