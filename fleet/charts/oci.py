"""Charts in OCI registries: the distribution API (OCI Distribution Specification 1.1), as far as charts need it.

Contract: every answer is held against its digest before it is believed. A token is asked for where the registry
itself, not somebody that it redirects to, sends us by TLS (RFC 6750 challenge); the credential goes along, as
registries have their tokens given out elsewhere, and one that wanted the password could ask for it by itself. A tag
stands for a version with ``_`` in place of ``+``, as Helm writes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin

import orjson

from fleet.charts import door
from fleet.charts.archive import MOST_BYTES
from fleet.charts.door import RegistryUnreachable, origin
from fleet.charts.versions import VersionNotFound
from fleet.errors import SourceError

if TYPE_CHECKING:
    from fleet.charts.door import Answer, Door

_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_MOST_JSON: Final = 4 << 20
PAGE: Final = 1000
_PAGES: Final = 200
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_OK, _UNAUTHORIZED, _MISSING = 200, 401, 404


class Tampered(SourceError):
    """What came has not the digest that it was asked for by."""

    reason = "DigestMismatch"


class Registry:
    """One repository of a registry: ``oci://host/path`` and the chart's name below it."""

    def __init__(self, way: Door, url: str, chart: str) -> None:
        rest = url.removeprefix("oci://").rstrip("/")
        host, _, path = f"{rest}/{chart}".partition("/")
        self._door = way
        self._host = host
        self._path = path.strip("/")
        scheme = "http" if way.plain(host) else "https"
        self._base = f"{scheme}://{host}/v2/{quote(self._path)}"
        self._token = ""
        self._place = f"{scheme}://{host}/v2/"

    async def versions(self) -> tuple[str, ...]:
        """All versions that tags name. Raises VersionNotFound where there is no such chart."""
        found: list[str] = []
        url = f"{self._base}/tags/list?n={PAGE}"
        for _ in range(_PAGES):
            answer = await self._get(url, _MOST_JSON)
            listed = _object(answer).get("tags")
            found += [str(one).replace("_", "+") for one in listed] if isinstance(listed, list) else []
            link = re.match(r"<([^>]+)>", answer.headers.get("link", ""))
            if link is None:
                break
            url = urljoin(url, link[1])
        return tuple(found)

    async def digests(self, version: str) -> tuple[str, str]:
        """The digests of the chart's archive in one version, and of its manifest; hexadecimal.

        Raises VersionNotFound.
        """
        tag = version.replace("+", "_")
        answer = await self._get(
            f"{self._base}/manifests/{quote(tag)}", _MOST_JSON, accept=_MANIFEST, version=version
        )
        told = answer.headers.get("docker-content-digest", "")
        manifest = hashlib.sha256(answer.content).hexdigest()
        if told.startswith("sha256:") and told[7:] != manifest:
            raise Tampered(
                f"the manifest of {self._named(version)} has not the digest that the registry says"
            )
        layers = _object(answer).get("layers")
        for one in layers if isinstance(layers, list) else ():
            if isinstance(one, Mapping) and one.get("mediaType") == _LAYER:
                digest = str(one.get("digest") or "")
                if re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
                    return digest[7:], manifest
        raise SourceError(f"{self._named(version)} is no Helm chart")

    async def archive(self, version: str, digest: str) -> bytes:
        """The archive of that digest."""
        answer = await self._get(f"{self._base}/blobs/sha256:{digest}", MOST_BYTES, version=version)
        if hashlib.sha256(answer.content).hexdigest() != digest:
            raise Tampered(
                f"the archive of {self._named(version)} has not the digest sha256:{digest[:12]}..."
            )
        return answer.content

    async def _get(self, url: str, most: int, *, accept: str = "", version: str = "") -> Answer:
        packed = most > _MOST_JSON
        answer = await self._asked(url, most, accept, packed=packed)
        if answer.status == _UNAUTHORIZED and not self._token and origin(answer.url) == origin(self._place):
            await self._sign_in(answer.headers.get("www-authenticate", ""))
            answer = await self._asked(url, most, accept, packed=packed)
        if answer.status == _MISSING:
            what = f"version {version} of {self._path}" if version else f"chart {self._path}"
            raise VersionNotFound(f"{self._host} has no {what}, or does not show it to everybody")
        if answer.status != _OK:
            raise RegistryUnreachable(
                f"{self._host} answers {answer.status} for {self._path}{self._hint(answer)}"
            )
        return answer

    def _hint(self, answer: Answer) -> str:
        if answer.status != _UNAUTHORIZED:
            return ""
        if self._door.credential is None:
            return ": a repository Secret must name it"
        if self._place.startswith("http://"):
            return ": a password is not sent without TLS"
        return ": its credential may not read"

    async def _asked(self, url: str, most: int, accept: str, *, packed: bool) -> Answer:
        headers = {"Accept": accept} if accept else {}
        if self._token:
            headers["Authorization"] = self._token
        # Without a token the first question is asked as nobody: the registry says whether and where to sign in.
        return await self._door.get(url, most=most, headers=headers, anonymous=True, packed=packed)

    async def _sign_in(self, challenge: str) -> None:
        kind, _, rest = challenge.partition(" ")
        own = self._door.given(self._place)
        basic = own.basic if own is not None else None
        if kind.lower() == "basic" and basic is not None:
            self._token = door.basic(*basic)
            return
        given = dict(_PARAMETER.findall(rest))
        realm = given.get("realm", "")
        if kind.lower() != "bearer" or origin(realm) is None:
            return
        query = "&".join(
            f"{name}={quote(value, safe='')}"
            for name, value in (("service", given.get("service", "")), ("scope", self._scope(given)))
            if value
        )
        headers = {}
        if basic is not None and realm.startswith("https://"):
            headers["Authorization"] = door.basic(*basic)
        joint = "&" if "?" in realm else "?"
        way = replace(self._door, way=own.way if own is not None else None)
        answer = await way.get(f"{realm}{joint}{query}", most=_MOST_JSON, headers=headers, anonymous=True)
        found = _object(answer)
        token = str(found.get("token") or found.get("access_token") or "")
        if answer.status != _OK or not token:
            hint = "" if basic is not None else ", and no repository Secret names it"
            raise RegistryUnreachable(f"{self._host} gives no token for {self._path}: {answer.status}{hint}")
        self._token = f"Bearer {token}"

    def _scope(self, given: Mapping[str, str]) -> str:
        return given.get("scope") or f"repository:{self._path}:pull"

    def _named(self, version: str) -> str:
        return f"{self._host}/{self._path}:{version}"


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        found = orjson.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
