"""What kopf reads of the API server, read so that no object can end its watches.

Contract: ``install`` puts our reader where kopf reads lists and events, and nowhere else; to do so again changes
nothing. One object that nests deeper than Python's decoder goes would end the watch of its kind for good, and its
list too after every start; its depths are cut, and the hub tells it as invalid.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import kopf

from fleet.documents import deep


def install() -> None:
    """Have kopf read by ``loads``: its module of requests has no other use of ``json`` than for events."""
    api = kopf._cogs.clients.api  # type: ignore[attr-defined]  # noqa: SLF001 (there is no setting for it)
    api.json = SimpleNamespace(loads=loads)

    async def get(url: str, **more: Any) -> Any:
        response = await api.request(method="get", url=url, **more)
        async with response:
            return await response.json(loads=loads)

    api.get = get


def loads(text: str) -> Any:
    """The value of a JSON text, cut where it nests too deep."""
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(deep.cut(text.encode()))
