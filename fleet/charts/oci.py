"""Charts in OCI registries: the distribution API (OCI Distribution Specification 1.1), as far as charts need it.

Contract: every answer is held against its digest before it is believed; a token is asked for where the registry
sends us (RFC 6750 challenge), and the credential goes there only if its Secret covers that host too, or it is the
registry's own. A tag stands for a version with ``_`` in place of ``+``, as Helm writes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin

import orjson

from fleet.charts import door
from fleet.charts.archive import MOST_BYTES
from fleet.charts.door import RegistryUnreachable
from fleet.errors import SourceError

if TYPE_CHECKING:
    from fleet.charts.door import Answer, Door

_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_MOST_JSON: Final = 4 << 20
_PAGES: Final = 200
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_OK, _UNAUTHORIZED = 200, 401


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

    async def versions(self) -> tuple[str, ...]:
        """All versions that tags name."""
        found: list[str] = []
        url = f"{self._base}/tags/list?n=1000"
        for _ in range(_PAGES):
            answer = await self._get(url, _MOST_JSON)
            listed = _object(answer).get("tags")
            found += [str(one).replace("_", "+") for one in listed] if isinstance(listed, list) else []
            link = re.match(r"<([^>]+)>", answer.headers.get("link", ""))
            if link is None:
                break
            url = urljoin(url, link[1])
        return tuple(found)

    async def digest(self, version: str) -> str:
        """The digest of the chart's archive in one version, with ``sha256:``."""
        tag = version.replace("+", "_")
        answer = await self._get(f"{self._base}/manifests/{quote(tag)}", _MOST_JSON, accept=_MANIFEST)
        told = answer.headers.get("docker-content-digest", "")
        if told.startswith("sha256:") and told[7:] != hashlib.sha256(answer.content).hexdigest():
            raise Tampered(
                f"the manifest of {self._named(version)} has not the digest that the registry says"
            )
        layers = _object(answer).get("layers")
        for one in layers if isinstance(layers, list) else ():
            if isinstance(one, Mapping) and one.get("mediaType") == _LAYER:
                digest = str(one.get("digest") or "")
                if re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
                    return digest
        raise SourceError(f"{self._named(version)} is no Helm chart")

    async def archive(self, version: str, digest: str) -> bytes:
        """The archive of that digest."""
        answer = await self._get(f"{self._base}/blobs/{digest}", MOST_BYTES)
        if hashlib.sha256(answer.content).hexdigest() != digest.removeprefix("sha256:"):
            raise Tampered(f"the archive of {self._named(version)} has not the digest {digest[:19]}...")
        return answer.content

    async def _get(self, url: str, most: int, *, accept: str = "") -> Answer:
        answer = await self._asked(url, most, accept)
        if answer.status == _UNAUTHORIZED and not self._token:
            await self._sign_in(answer.headers.get("www-authenticate", ""))
            answer = await self._asked(url, most, accept)
        if answer.status != _OK:
            hint = ": a repository Secret must name it" if answer.status == _UNAUTHORIZED else ""
            raise RegistryUnreachable(f"{self._host} answers {answer.status} for {self._path}{hint}")
        return answer

    async def _asked(self, url: str, most: int, accept: str) -> Answer:
        headers = {"Accept": accept} if accept else {}
        if self._token:
            headers["Authorization"] = self._token
        # Without a token the first question is asked as nobody: the registry says whether and where to sign in.
        return await self._door.get(url, most=most, headers=headers, anonymous=not self._token)

    async def _sign_in(self, challenge: str) -> None:
        kind, _, rest = challenge.partition(" ")
        own = self._door.given(f"{self._base}/")
        basic = own.basic if own is not None else None
        if kind.lower() == "basic" and basic is not None:
            self._token = door.basic(*basic)
            return
        given = dict(_PARAMETER.findall(rest))
        realm = given.get("realm", "")
        if kind.lower() != "bearer" or not realm.startswith(("https://", "http://")):
            return
        query = "&".join(
            f"{name}={quote(value, safe='')}"
            for name, value in (("service", given.get("service", "")), ("scope", self._scope(given)))
            if value
        )
        headers = {}
        same = realm.partition("://")[2].partition("/")[0] == self._host
        signer = own if same else self._door.given(realm)
        if signer is not None and signer.basic is not None:
            headers["Authorization"] = door.basic(*signer.basic)
        answer = await self._door.get(f"{realm}?{query}", most=_MOST_JSON, headers=headers)
        found = _object(answer)
        token = str(found.get("token") or found.get("access_token") or "")
        if answer.status != _OK or not token:
            raise RegistryUnreachable(f"{self._host} gives no token for {self._path}: {answer.status}")
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
