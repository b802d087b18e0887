"""Live detail from the hub's own API: by the address on its Lease, or through the API server's Service proxy.

Contract: an answer, or None and `Live.why`; never an error, since every verb that asks has the status to
show. The token comes from the Secret fleethub-api and goes to the hub alone: in a header, or behind the
proxy, which takes that header for itself, in the body. An address of plain HTTP is that of a Pod, as a rule,
which here may be anybody's: it is asked only where the hub runs on this machine, or the cluster has no Service of it.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fleet import names
from fleet.cli import objects
from fleet.cli.objects import At
from fleet.errors import FleetError, NotFound
from fleet.kube.connection import Connection
from fleet.kube.request import Request

if TYPE_CHECKING:
    from fleet.cli.session import Session
    from fleet.kube.request import Send

PREFIX: Final = "/api/v1"
SERVICE: Final = "fleethub:http"
PATIENCE: Final = 3.0

_NOTHING: Final = "the hub's API could not be reached"


class Live:
    """The hub's API for one command. ``why`` says, after a None, why there is no answer."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._token: str | None = None
        self._ways: list[str] | None = None  # URLs; empty text for the proxy
        self.why = ""

    async def get(self, path: str, *, patience: float = PATIENCE) -> dict[str, Any] | None:
        """Ask for ``/applications`` and the like. NotFound is an answer too: an empty dict."""
        try:
            if self._ways is None:
                self._ways = await self._find()
            if self._token is None:
                self._token = await self._read_token()
        except FleetError as error:
            self.why = error.text
            return None
        for way in tuple(self._ways):
            try:
                answer = await self._ask(way, path, patience)
            except FleetError as error:
                self.why = f"{_NOTHING}: {error.text}"
                if not way and not isinstance(error, NotFound):
                    break  # the Service is there
                continue
            self._ways = [way]  # the one that answers, from now on
            return answer
        # Whoever asks again, after a restart of the hub, finds it anew.
        self._ways = self._token = None
        return None

    async def _find(self) -> list[str]:
        if self._session.hub.hub_url:
            return [self._session.hub.hub_url.rstrip("/")]
        at = At(objects.LEASE, self._session.hub.hub_namespace, names.HUB_LEASE)
        lease = await objects.find(self._session.send, at)
        if lease is None:
            raise NotFound("no hub has run on this cluster yet", status=404)
        url = (lease["metadata"].get("annotations") or {}).get(names.URL, "").rstrip("/")
        holder = (lease.get("spec") or {}).get("holderIdentity") or ""
        if not url.startswith(("http://", "https://")) or not holder:
            return [""]  # what was given up serves nowhere
        if _loopback(url):
            # Of the hub's machine: on another one it is whoever has that port there.
            return [url, ""] if holder.startswith(f"{socket.gethostname()}_") else [""]
        return [url, ""] if url.startswith("https://") else ["", url]

    async def _read_token(self) -> str:
        at = At(objects.SECRET, self._session.hub.hub_namespace, names.API_SECRET)
        secret = await objects.find(self._session.send, at)
        encoded = ((secret or {}).get("data") or {}).get("token", "")
        if not encoded:
            raise NotFound(f"the Secret {names.API_SECRET} holds no token", status=404)
        return base64.b64decode(encoded).decode("ascii", errors="ignore").strip()

    async def _ask(self, way: str, path: str, patience: float) -> dict[str, Any]:
        if way:
            client = self._session.open(Connection(server=way, token=self._token))
            request = Request("GET", PREFIX + path, timeout=patience)
            send: Send = client.send
        else:
            namespace = self._session.hub.hub_namespace
            request = Request(
                "POST",
                f"/api/v1/namespaces/{namespace}/services/{SERVICE}/proxy{PREFIX}/query",
                body=json.dumps({"token": self._token, "path": PREFIX + path}).encode(),
                timeout=patience,
            )
            send = self._session.send
        try:
            answer = await send(request)
        except NotFound:
            if way:
                return {}
            raise
        try:
            value = json.loads(answer.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise FleetError("what answers there is no fleethub")
        return value


def _loopback(url: str) -> bool:
    """Whether the URL leads to the machine that asks."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
