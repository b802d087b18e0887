"""Sealing keys and rings of the hub: an own watch of their Secrets and of the rings' ConfigMap.

Contract: only what is in the hub's own namespace counts (H21). Private keys stay in the keyring; others get rings,
fingerprints and certificates. A ring gets its first key when it needs one, and a new one when the newest is older than
the renewal; older ones stay and go on opening. ``changed`` is called when something may open now, or no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from fleet import names
from fleet.clock import Clock
from fleet.errors import Conflict, FleetError, NotFound
from fleet.kube import watch
from fleet.kube.client import Door
from fleet.kube.request import JSON, Request
from fleet.model import ApplicationKey, ObjectRef
from fleet.secrets import keys, rings
from fleet.secrets.keyring import Keyring
from fleet.secrets.keys import KeyUnusable
from fleet.world.objects import World
from fleet.world.resources import CONFIG_MAPS, SECRETS

AGAIN: Final = 30.0
LOOK: Final = 3600.0


class SealingKeys:
    """See the module. ``renewal`` in seconds, 0 for never; ``cutoff``: a newest key that was made before is renewed."""

    def __init__(self, door: Door, world: World, namespace: str, clock: Clock) -> None:
        self._door = door
        self._world = world
        self._namespace = namespace
        self._clock = clock
        self.keyring = Keyring()
        self.rings = rings.default()
        self._errors: dict[str, str] = {}
        self._listed = {"keys": False, "rings": False}
        self._wake = asyncio.Event()
        self.renewal, self.cutoff = 30 * 86400.0, 0.0
        self.changed: Callable[[], None] = lambda: None
        self.refused: Callable[[ObjectRef, str, str, str], None] = lambda *_: None

    @property
    def complete(self) -> bool:
        """Whether keys and rings are known."""
        return all(self._listed.values())

    def errors(self) -> Mapping[str, str]:
        """Key Secrets that open nothing, by name, and why."""
        return dict(self._errors)

    def serving(self, cluster: str) -> tuple[str, ...]:
        """The rings that serve a cluster."""
        known = self._world.clusters.get(ApplicationKey(self._namespace, cluster))
        model = known.model if known is not None else None
        if model is None and cluster != names.HUB_CLUSTER:
            return ()
        return self.rings.serving(cluster, model.metadata.labels if model is not None else {})

    def cluster_changed(self) -> None:
        """Clusters came, or their labels changed: a ring may be needed."""
        self._wake.set()

    # --- life ---------------------------------------------------------------------------------------------

    async def follow_keys(self) -> None:
        """Watch the key Secrets for ever."""
        stream = watch.follow(
            self._door, SECRETS, self._namespace, selector=keys.LABEL, whole=True, clock=self._clock
        )
        async for event in stream:
            match event:
                case watch.Listed(items, _):
                    for item in items:
                        await self._saw(item.object)
                    await self._absent({item.meta.ref.name for item in items})
                    # Only now: a ring whose key is listed and not yet read would be given another.
                    self._listed["keys"] = True
                    self._moved()
                case watch.Seen(_, body):
                    await self._saw(body)
                    self._moved()
                case watch.Gone(meta):
                    self._gone(meta.ref.name)
                    self._moved()
                case watch.Silent():
                    pass

    async def follow_rings(self) -> None:
        """Watch the rings' ConfigMap for ever."""
        stream = watch.follow(
            self._door,
            CONFIG_MAPS,
            self._namespace,
            selector="",
            whole=True,
            clock=self._clock,
            name=names.RINGS,
        )
        async for event in stream:
            match event:
                case watch.Listed(items, _):
                    self._listed["rings"] = True
                    self._set(items[0].object if items else None)
                case watch.Seen(_, body):
                    self._set(body)
                case watch.Gone():
                    self._set(None)
                case watch.Silent():
                    pass

    async def keep(self) -> None:
        """See that each ring that is needed is there and has a key that is new enough, for ever."""
        while True:
            self._wake.clear()
            pause = LOOK
            if self.complete and self._world.complete:
                try:
                    await self._needed()
                except FleetError:
                    pause = AGAIN
            waiter = asyncio.ensure_future(self._wake.wait())
            timer = asyncio.ensure_future(self._clock.sleep(pause))
            try:
                await asyncio.wait({waiter, timer}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
                timer.cancel()

    # --- inside -------------------------------------------------------------------------------------------

    async def _saw(self, body: Mapping[str, Any] | None) -> None:
        if body is None:
            return
        name = str(body["metadata"]["name"])
        try:
            self.keyring.put(await asyncio.to_thread(keys.read, body))
        except KeyUnusable as error:
            self.keyring.drop(name)
            if self._errors.get(name) != error.text:
                self._errors[name] = error.text
                ref = ObjectRef("", "Secret", self._namespace, name)
                self.refused(ref, str(body["metadata"].get("uid", "")), error.reason, error.text)
        else:
            self._errors.pop(name, None)

    async def _absent(self, present: set[str]) -> None:
        """Let go of what a list lacks, save a key that was made after the list was taken."""
        for name in {key.secret for key in self.keyring.all()} - present:
            path = f"/api/v1/namespaces/{self._namespace}/secrets/{name}"
            try:
                await self._saw(orjson.loads((await self._door.send(Request("GET", path))).body))
            except NotFound:
                self._gone(name)
            except FleetError:
                continue  # nobody knows, so it stays; the next list asks again
        for name in self._errors.keys() - present:
            del self._errors[name]

    def _gone(self, name: str) -> None:
        self.keyring.drop(name)
        self._errors.pop(name, None)

    def _set(self, body: Mapping[str, Any] | None) -> None:
        self.rings = rings.default() if body is None else rings.read(body.get("data") or {})
        self._moved()

    def _moved(self) -> None:
        self._wake.set()
        if self.complete:
            self.changed()

    async def _needed(self) -> None:
        """Make what is missing: rings of environments that have clusters, first keys, new keys."""
        await self._environments()
        serving = {rings.HUB} & self.rings.selectors.keys()
        for key, known in self._world.clusters.items():
            if key.namespace == self._namespace and known.model is not None:
                serving |= set(self.serving(key.name))
        now = self._clock.now()
        for ring in sorted(serving | (set(self.keyring.rings()) & self.rings.selectors.keys())):
            newest = self.keyring.newest(ring)
            old = newest is not None and (
                (self.renewal > 0 and now - newest.made > self.renewal) or newest.made < self.cutoff <= now
            )
            if newest is None or old:
                await self.make(ring)

    async def make(self, ring: str) -> None:
        """Make a key for a ring; the watch brings it."""
        begins = keys.after(self.keyring.newest(ring), self._clock.now())
        body = await asyncio.to_thread(keys.make, ring, self._namespace, begins)
        path = f"/api/v1/namespaces/{self._namespace}/secrets"
        answer = await self._door.send(Request("POST", path, body=orjson.dumps(body), accept=JSON))
        await self._saw(orjson.loads(answer.body))
        self._moved()

    async def _environments(self) -> None:
        """A cluster of an environment that no ring serves gets a ring of that name."""
        missing: dict[str, str] = {}
        for key, known in self._world.clusters.items():
            if key.namespace != self._namespace or known.model is None or known.deleting:
                continue
            environment = known.model.metadata.labels.get(rings.ENVIRONMENT, "")
            ring = rings.named(environment)
            free = ring not in self.rings.selectors and ring not in self.rings.faults
            if environment and free and not self.serving(key.name):
                missing[ring] = rings.entry(environment)
        path = f"/api/v1/namespaces/{self._namespace}/configmaps"
        try:
            found = orjson.loads((await self._door.send(Request("GET", f"{path}/{names.RINGS}"))).body)
        except NotFound:
            await self._write(path, missing)
            return
        if missing and not missing.keys() <= (found.get("data") or {}).keys():
            found["data"] = {**missing, **(found.get("data") or {})}
            try:
                await self._door.send(Request("PUT", f"{path}/{names.RINGS}", body=orjson.dumps(found)))
            except Conflict:
                self._wake.set()

    async def _write(self, path: str, missing: Mapping[str, str]) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": names.RINGS, "namespace": self._namespace},
            "data": {**rings.entries(), **missing},
        }
        try:
            await self._door.send(Request("POST", path, body=orjson.dumps(body)))
        except Conflict:
            self._wake.set()
