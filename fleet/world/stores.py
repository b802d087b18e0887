"""SecretStores and ClusterSecretStores on the hub, and the Secrets that serve as a store there.

Contract: stores are the hub's word about where secrets are kept; what may be read of it, Projects say. A Secret is read
where an Application's own namespace has it; in the hub's own namespace only what is labelled as a source. Nothing of
its data is kept. ``changed`` is called when a store came, changed or went.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from fleet import names
from fleet.clock import Clock
from fleet.errors import FleetError, Forbidden, NotFound
from fleet.kube import watch
from fleet.kube.client import Door
from fleet.kube.request import JSON, Request
from fleet.model import ObjectRef
from fleet.world.resources import STORES

Store = Mapping[str, Any]


class SourceRefused(FleetError):
    """A Secret of the hub that is no source of secrets, or that the hub may not read."""

    reason = "SourceRefused"


class Stores:
    """See the module. ``namespace`` is the hub's own."""

    def __init__(self, door: Door, namespace: str, clock: Clock) -> None:
        self._door = door
        self._namespace = namespace
        self._clock = clock
        self._found: dict[tuple[str, str, str], Store] = {}
        self.changed: Callable[[], None] = lambda: None

    def get(self, kind: str, namespace: str, name: str) -> Store | None:
        """A store by its kind, namespace (empty for one of the whole cluster) and name."""
        return self._found.get((kind, namespace, name))

    async def follow(self, kind: str) -> None:
        """Watch the stores of a kind for ever."""
        stream = watch.follow(self._door, STORES[kind], None, selector="", whole=True, clock=self._clock)
        async for event in stream:
            match event:
                case watch.Listed(items, _):
                    kept = {key: one for key, one in self._found.items() if key[0] != kind}
                    for item in items:
                        kept[_key(item.meta.ref)] = item.object or {}
                    moved = kept != self._found
                    self._found = kept
                    if moved:
                        self.changed()
                case watch.Seen(meta, body):
                    before = self._found.get(_key(meta.ref))
                    self._found[_key(meta.ref)] = body or {}
                    if before is None or before.get("spec") != (body or {}).get("spec"):
                        self.changed()
                case watch.Gone(meta):
                    if self._found.pop(_key(meta.ref), None) is not None:
                        self.changed()
                case watch.Silent():
                    pass

    async def source(self, namespace: str, name: str) -> tuple[str, Mapping[str, Any]]:
        """The version and the data, in base64, of a Secret that serves as a store. Raises FleetError."""
        try:
            answer = await self._door.send(
                Request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}", accept=JSON)
            )
        except NotFound:
            raise
        except Forbidden:
            raise SourceRefused(
                f"the hub may not read Secret {namespace}/{name}: bind its ServiceAccount to ClusterRole "
                f"{names.PRODUCT}-sources in namespace {namespace}"
            ) from None
        body = orjson.loads(answer.body)
        labels = body["metadata"].get("labels") or {}
        if namespace == self._namespace and labels.get(names.SECRET_TYPE) != names.SECRET_SOURCE:
            raise SourceRefused(
                f"Secret {namespace}/{name} is no source of secrets: in the hub's namespace the label "
                f"{names.SECRET_TYPE}: {names.SECRET_SOURCE} makes it one"
            )
        return str(body["metadata"]["resourceVersion"]), body.get("data") or {}


def _key(ref: ObjectRef) -> tuple[str, str, str]:
    return ref.kind, ref.namespace, ref.name
