"""Registrations that other tools keep in namespaces named to the hub: a watch each.

Contract: of a Secret, no more than its registration is read; content stays here. What a namespace holds is not known
before it was listed; where it cannot be listed nothing of it is taken for gone, and ``silent`` is told why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from fleet.clock import Clock
from fleet.clusters import discovered
from fleet.clusters.discovered import Place
from fleet.kube import watch
from fleet.kube.client import Door
from fleet.world.resources import SECRETS

Secret = Mapping[str, Any]


class Discovered:
    """See the module. ``changed`` is called with the Secret as it was and as it is; ``listed`` after each list."""

    def __init__(self, door: Door, places: tuple[Place, ...], clock: Clock) -> None:
        self._door = door
        self._places: Final = places
        self._clock = clock
        self._secrets: dict[Place, dict[str, Secret]] = {place: {} for place in places}
        self._waits: dict[Place, str] = dict.fromkeys(places, "")
        self.changed: Callable[[str, Secret | None, Secret | None], None] = lambda *_: None
        self.listed: Callable[[], None] = lambda: None
        self.silent: Callable[[Place, str], None] = lambda *_: None

    def all(self) -> Mapping[str, Secret]:
        """The Secrets that are known, by key."""
        return {key: body for held in self._secrets.values() for key, body in held.items()}

    def get(self, key: str) -> Secret | None:
        """One of them."""
        return next((held[key] for held in self._secrets.values() if key in held), None)

    def follows(self, namespace: str) -> bool:
        """Whether the namespace is named to the hub."""
        return any(place.namespace == namespace for place in self._places)

    def knows(self, namespace: str) -> bool:
        """Whether all that the namespace holds is known, so that what is not among it is gone."""
        return self.follows(namespace) and not any(place.namespace == namespace for place in self._waits)

    def trouble(self, namespace: str) -> str:
        """Why the namespace could not be listed; empty before the first try, and where it was."""
        return next(
            (text for place, text in self._waits.items() if place.namespace == namespace and text), ""
        )

    def missing(self, made_from: str) -> str:
        """Why the Secret that a Cluster is made from cannot be read here; empty where it can, or is gone."""
        place = discovered.namespace(made_from)
        if not place or self.get(made_from) is not None:
            return ""
        if not self.follows(place):
            return (
                f"it was discovered as Secret {made_from}, and the hub runs without --discover for that namespace: "
                "name it again, or remove the Cluster"
            )
        trouble = self.trouble(place)
        return trouble and (
            f"it was discovered as Secret {made_from}, and the Secrets there cannot be listed ({trouble}): "
            "'fleethub install --discover' grants that"
        )

    async def follow(self) -> None:
        """Watch for ever."""
        async with asyncio.TaskGroup() as group:
            for place in self._places:
                group.create_task(self._follow(place))
            group.create_task(asyncio.Event().wait())  # with no place too

    async def _follow(self, place: Place) -> None:
        stream = watch.follow(
            self._door, SECRETS, place.namespace, selector=place.selector, whole=True, clock=self._clock
        )
        held = self._secrets[place]
        async for event in stream:
            match event:
                case watch.Listed(items, _):
                    present = {discovered.key(item.object) for item in items if item.object is not None}
                    self._waits.pop(place, None)
                    for item in items:
                        self._saw(place, item.object)
                    for key in [key for key in held if key not in present]:
                        self._put(place, key, None)
                    self.listed()
                case watch.Seen(_, body):
                    self._saw(place, body)
                case watch.Gone(meta):
                    self._put(place, f"{meta.ref.namespace}/{meta.ref.name}", None)
                case watch.Silent(reason):
                    # What was listed stays true until something else is heard.
                    if place in self._waits and self._waits[place] != reason:
                        self._waits[place] = reason
                        self.silent(place, reason)
                        self.listed()

    def _saw(self, place: Place, body: Secret | None) -> None:
        if body is not None:
            counts = discovered.is_registration(place.form, body)
            self._put(place, discovered.key(body), body if counts else None)

    def _put(self, place: Place, key: str, body: Secret | None) -> None:
        held = self._secrets[place]
        before = held.get(key)
        if body is not None:
            held[key] = body
        else:
            held.pop(key, None)
        if before is not None or body is not None:
            self.changed(key, before, body)
