"""`Remote`: one Git server as a mirror asks it: where a command goes, what it is given, and what is tried again.

Contract: every command goes to a place that was checked for it. A credential goes to the URLs that its Secret
covers and nowhere else, so a redirect takes it along only within them; where a redirect leads is checked like
a URL that somebody wrote, and git itself never follows one. A GitHub App's token that the server refuses is
replaced once. Blocking work runs in the threads of `Git`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from fleet import outward, urls
from fleet.errors import RepositoryRefused, RepositoryUnreachable, SourceError
from fleet.git import access, address, failure, forge, hostkeys
from fleet.git.github_app import USER, Apps
from fleet.git.process import Bounds, Git, GitFailed

if TYPE_CHECKING:
    from fleet.git.access import Place
    from fleet.git.credentials import Credential
    from fleet.outward import Outward

Arguments = Callable[[str], list[str]]

_HOPS: Final = 3
_BELIEVED: Final = 600.0  # seconds in which a redirect is not asked for again
_LISTING: Final = "/info/refs?service=git-upload-pack"  # what git asks an HTTP server first
_UNAUTHORIZED: Final = 401


class Remote:
    """The server of the repository at ``url``; ``allow`` are the prefixes of ``--allow-git``."""

    def __init__(
        self,
        url: str,
        git: Git,
        allow: tuple[str, ...] = (),
        out: Outward = outward.DIRECT,
        apps: Apps | None = None,
    ) -> None:
        self._url = url
        self._git = git
        self._allow = allow
        self._out = out
        self._apps = apps
        self._moved = ("", 0.0)  # where a redirect led, and until when that is believed

    async def ask(
        self, arguments: Arguments, credential: Credential | None, seconds: float, folder: Path | None
    ) -> bytes:
        """What git puts out, run on ``folder`` with the arguments for a URL. Raises `SourceError`."""
        moved, until = self._moved
        url = moved if time.monotonic() < until else self._url
        for hop in range(_HOPS + 1):
            given = self._given(url, credential)
            try:
                return await self._signed(arguments, url, given, Bounds(seconds), folder)
            except failure.Redirected:
                if hop == _HOPS:
                    raise
                url = await self._elsewhere(url, given)
                self._moved = (url, time.monotonic() + _BELIEVED)
            except SourceError as error:
                self._moved = ("", 0.0)
                if url != self._url:
                    error.args = (f"redirected to {urls.canonical(url)}: {error.text}",)
                    error.text = error.args[0]
                raise
        raise AssertionError  # the last hop has returned or raised

    def _given(self, url: str, credential: Credential | None) -> Credential | None:
        """The credential where it may go to ``url``."""
        if credential is None or url == self._url or urls.covers(credential.url_prefix, url):
            return credential
        return None

    async def _signed(
        self,
        arguments: Arguments,
        url: str,
        credential: Credential | None,
        bounds: Bounds,
        folder: Path | None,
    ) -> bytes:
        """Ask with the token of the credential's App, where it has one."""
        if credential is None or credential.app is None:
            return await self._asked(arguments(url), url, credential, bounds, folder)
        if self._apps is None:
            raise RepositoryRefused("GitHub Apps are not served here")
        token = await self._apps.token(url, credential)
        signed = replace(credential, username=USER, password=token, app=None)
        try:
            return await self._asked(arguments(url), url, signed, bounds, folder)
        except failure.Denied:
            if not self._apps.refused(token):
                raise
        token = await self._apps.token(url, credential)
        signed = replace(credential, username=USER, password=token, app=None)
        return await self._asked(arguments(url), url, signed, bounds, folder)

    async def _asked(
        self, args: list[str], url: str, credential: Credential | None, bounds: Bounds, folder: Path | None
    ) -> bytes:
        reached: list[Place] = []

        def ask() -> bytes:
            places = access.each(self._place(url, credential))
            reached.append(places[0])
            for place in places[:-1]:
                try:
                    return run(place)
                except GitFailed as failed:
                    if not failure.unconnected(failed):
                        raise
            return run(places[-1])

        def run(place: Place) -> bytes:
            with access.open_(place, credential, self._git.home) as granted:
                return self._git.run(args, folder=folder, granted=granted, bounds=bounds)

        try:
            return await self._git.remote(ask)
        except GitFailed as failed:
            raise self._explained(failed, reached[0], credential, bounds.seconds) from None

    def _place(self, url: str, credential: Credential | None) -> Place:
        way = credential.way if credential is not None else None
        return address.place(url, self._allow, named=credential is not None, out=self._out, way=way)

    def _explained(
        self, failed: GitFailed, place: Place, credential: Credential | None, seconds: float
    ) -> SourceError:
        error = failure.explain(failed, seconds)
        if urls.parse(place.url).scheme == "ssh":
            hosts = credential.known_hosts if credential is not None else b""
            text = hostkeys.explained(failed.errors, hosts, place.url)
            if text:
                return RepositoryUnreachable(text)
            if self._out.https is not None and (failed.late or failure.unconnected(failed)):
                return type(error)(f"{error.text}; ssh goes through no HTTP proxy: use the https URL")
        elif place.proxy is not None and isinstance(error, RepositoryUnreachable):
            return type(error)(f"{error.text} (by way of the proxy {place.proxy})")
        return error

    async def _elsewhere(self, url: str, credential: Credential | None) -> str:
        """Where the server says that the repository is; no place is checked yet but the server's own."""
        place = await self._git.remote(lambda: self._place(url, credential))
        said = await forge.ask("GET", place, query=_LISTING)
        if said.status == _UNAUTHORIZED and credential is not None and credential.basic is not None:
            pair = base64.b64encode(":".join(credential.basic).encode()).decode()
            said = await forge.ask("GET", place, query=_LISTING, headers={"Authorization": f"Basic {pair}"})
        target = urljoin(url + _LISTING, said.headers.get("location", ""))
        unclear = "the server redirects, but not to a repository; name the URL that it is at"
        if not target.endswith(_LISTING):
            raise failure.Redirected(unclear)
        target = target.removesuffix(_LISTING)
        try:
            urls.parse(target)
        except ValueError:
            raise failure.Redirected(unclear) from None
        try:
            address.check(target, self._allow)
        except RepositoryRefused as error:
            raise RepositoryRefused(f"the server redirects: {error.text}") from None
        return target
