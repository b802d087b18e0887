"""The two Secrets that open the hub's own doors: the API's token, and the webhook secret of last resort.

Contract: read before the hub serves, then looked at again each minute, so that a new one counts without a restart.
What cannot be read stays as it was; what is gone is gone.
"""

from __future__ import annotations

import base64
import binascii

import orjson

from fleet import names
from fleet.clock import Clock
from fleet.errors import FleetError, NotFound
from fleet.kube.request import Request, Send

EVERY = 60.0


class Passwords:
    """See the module. ``token`` is empty where there is none, and then nobody may read the API."""

    def __init__(self, send: Send, namespace: str, clock: Clock) -> None:
        self._send = send
        self._namespace = namespace
        self._clock = clock
        self.token = ""
        self.webhook = b""

    async def read(self) -> None:
        """Read both."""
        token = await self._value(names.API_SECRET, "token")
        self.webhook = await self._value(names.WEBHOOK_SECRET, "webhookSecret")
        self.token = token.decode("ascii", "ignore").strip()

    async def keep(self) -> None:
        """Look again for ever."""
        while True:
            await self._clock.sleep(self._clock.jitter(EVERY))
            try:
                await self.read()
            except FleetError:
                continue

    async def _value(self, name: str, key: str) -> bytes:
        path = f"/api/v1/namespaces/{self._namespace}/secrets/{name}"
        try:
            data = orjson.loads((await self._send(Request("GET", path))).body).get("data") or {}
        except NotFound:
            return b""
        try:
            return base64.b64decode(data.get(key) or "")
        except binascii.Error:
            return b""
