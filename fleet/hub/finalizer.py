"""The rung below the parent: on the Application, before the first write to a member, stands that member's name.

Contract: the finalizer and the annotations ``placed`` and ``leaving`` are one server-side apply under a manager of
our own, with the object's UID; so it adds or removes nothing of others', does nothing where it is done, and never
makes an object. A name goes only when its parent is gone on that member, or somebody let go of the cluster. A name
in ``leaving`` is one that may be withdrawn: grace and guard are behind it, also after a restart. What somebody else
takes away of these is put back; a name that somebody else adds is believed, and goes as any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

import orjson

from fleet import names
from fleet.errors import Conflict, NotFound
from fleet.kube import decode, paths
from fleet.kube.request import Send
from fleet.model import ApplicationKey, ObjectRef
from fleet.world.objects import Known, World, newer
from fleet.world.resources import HUB_RESOURCES

MANAGER: Final = "fleethub-placed"


class Names(NamedTuple):
    """Clusters on which an Application may have objects, and those of them that it leaves."""

    placed: frozenset[str]
    leaving: frozenset[str] = frozenset()


class _Noted(NamedTuple):
    """Names as they stood on an object at a version of it."""

    uid: str
    names: Names
    version: str


class Finalizer:
    """Names as they were last written by us, or seen first; bounded by the Applications."""

    def __init__(self, send: Send, world: World) -> None:
        self._send = send
        self._world = world
        self._noted: dict[ApplicationKey, _Noted] = {}
        self._writing: dict[ApplicationKey, Names] = {}
        # Whoever changes the names computes and writes in one turn: two writes may overtake each other.
        self._turns: WeakValueDictionary[ApplicationKey, asyncio.Lock] = WeakValueDictionary()

    def placed(self, key: ApplicationKey) -> frozenset[str]:
        """The clusters on which the Application may have objects."""
        return self._names(key).placed

    def leaving(self, key: ApplicationKey) -> frozenset[str]:
        """Of these, the clusters that it is being withdrawn from."""
        return self._names(key).leaving

    def stands(self, key: ApplicationKey) -> bool:
        """Whether nobody else has changed the names, or taken the finalizer off, as far as the Application was seen.

        Asked of each version that is seen; one from before our last write says nothing.
        """
        known = self._world.applications.get(key)
        noted = self._note(key, known)
        if known is None or noted is None or newer(noted.version, known.version):
            return True
        seen, held = _read(known), names.FINALIZER in known.finalizers
        ours = (noted.names, self._writing.get(key, noted.names))
        together = noted.names._replace(placed=noted.names.placed | seen.placed)
        self._noted[key] = noted._replace(names=together)
        return any(seen == one and (held or not one.placed) for one in ours)

    async def hold(self, key: ApplicationKey, clusters: frozenset[str] = frozenset()) -> None:
        """Record names before the first write to those clusters, and put back what somebody took away.

        No request where all stands already.
        """
        async with self._turn(key):
            known = self._world.applications.get(key)
            if known is None or known.deleting:
                return
            before = self._names(key)
            wanted = Names(before.placed | clusters, before.leaving - clusters)
            stands = self.stands(key)
            if wanted.placed and not (wanted == before and stands):
                await self._write(key, known.uid, wanted, () if stands else known.annotations)

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
                self._noted.pop(key, None)
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
        self._noted.pop(key, None)

    def _names(self, key: ApplicationKey) -> Names:
        noted = self._note(key, self._world.applications.get(key))
        return noted.names if noted is not None else Names(frozenset())

    def _note(self, key: ApplicationKey, known: Known[Any] | None) -> _Noted | None:
        """What was written last; of an object that was never written, what it was seen with first."""
        noted = self._noted.get(key)
        if known is not None and (noted is None or noted.uid != known.uid):
            noted = self._noted[key] = _Noted(known.uid, _read(known), known.version)
        return noted

    def _turn(self, key: ApplicationKey) -> asyncio.Lock:
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        return turn

    async def _write(self, key: ApplicationKey, uid: str, wanted: Names, over: Iterable[str] = ()) -> None:
        """Have the names stand there; of the annotations ``over``, which others wrote, one that is not wanted is emptied."""
        metadata: dict[str, object] = {"name": key.name, "namespace": key.namespace, "uid": uid}
        if wanted.placed:
            told = {names.PLACED: wanted.placed, names.LEAVING: wanted.leaving}
            metadata["annotations"] = {
                name: ",".join(sorted(here)) for name, here in told.items() if here or name in over
            }
            metadata["finalizers"] = [names.FINALIZER]
        body = {"apiVersion": names.API_VERSION, "kind": names.APPLICATION, "metadata": metadata}
        resource = HUB_RESOURCES[names.APPLICATION]
        ref = ObjectRef(names.GROUP, names.APPLICATION, key.namespace, key.name)
        self._writing[key] = wanted
        try:
            answer = await self._send(paths.apply(resource, ref, orjson.dumps(body), manager=MANAGER))
        except NotFound:
            self._noted.pop(key, None)
            return
        except Conflict:
            # Another object of this name by now: its own reconcile reads its own annotation.
            self._noted.pop(key, None)
            raise
        finally:
            del self._writing[key]
        self._noted[key] = _Noted(uid, wanted, decode.meta(answer.body, resource).version)


def _read(known: Known[Any]) -> Names:
    placed = _split(known.annotations.get(names.PLACED, ""))
    return Names(placed, _split(known.annotations.get(names.LEAVING, "")) & placed)


def _split(text: str) -> frozenset[str]:
    return frozenset(name for name in text.split(",") if name)
