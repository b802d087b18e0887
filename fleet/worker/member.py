"""The parts of one live connection to a cluster.

Contract: a Member exists while a worker is connected and stays inside this room; it is made anew with each
connection, so that nothing remembered of an old one is ever believed. ``discovery`` and ``parents`` are
replaced whole, never changed in place by a reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from fleet import names
from fleet.clock import Clock
from fleet.kube.acting import Permit, acting
from fleet.kube.client import Client
from fleet.kube.request import Send
from fleet.model import Discovery, Resource, Target, TargetKey
from fleet.ownership.foreign import Hands
from fleet.sync.claims import Claims
from fleet.sync.parent import Parent
from fleet.worker.existence import Existence
from fleet.worker.ledger import Ledger
from fleet.worker.resolver import Nobody, Resolver
from fleet.worker.sightings import Sightings


@dataclass(slots=True)
class Identity:
    """What a cluster says of itself, and the key for digests that are written to it (H19)."""

    uid: str
    namespace: str  # where fleethub keeps its inventory there
    digest_key: bytes


@dataclass(slots=True)
class Member:
    """See the module."""

    name: str
    client: Client
    identity: Identity
    discovery: Discovery
    clock: Clock
    sightings: Sightings
    claims: Claims
    ledger: Ledger
    existence: Existence
    hands: Hands = field(default_factory=Hands)  # who writes by hand
    parents: dict[TargetKey, Parent] = field(default_factory=dict)
    # Sets of targets that exist and have not yet said what they want: nobody else may take their objects.
    silent: dict[str, TargetKey] = field(default_factory=dict)
    parents_listed: bool = False
    news: int = 0  # how often a kind was listed or a silent group answered: a pass may have gone without it
    discovered: float = 0.0  # boot time at which the reading of ``discovery`` began
    discovering: asyncio.Lock = field(default_factory=asyncio.Lock)
    doubt: asyncio.Event = field(default_factory=asyncio.Event)  # asks for a sign of life at once
    # Whether the walls that a target was planned with are still those that it has.
    stands: Callable[[Target], bool] = lambda _: True
    paused: Callable[[], bool] = lambda: False
    rediscovered: Callable[[], None] = lambda: None
    resolver: Resolver = field(default_factory=Nobody)
    namespaces: tuple[str, ...] | None = None  # those that the registration reaches; None: the whole cluster

    def within(self, resource: Resource) -> tuple[str | None, ...]:
        """The namespaces in which a kind is looked for; None among them: in all. None at all: it is not looked for.

        Of the hub's own cluster the hub may read no more than its own kinds, and its own namespace.
        """
        if self.name == names.HUB_CLUSTER and resource.group != names.GROUP:
            return (self.identity.namespace,)
        if self.namespaces is None:
            return (None,)
        return self.namespaces if resource.namespaced else ()

    def forget(self) -> None:
        """The connection is over: what was learnt by it goes now, whoever still holds this, an error's frames too."""
        self.sightings, self.claims = Sightings(), Claims(self.identity.namespace)
        self.parents, self.silent = {}, {}

    def may_hold(self, resource: Resource) -> bool:
        """Whether an object of this kind can be in a set here: in a root's, the hub's kinds and Secrets alone."""
        hub = resource.group == names.GROUP or (resource.group, resource.kind) == ("", "Secret")
        return hub or self.name != names.HUB_CLUSTER

    def door(self, target: Target, goes: Permit = lambda: True) -> Send:
        """How to write for a target: as the account of its Project, while its walls are what they were and nobody pauses.

        ``goes`` is one permission more.
        """
        return acting(
            self.client.send,
            target.policy.walls.account,
            lambda: self.stands(target) and not self.paused() and goes(),
        )

    def door_begun(self, target: Target) -> Send:
        """How to bring to its end what a pause must not leave half done."""
        return acting(self.client.send, target.policy.walls.account, lambda: self.stands(target))
