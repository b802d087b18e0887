"""An own list of the hub's kinds: the barrier at start, and the check on events every five minutes (H8).

Contract: ``complete`` lists every kind whole into the World, so that an empty kind is known to be empty too.
``check`` compares metadata only with memory and reads what memory lacks or has older; what vanished is told as
gone. Watches may lose, double or delay: this is what makes the World level-triggered. An object that the server
has older than memory means that the server was restored from a backup: all that follows would be taken for old
news, so ``keep`` ends by raising HistoryLost, and the process begins anew.
"""

from __future__ import annotations

from typing import Any, Final

from fleet import names
from fleet.clock import Clock
from fleet.errors import FleetError, NotFound
from fleet.kube import decode, listing, paths
from fleet.kube.request import Request, Send
from fleet.model import ApplicationKey, Meta
from fleet.world.objects import World, newer
from fleet.world.resources import HUB_RESOURCES

EVERY: Final = 300.0
RETRY: Final = 2.0


class HistoryLost(FleetError):
    """The hub's API server went back to an earlier state."""

    reason = "HistoryLost"


async def complete(send: Send, world: World) -> None:
    """List every kind whole, and lift the barrier."""
    for kind in names.HUB_KINDS:
        present = set()
        found = await listing.read(send, HUB_RESOURCES[kind], None, whole=True)
        for item in found.items:
            if item.object is not None:
                world.saw(kind, _whole(item.object, item.meta))
            present.add(ApplicationKey(item.meta.ref.namespace, item.meta.ref.name))
        for key, (uid, version) in world.versions(kind).items():
            # What a watch brought since the list was taken is not in it for that reason alone.
            if key not in present and not newer(version, found.version):
                world.gone(kind, key, uid)
        world.listed(kind)


def _whole(body: dict[str, Any], meta: Meta) -> dict[str, Any]:
    """The object with the field entries that say whether an app of apps made it; lists are read without."""
    if names.APPLYSET_PART_OF not in meta.labels:
        return body
    return {**body, "metadata": {**body["metadata"], "managedFields": decode.value(meta.fields)}}


async def check(send: Send, world: World) -> int:
    """Compare memory with metadata-only lists; the number of objects that memory had wrong."""
    mended = 0
    for kind in names.HUB_KINDS:
        served = HUB_RESOURCES[kind]
        known = world.versions(kind)
        metas, _, _ = decode.metas((await send(paths.list_meta(served, None))).body, served)
        for meta in metas:
            key = ApplicationKey(meta.ref.namespace, meta.ref.name)
            uid, version = known.pop(key, ("", ""))
            if uid == meta.uid and meta.version == version:
                continue
            if uid == meta.uid and not newer(meta.version, version):
                # ``known`` is from before the list was asked for, so that this is no race with a watch.
                raise HistoryLost(
                    f"the API server has an older {meta.ref} than was seen: restored from a backup?"
                )
            try:
                answer = await send(Request("GET", paths.object_path(served, *key), ref=meta.ref))
            except NotFound:
                world.gone(kind, key, uid)
            else:
                world.saw(kind, decode.value(answer.body))
            mended += 1
        for key, (uid, _) in known.items():
            try:
                await send(Request("GET", paths.object_path(served, *key)))
            except NotFound:
                world.gone(kind, key, uid)
                mended += 1
    return mended


async def keep(send: Send, world: World, clock: Clock) -> None:
    """Lift the barrier, then check for ever; a list that fails is tried again."""
    while True:
        try:
            await complete(send, world)
            break
        except FleetError:
            await clock.sleep(clock.jitter(RETRY, 0.5))
    while True:
        await clock.sleep(clock.jitter(EVERY))
        try:
            await check(send, world)
        except HistoryLost:
            raise
        except FleetError:
            continue
