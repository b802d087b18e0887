"""Which images an Application runs on each of its clusters, asked of the clusters at that moment."""

from __future__ import annotations

import asyncio

from fleet.errors import FleetError
from fleet.hub.hub import Hub
from fleet.model import ApplicationKey, TargetKey
from fleet.web.api.provider import ImagesView
from fleet.worker import images
from fleet.worker.worker import Worker


async def views(hub: Hub, key: ApplicationKey) -> tuple[ImagesView, ...]:
    """One view a cluster, all asked at once; one that does not answer says why."""
    if not hub.ready:
        return ()
    workers = [one for one in hub.roster.workers() if TargetKey(key, one.name) in one.targets()]
    return tuple(await asyncio.gather(*(_of(one, TargetKey(key, one.name)) for one in workers)))


async def _of(worker: Worker, target: TargetKey) -> ImagesView:
    running, workloads = worker.running, worker.workloads(target)
    if running is None:
        return ImagesView(worker.name, problem="the cluster does not answer")
    if workloads is None:
        return ImagesView(worker.name, problem="the hub has not looked there since it was connected")
    try:
        found = await images.read(running.member.client.send, workloads)
    except FleetError as error:
        return ImagesView(worker.name, problem=error.text)
    return ImagesView(worker.name, found)
