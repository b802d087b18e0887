"""Tokens of GitHub Apps: got from the API, kept, renewed before they end.

Contract: one owner a hub. A token serves every repository of its installation; it is renewed a quarter of an hour
before it ends or less, at a moment of each hub's own, and where that fails the old one serves to its end. One
that git's server refused is asked for anew, once a minute at most. Tokens ask for no more than reading contents.
The endpoints: docs.github.com, "REST API endpoints for GitHub Apps". No error holds a token, a JWT, or a word
that the API said.
"""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fleet import outward, urls
from fleet.errors import RepositoryRefused, RepositoryUnreachable, SourceError
from fleet.git import address, forge

if TYPE_CHECKING:
    from fleet.clock import Clock
    from fleet.git.app_key import App
    from fleet.git.credentials import Credential
    from fleet.git.forge import Said
    from fleet.git.process import Git
    from fleet.outward import Outward

USER: Final = "x-access-token"
_VERSION: Final = "2022-11-28"
_EARLY: Final = 600.0
_LONGEST: Final = 3600.0
_CALM: Final = 60.0
_SKEW: Final = 45.0
_CREATED: Final = 201
_OK: Final = 200
_GONE: Final = 404
_TOKEN: Final = 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    """A token, when it was got, when it is renewed and when it ends, by the clock's boot time."""

    text: str = field(repr=False)
    got: float
    due: float
    ends: float


class Apps:
    """See the module. ``allow`` are the prefixes of ``--allow-git``, ``out`` the hub's way out."""

    def __init__(
        self, clock: Clock, git: Git, allow: tuple[str, ...] = (), out: Outward = outward.DIRECT
    ) -> None:
        self._clock = clock
        self._git = git
        self._allow = allow
        self._out = out
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._installations: dict[tuple[str, str], str] = {}

    async def token(self, url: str, credential: Credential) -> str:
        """A token that opens ``url``. Raises `SourceError` in words for a condition."""
        app = credential.app
        assert app is not None  # noqa: S101 (the caller has looked)
        async with self._locks.setdefault(app.digest, asyncio.Lock()):
            installation = app.installation or await self._installation(app, url, credential)
            kept = self._kept.get((app.digest, installation))
            now = self._clock.boottime()
            if kept is not None and now < kept.due:
                return kept.text
            try:
                made = await self._made(app, installation, credential)
            except SourceError:
                if kept is not None and now < kept.ends - _CALM:
                    return kept.text
                raise
            over = [key for key, old in self._kept.items() if old.ends < now]
            for key in over:
                del self._kept[key]
            self._kept[app.digest, installation] = made
            return made.text

    def refused(self, text: str) -> bool:
        """Forget a token that git's server refused; False where asking for another now would help nobody."""
        now = self._clock.boottime()
        for key, kept in self._kept.items():
            if kept.text == text:
                if now - kept.got < _CALM:
                    return False
                del self._kept[key]
                return True
        return True  # another has asked for a new one meanwhile

    async def _made(self, app: App, installation: str, credential: Credential) -> _Kept:
        url = f"{app.base}/app/installations/{installation}/access_tokens"
        said = await self._asked("POST", url, app, credential, {"permissions": {"contents": "read"}})
        text, ends = said.content.get("token"), said.content.get("expires_at")
        if said.status == _GONE:
            for known in [known for known, number in self._installations.items() if number == installation]:
                del self._installations[known]  # installed anew it has another number
        if said.status != _CREATED:
            raise _refusal(said, f"installation {installation} of GitHub App {app.id}", self._clock.now())
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or len(text) > _TOKEN:
            raise RepositoryUnreachable(f"the API of GitHub App {app.id} gave no token")
        now = self._clock.boottime()
        lasts = min(_LONGEST, max(0.0, _seconds(ends) - self._clock.now()))
        # Half of it at least, where a clock is wrong or tokens are short.
        due = max(lasts / 2, lasts - self._clock.jitter(_EARLY, 0.5))
        return _Kept(text, now, now + due, now + lasts)

    async def _installation(self, app: App, url: str, credential: Credential) -> str:
        """The number of the installation that may read the repository; raises where there is none."""
        owner, *rest = urls.parse(url).segments
        if len(rest) != 1:
            raise RepositoryRefused(
                "githubAppInstallationID is needed: the URL is not of the form https://host/owner/repository"
            )
        place = f"{owner}/{rest[0].removesuffix('.git')}"
        known = self._installations.get((app.digest, place))
        if known is not None:
            return known
        said = await self._asked("GET", f"{app.base}/repos/{place}/installation", app, credential)
        number = said.content.get("id")
        if said.status != _OK:
            raise _refusal(said, f"an installation of GitHub App {app.id} for {place}", self._clock.now())
        if not isinstance(number, int) or isinstance(number, bool):
            raise RepositoryUnreachable(f"the API of GitHub App {app.id} gave no installation")
        self._installations[app.digest, place] = str(number)
        return str(number)

    async def _asked(
        self, verb: str, url: str, app: App, credential: Credential, body: Mapping[str, Any] | None = None
    ) -> Said:
        place = await self._git.remote(
            lambda: address.place(url, self._allow, named=True, out=self._out, way=credential.way)
        )
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {app.jwt(self._clock.now())}",
            "X-GitHub-Api-Version": _VERSION,
        }
        return await forge.ask(verb, place, headers=headers, body=body)


def _seconds(text: Any) -> float:
    """The moment of ``expires_at``, 0 where it does not read."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _refusal(said: Said, what: str, now: float) -> SourceError:
    """Why there is no token, in own words by the status that GitHub documents for it."""
    host = "GitHub's API"
    if said.status == 401:  # noqa: PLR2004 (HTTP)
        skew = _skew(said.headers.get("date", ""), now)
        if abs(skew) > _SKEW:
            way = "ahead of" if skew > 0 else "behind"
            return RepositoryUnreachable(
                f"{host} refused {what}: the hub's clock is {abs(skew):.0f} s {way} the server's"
            )
        return RepositoryUnreachable(
            f"{host} refused {what}: githubAppID and githubAppPrivateKey do not belong together, or the App is gone"
        )
    if said.status in (403, 429):
        wait = said.headers.get("retry-after", "")
        if said.headers.get("x-ratelimit-remaining") == "0" or wait:
            return RepositoryUnreachable(f"{host} asks to wait before it answers for {what}")
        return RepositoryUnreachable(f"{host} refused {what}: it is suspended, or the App may not do this")
    if said.status == _GONE:
        return RepositoryUnreachable(f"{host} knows no {what}: is the App installed there?")
    if said.status == 422:  # noqa: PLR2004 (HTTP)
        return RepositoryUnreachable(f"{host} refused {what}: the App has no permission to read contents")
    if 300 <= said.status < 400:  # noqa: PLR2004 (HTTP)
        return RepositoryRefused(
            f"{host} redirects the request for {what}, which is not followed: name the place that it redirects "
            "to, in githubAppEnterpriseBaseUrl or as the repository's URL"
        )
    return RepositoryUnreachable(f"{host} answered {what} with status {said.status}")


def _skew(date: str, now: float) -> float:
    try:
        return now - email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0
