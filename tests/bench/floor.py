"""The floor: parse the same files and send them by raw server-side apply, 16 in flight a cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import orjson
import yaml

from bootstrap.local.plane import Plane
from fleet.kube import session, trusted
from tests.bench.work import KINDS

IN_FLIGHT = 16


async def seconds(planes: Iterable[Plane], files: list[Path], namespace: str) -> float:
    """How long it takes until every object of the files is applied on every plane."""
    connections = [await trusted.load(str(plane.kubeconfig)) for plane in planes]
    opened = [session.open(connection) for connection in connections]
    servers = [connection.server for connection in connections]
    try:
        begun = time.perf_counter()
        requests = []
        for file in files:
            for value in yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader):
                path = KINDS[value["kind"]].replace("{ns}", namespace)
                value["metadata"]["namespace"] = namespace
                requests.append((f"{path}/{value['metadata']['name']}", orjson.dumps(value)))
        await asyncio.gather(
            *(_send(one.writes, server, requests) for one, server in zip(opened, servers, strict=True))
        )
        return time.perf_counter() - begun
    finally:
        for one in opened:
            await one.close()


async def _send(client: aiohttp.ClientSession, server: str, requests: list[tuple[str, bytes]]) -> None:
    left = iter(requests)

    async def run() -> None:
        for path, body in left:
            async with client.patch(
                f"{server}{path}?fieldManager=floor&force=true",
                data=body,
                headers={"Content-Type": "application/apply-patch+yaml"},
            ) as answer:
                await answer.read()
                assert answer.status < 300, answer.status

    await asyncio.gather(*(run() for _ in range(IN_FLIGHT)))
