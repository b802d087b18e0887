"""Event handlers: what kopf sees is handed to the hub, as it is.

Contract: ``on.event`` alone, since its handlers are level-triggered and store nothing. They return None (a value
would be written to the object's status), never raise and never block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import kopf

from fleet import names


class Listener(Protocol):
    """Who is told; ``fleet.hub.hub.Hub`` is one."""

    def saw(self, kind: str, body: Mapping[str, Any]) -> None:
        """An object as it is."""

    def gone(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """An object that was deleted."""


def registry(listener: Listener, login: kopf.ConnectionInfo) -> kopf.OperatorRegistry:
    """A registry that watches the hub's kinds for ``listener``, signed in as ``login`` says."""
    made = kopf.OperatorRegistry()

    async def sign_in(**_: Any) -> kopf.ConnectionInfo:
        return login

    kopf.on.login(registry=made)(sign_in)
    for kind, plural in names.PLURALS.items():
        kopf.on.event(names.GROUP, names.VERSION, plural, registry=made, id=kind)(_handler(kind, listener))
    return made


def _handler(kind: str, listener: Listener) -> Any:
    async def handle(event: Mapping[str, Any], **_: Any) -> None:
        body = event["object"]
        metadata = body["metadata"]
        if event["type"] == "DELETED":
            listener.gone(kind, metadata.get("namespace", ""), metadata["name"], metadata.get("uid", ""))
        else:
            listener.saw(kind, body)

    return handle
