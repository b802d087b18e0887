"""fleet.kube.listing: values in, values out."""

from __future__ import annotations

import json

import pytest

from fleet.errors import Expired, Unreachable
from fleet.kube import listing
from fleet.kube.request import Answer, Request
from fleet.model import Resource


class Pages:
    """A server with ``count`` objects; from ``expires`` on it no longer knows its continue tokens."""

    def __init__(self, count: int, *, expires: int | None = None) -> None:
        self.count = count
        self.expires = expires
        self.asked: list[Request] = []

    async def send(self, request: Request) -> Answer:
        self.asked.append(request)
        query = dict(request.query)
        start = int(query.get("continue", 0))
        if self.expires is not None and start >= self.expires:
            raise Expired("gone", status=410)
        end = min(self.count, start + int(query.get("limit", self.count)))
        items = [{"metadata": {"name": f"n{number}"}} for number in range(start, end)]
        metadata = {"resourceVersion": "5", "continue": str(end) if end < self.count else ""}
        return Answer(200, json.dumps({"metadata": metadata, "items": items}).encode())


async def test_all_pages_are_read(configmaps: Resource) -> None:
    server = Pages(1203)
    found = await listing.read(server.send, configmaps, "shop", selector="a=b")
    assert [item.meta.ref.name for item in found.items] == [f"n{number}" for number in range(1203)]
    assert found.version == "5"
    assert len(server.asked) == 3
    assert all(dict(request.query)["labelSelector"] == "a=b" for request in server.asked)


async def test_expired_pages_are_read_again_in_one(configmaps: Resource) -> None:
    server = Pages(1203, expires=500)
    assert len((await listing.read(server.send, configmaps, None)).items) == 1203
    assert "limit" not in dict(server.asked[-1].query)


async def test_an_incomplete_list_is_no_list(configmaps: Resource) -> None:
    server = Pages(1203)

    async def send(request: Request) -> Answer:
        if len(server.asked) == 2:
            raise Unreachable("gone")
        return await server.send(request)

    with pytest.raises(Unreachable):
        await listing.read(send, configmaps, None)


async def test_whole_objects_come_where_asked(configmaps: Resource) -> None:
    server = Pages(1)
    found = await listing.read(server.send, configmaps, None, whole=True)
    assert found.items[0].object == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n0"}}
    assert server.asked[0].accept == "application/json"
