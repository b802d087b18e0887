"""One GET to a chart repository or registry, at a place that was checked.

Contract: the answer is read up to a size and no further; no redirect is followed by the session, each is checked as
if somebody had written its URL, and a credential goes along only where it belongs. Failures are words of our own.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

import aiohttp

from fleet import urls
from fleet.errors import SourceError
from fleet.git import address, forge
from fleet.outward import DIRECT

if TYPE_CHECKING:
    from fleet.git.access import Place
    from fleet.git.credentials import Credential
    from fleet.outward import Outward

HOPS: Final = 4
_SECONDS: Final = 120.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class RegistryUnreachable(SourceError):
    """The chart repository or registry did not answer, or not with what was asked for."""

    reason = "RegistryUnreachable"
    transient = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: status, headers in lower case, content."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """How places are reached: prefixes of ``--allow-git``, the hub's own way out, and one credential, if any."""

    allow: tuple[str, ...] = ()
    out: Outward = DIRECT
    credential: Credential | None = None
    everywhere: bool = False  # passCredentials: wherever the index sends us

    def given(self, url: str) -> Credential | None:
        """The credential where it may go to a URL."""
        one = self.credential
        if one is None or self.everywhere:
            return one
        return one if _covers(one.url_prefix, url) else None

    async def get(
        self, url: str, *, most: int, headers: Mapping[str, str] | None = None, anonymous: bool = False
    ) -> Answer:
        """GET a URL, through redirects. Raises RegistryUnreachable and RepositoryRefused."""
        for _ in range(HOPS):
            credential = self.given(url)
            place = await asyncio.to_thread(self._place, url, credential)
            sent = dict(headers or {})
            if credential is not None and credential.basic is not None and not anonymous:
                sent.setdefault("Authorization", basic(*credential.basic))
            answer = await _one(place, sent, most)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return answer
            before, url = url, urljoin(url, answer.headers["location"])
            if headers and "Authorization" in headers and _host(before) != _host(url):
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise RegistryUnreachable(f"{_host(url)} redirects more than {HOPS} times")

    def plain(self, host: str) -> bool:
        """Whether ``--allow-git`` names a host by http: then it is asked so."""
        return any(one.startswith(f"http://{host}") for one in self.allow)

    def _place(self, url: str, credential: Credential | None) -> Place:
        way = credential.way if credential is not None else None
        return address.place(_bare(url), self.allow, named=credential is not None, out=self.out, way=way).at(
            url
        )


def basic(user: str, password: str) -> str:
    """The ``Authorization`` header of a user (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def _one(place: Place, headers: Mapping[str, str], most: int) -> Answer:
    try:
        async with (
            forge.session(place, _SECONDS) as session,
            session.get(place.url, headers=headers, allow_redirects=False) as response,
        ):
            content = bytearray()
            async for block in response.content.iter_chunked(1 << 16):
                content += block
                if len(content) > most:
                    raise SourceError(f"what {_host(place.url)} answers is larger than {most >> 20} MiB")
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, found, bytes(content), place.url)
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
        raise RegistryUnreachable(forge.words(error, place)) from None


def _covers(prefix: str, url: str) -> bool:
    return urls.covers(prefix, _bare(url)) or urls.covers(prefix.replace("oci://", "https://", 1), _bare(url))


def _bare(url: str) -> str:
    """Without a query, which the rules for repositories do not know."""
    return url.partition("?")[0]


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
