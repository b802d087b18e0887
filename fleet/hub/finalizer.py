"""The rung below the parent: on the Application, before the first write to a member, stands that member's name.

Contract: the finalizer and the annotation ``placed`` are one server-side apply under a manager of our own, with
the object's UID; so it adds or removes nothing of others', does nothing where it is done, and never makes an
object. A name goes only when its parent is gone on that member, or somebody let go of the cluster.
"""

from __future__ import annotations

import asyncio
from typing import Final
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


class Finalizer:
    """Placed names as they were last written by us, or read; bounded by the Applications."""

    def __init__(self, send: Send, world: World) -> None:
        self._send = send
        self._world = world
        self._written: dict[ApplicationKey, tuple[str, frozenset[str]]] = {}
        # Whoever changes the names computes and writes in one turn: two writes may overtake each other.
        self._turns: WeakValueDictionary[ApplicationKey, asyncio.Lock] = WeakValueDictionary()

    def placed(self, key: ApplicationKey) -> frozenset[str]:
        """The clusters on which the Application may have objects."""
        known = self._world.applications.get(key)
        written = self._written.get(key)
        if written is not None and (known is None or known.uid == written[0]):
            return written[1]
        if known is None:
            return frozenset()
        text = known.annotations.get(names.PLACED, "")
        return frozenset(name for name in text.split(",") if name)

    async def hold(self, key: ApplicationKey, clusters: frozenset[str]) -> None:
        """Record names before the first write to those clusters; no request where they stand already."""
        async with self._turn(key):
            known = self._world.applications.get(key)
            if known is None or known.deleting:
                return
            wanted = self.placed(key) | clusters
            if wanted == self.placed(key) and names.FINALIZER in known.finalizers:
                return
            if wanted:
                await self._write(key, known.uid, wanted)

    async def release(self, key: ApplicationKey, cluster: str) -> None:
        """The cluster holds nothing of the Application any more, or is let go of."""
        async with self._turn(key):
            known = self._world.applications.get(key)
            if known is None:
                self._written.pop(key, None)
                return
            left = self.placed(key) - {cluster}
            if left == self.placed(key):
                return
            await self._write(key, known.uid, left)

    async def free(self, key: ApplicationKey) -> None:
        """Take the finalizer off an Application that is placed nowhere."""
        async with self._turn(key):
            known = self._world.applications.get(key)
            if known is not None and names.FINALIZER in known.finalizers and not self.placed(key):
                await self._write(key, known.uid, frozenset())

    def forget(self, key: ApplicationKey) -> None:
        """The Application is gone."""
        self._written.pop(key, None)

    def _turn(self, key: ApplicationKey) -> asyncio.Lock:
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        return turn

    async def _write(self, key: ApplicationKey, uid: str, placed: frozenset[str]) -> None:
        metadata: dict[str, object] = {"name": key.name, "namespace": key.namespace, "uid": uid}
        if placed:
            metadata["annotations"] = {names.PLACED: ",".join(sorted(placed))}
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
        self._written[key] = (uid, placed)
