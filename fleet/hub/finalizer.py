"""The rung below the parent: on the Application, before the first write to a member, stands that member's name.

Contract: the finalizer and the annotations ``placed`` and ``leaving`` are one server-side apply under a manager of
our own, with the object's UID; so it adds or removes nothing of others', does nothing where it is done, and never
makes an object. A name goes only when its parent is gone on that member, or somebody let go of the cluster. A name
in ``leaving`` is one that may be withdrawn: grace and guard are behind it, also after a restart.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import orjson

from fleet import names
from fleet.errors import Conflict, NotFound
from fleet.kube import paths
from fleet.kube.request import Send
from fleet.model import ApplicationKey, ObjectRef
from fleet.world.objects import World
from fleet.world.resources import HUB_RESOURCES

MANAGER: Final = "fleethub-placed"


class Names(NamedTuple):
    """Clusters on which an Application may have objects, and those of them that it leaves."""

    placed: frozenset[str]
    leaving: frozenset[str] = frozenset()


class Finalizer:
    """Names as they were last written by us, or read; bounded by the Applications."""

    def __init__(self, send: Send, world: World) -> None:
        self._send = send
        self._world = world
        self._written: dict[ApplicationKey, tuple[str, Names]] = {}
        # Whoever changes the names computes and writes in one turn: two writes may overtake each other.
        self._turns: WeakValueDictionary[ApplicationKey, asyncio.Lock] = WeakValueDictionary()

    def placed(self, key: ApplicationKey) -> frozenset[str]:
        """The clusters on which the Application may have objects."""
        return self._names(key).placed

    def leaving(self, key: ApplicationKey) -> frozenset[str]:
        """Of these, the clusters that it is being withdrawn from."""
        return self._names(key).leaving

    async def hold(self, key: ApplicationKey, clusters: frozenset[str]) -> None:
        """Record names before the first write to those clusters; no request where they stand already."""
        async with self._turn(key):
            known = self._world.applications.get(key)
            if known is None or known.deleting:
                return
            before = self._names(key)
            wanted = Names(before.placed | clusters, before.leaving - clusters)
            if wanted == before and names.FINALIZER in known.finalizers:
                return
            if wanted.placed:
                await self._write(key, known.uid, wanted)

    async def leave(self, key: ApplicationKey, clusters: frozenset[str]) -> None:
        """Record that the Application is to be withdrawn from these clusters, before the first deletion there."""
        async with self._turn(key):
            known = self._world.applications.get(key)
            before = self._names(key)
            wanted = before._replace(leaving=before.leaving | (clusters & before.placed))
            if known is not None and wanted != before:
                await self._write(key, known.uid, wanted)

    async def release(self, key: ApplicationKey, cluster: str) -> None:
        """The cluster holds nothing of the Application any more, or is let go of."""
        async with self._turn(key):
            known = self._world.applications.get(key)
            if known is None:
                self._written.pop(key, None)
                return
            before = self._names(key)
            if cluster in before.placed:
                await self._write(
                    key, known.uid, Names(before.placed - {cluster}, before.leaving - {cluster})
                )

    async def free(self, key: ApplicationKey) -> None:
        """Take the finalizer off an Application that is placed nowhere."""
        async with self._turn(key):
            known = self._world.applications.get(key)
            if known is not None and names.FINALIZER in known.finalizers and not self.placed(key):
                await self._write(key, known.uid, Names(frozenset()))

    def forget(self, key: ApplicationKey) -> None:
        """The Application is gone."""
        self._written.pop(key, None)

    def _names(self, key: ApplicationKey) -> Names:
        known = self._world.applications.get(key)
        written = self._written.get(key)
        if written is not None and (known is None or known.uid == written[0]):
            return written[1]
        if known is None:
            return Names(frozenset())
        placed = _split(known.annotations.get(names.PLACED, ""))
        return Names(placed, _split(known.annotations.get(names.LEAVING, "")) & placed)

    def _turn(self, key: ApplicationKey) -> asyncio.Lock:
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        return turn

    async def _write(self, key: ApplicationKey, uid: str, wanted: Names) -> None:
        metadata: dict[str, object] = {"name": key.name, "namespace": key.namespace, "uid": uid}
        if wanted.placed:
            told = {names.PLACED: wanted.placed, names.LEAVING: wanted.leaving}
            metadata["annotations"] = {name: ",".join(sorted(here)) for name, here in told.items() if here}
            metadata["finalizers"] = [names.FINALIZER]
        body = {"apiVersion": names.API_VERSION, "kind": names.APPLICATION, "metadata": metadata}
        resource = HUB_RESOURCES[names.APPLICATION]
        ref = ObjectRef(names.GROUP, names.APPLICATION, key.namespace, key.name)
        try:
            await self._send(paths.apply(resource, ref, orjson.dumps(body), manager=MANAGER))
        except NotFound:
            self._written.pop(key, None)
            return
        except Conflict:
            # Another object of this name by now: its own reconcile reads its own annotation.
            self._written.pop(key, None)
            raise
        self._written[key] = (uid, wanted)


def _split(text: str) -> frozenset[str]:
    return frozenset(name for name in text.split(",") if name)
