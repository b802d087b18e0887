"""One GET to a chart repository or registry, at a place that was checked.

Contract: the answer is read up to a size and no further; no redirect is followed by the session, each is checked as
if somebody had written its URL. A credential goes to the scheme, host and port that its Secret names and nowhere
else, as helm has it, unless ``everywhere``; never without TLS, but to a place whose Secret says http itself. Failures
are words of our own.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from fleet import urls
from fleet.errors import SourceError
from fleet.git import address, forge
from fleet.outward import DIRECT

if TYPE_CHECKING:
    from fleet.git.access import Place
    from fleet.git.credentials import Credential
    from fleet.outward import Outward, Way

HOPS: Final = 4
_SECONDS: Final = 120.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGENT: Final = "fleethub"


class RegistryUnreachable(SourceError):
    """The chart repository or registry did not answer, or not with what was asked for."""

    reason = "RegistryUnreachable"
    transient = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: status, headers in lower case, content, and the URL that answered in the end."""

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
    way: Way | None = None  # CAs and proxy where the credential does not go

    def given(self, url: str) -> Credential | None:
        """The credential where it may go to a URL."""
        one = self.credential
        if one is None or self._named(url):
            return one
        return one if self.everywhere and url.startswith("https://") else None

    async def get(
        self,
        url: str,
        *,
        most: int,
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
        packed: bool = False,
    ) -> Answer:
        """GET a URL, through redirects. Raises RegistryUnreachable and RepositoryRefused.

        ``packed``: the content is an archive, which is taken as it lies there: some servers call one "encoded".
        """
        for _ in range(HOPS):
            credential = self.given(url)
            place = await asyncio.to_thread(self._place, url, credential)
            sent = {"User-Agent": _AGENT, **(headers or {})}
            if credential is not None and credential.basic is not None and not anonymous:
                sent.setdefault("Authorization", basic(*credential.basic))
            answer = await _one(place, sent, most, packed=packed)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return answer
            before, url = url, urljoin(url, answer.headers["location"])
            if headers and "Authorization" in headers and origin(before) != origin(url):
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise RegistryUnreachable(f"{_host(url)} redirects more than {HOPS} times")

    def plain(self, host: str) -> bool:
        """Whether ``--allow-git`` names a host by http: then it is asked so."""
        meant = origin(f"http://{host}/")
        return meant is not None and any(origin(one) == meant for one in self.allow)

    def _named(self, url: str) -> bool:
        """Whether the Secret names the URL's scheme, host and port."""
        one = self.credential
        return one is not None and origin(one.url_prefix) == origin(url) is not None

    def _place(self, url: str, credential: Credential | None) -> Place:
        # A private address is opened where the Secret names the host; that it may go everywhere names none.
        way = credential.way if credential is not None else self.way
        place = address.place(_bare(url), self.allow, named=self._named(url), out=self.out, way=way)
        return place.at(url)


def basic(user: str, password: str) -> str:
    """The ``Authorization`` header of a user (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL, ``oci`` being https; None for what is none."""
    try:
        parts = urls.parse(_bare(url))
    except ValueError:
        return None
    return "https" if parts.scheme == "oci" else parts.scheme, parts.host, parts.number


async def _one(place: Place, headers: Mapping[str, str], most: int, *, packed: bool) -> Answer:
    sent = {**headers, "Accept-Encoding": "identity"} if packed else headers
    try:
        async with (
            forge.session(place, _SECONDS) as session,
            session.get(
                _exact(place.url), headers=sent, allow_redirects=False, auto_decompress=not packed
            ) as response,
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


def _exact(url: str) -> URL:
    """As it is written, where it can be: what storage has signed fits no other spelling."""
    return URL(url, encoded=all("!" <= each <= "~" for each in url))


def _bare(url: str) -> str:
    """Without a query, which the rules for repositories do not know."""
    return url.partition("?")[0]


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
