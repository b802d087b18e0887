"""Clusters that Secrets stand for: one labelled ``cluster`` makes a Cluster of its name, the hub's to write and to remove.

Contract: a Secret's key is its name, or NAMESPACE/NAME where another tool keeps it (`Discovered`). What cannot be used is
told in ``errors``, and on a Secret of another tool by ``refused``: the Secret, its UID, a reason and words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from fleet import names
from fleet.api.cluster import Cluster
from fleet.clock import Clock
from fleet.clusters import discovered, forms, registration
from fleet.clusters.kubeconfig import Allowed
from fleet.errors import FleetError, NotFound, RegistrationError
from fleet.kube import paths
from fleet.kube.client import Door
from fleet.mailbox import Mailbox
from fleet.model import ApplicationKey, ObjectRef
from fleet.world.discovered import Discovered
from fleet.world.objects import Known, World
from fleet.world.resources import HUB_RESOURCES

MANAGER: Final = names.REGISTRATION_MANAGER
RETRY: Final = 5.0


class Held(NamedTuple):
    """What the registrations hold and go on changing: their own Secrets, other tools', and what is wrong with which."""

    own: Mapping[str, Mapping[str, Any]]
    elsewhere: Discovered
    errors: dict[str, str]


class Shorthands:
    """See the module."""

    def __init__(
        self, door: Door, world: World, namespace: str, allow: Allowed, clock: Clock, held: Held
    ) -> None:
        self._door = door
        self._world = world
        self._namespace = namespace
        self._allow = allow
        self._clock = clock
        self._held = held
        self._writes = Mailbox[str, None](clock)
        # Clusters whose Secret said more before, which their own fields do not show.
        self.lost: set[str] = set()
        self.refused: Callable[[ObjectRef, str, str, str], None] = lambda *_: None

    def put(self, name: str) -> None:
        """Have the Cluster of this name looked at."""
        self._writes.put(name, None)

    async def write(self) -> None:
        """Make and remove the Clusters that labelled Secrets stand for, for ever."""
        while True:
            claim = await self._writes.take()
            try:
                await self._make(claim.key)
            except FleetError:
                self._writes.put(claim.key, None, not_before=self._clock.boottime() + RETRY)
            finally:
                self._writes.done(claim)

    def secret(self, key: str) -> Mapping[str, Any] | None:
        """The Secret of this key, wherever it is kept."""
        return self._held.elsewhere.get(key) if discovered.namespace(key) else self._held.own.get(key)

    def named(self) -> Iterator[tuple[str, str]]:
        """The Secrets that make Clusters: the Cluster's name and the Secret's key; our own come first."""
        own = {key: body for key, body in self._held.own.items() if _type(body) == names.SECRET_CLUSTER}
        for held in (own, self._held.elsewhere.all()):
            for key, body in sorted(held.items()):
                try:
                    yield registration.shorthand_name(body), key
                except RegistrationError as error:
                    self._held.errors[key] = error.text

    def of(self, name: str) -> list[str]:
        """The keys of the Secrets that make the Cluster of this name; the first counts."""
        return [key for found, key in self.named() if found == name]

    async def _make(self, name: str) -> None:
        """Make the Cluster of ``name`` equal to what its Secret says; nothing where it is declared."""
        key = ApplicationKey(self._namespace, name)
        known = self._world.clusters.get(key)
        secrets = self.of(name)
        declared = known is not None and names.MADE_FROM not in known.annotations
        for secret in secrets:
            if declared:
                self._held.errors[secret] = f"a Cluster {name} is declared already; this Secret is not used"
        if declared:
            return
        ref = ObjectRef(names.GROUP, names.CLUSTER, self._namespace, name)
        if not secrets:
            place = discovered.namespace(known.annotations.get(names.MADE_FROM, "")) if known else ""
            if place and not self._held.elsewhere.knows(place):
                return  # what is not known is not gone
            if known is not None and not known.deleting:
                try:
                    await self._door.send(
                        paths.delete(HUB_RESOURCES[names.CLUSTER], ref, uid=known.uid, version=known.version)
                    )
                except NotFound:
                    return
            return
        for extra in secrets[1:]:
            self._held.errors[extra] = (
                f"Secret {secrets[0]} makes Cluster {name} already; this one is not used"
            )
        body = self._body(name, secrets, known)
        if body is not None:
            await self._door.send(
                paths.apply(HUB_RESOURCES[names.CLUSTER], ref, orjson.dumps(body), manager=MANAGER)
            )
        self.lost.discard(name)

    def _body(self, name: str, secrets: list[str], known: Known[Cluster] | None) -> dict[str, Any] | None:
        """The Cluster's body; None where it stands so already, or nothing says where its server is."""
        secret = secrets[0]
        found = self.secret(secret) or {}
        labels, annotations = self._facts(secrets)
        annotations[names.MADE_FROM] = secret
        scope = registration.WHOLE
        try:
            read = registration.read(name, None, found, allow=self._allow)
            server, scope = read.connection.server, read.scope
        except RegistrationError as error:
            server = ""
            if known is not None and known.model is not None and known.model.spec.namespaces is not None:
                scope = registration.Scope(
                    known.model.spec.namespaces
                )  # it cannot be told that it is another
            if discovered.namespace(secret):
                self._refuse(secret, found, error)
                server = forms.server(_data(found))
                if not server:
                    return None
        if known is not None and known.model is not None:
            cluster = known.model
            stands = (
                labels.items() <= dict(cluster.metadata.labels).items()
                and annotations.items() <= dict(cluster.metadata.annotations).items()
                and (not server or cluster.spec.server == server)
                and cluster.spec.namespaces == scope.namespaces
            )
            if stands and name not in self.lost:
                return None
            server = server or cluster.spec.server or ""
        return registration.made_cluster(
            (self._namespace, name), (labels, annotations), server, secret, scope
        )

    def _facts(self, secrets: list[str]) -> tuple[dict[str, str], dict[str, str]]:
        """The labels and annotations of a Cluster: those of its Secret, above those of another tool's for the same."""
        labels: dict[str, str] = {}
        annotations: dict[str, str] = {}
        beside = [one for one in secrets[1:] if discovered.namespace(one)] if "/" not in secrets[0] else []
        for secret in (*beside[:1], secrets[0]):
            own = registration.facts(self.secret(secret) or {})
            labels |= own[0]
            annotations |= own[1]
        return labels, annotations

    def _refuse(self, secret: str, body: Mapping[str, Any], error: RegistrationError) -> None:
        """Tell on the Secret itself that the hub cannot use it, once."""
        if self._held.errors.get(secret) == error.text:
            return
        self._held.errors[secret] = error.text
        place, _, plain = secret.partition("/")
        ref = ObjectRef("", "Secret", place, plain)
        self.refused(ref, str((body.get("metadata") or {}).get("uid", "")), error.reason, error.text)


def _data(body: Mapping[str, Any]) -> Mapping[str, bytes]:
    try:
        return forms.data(body)
    except RegistrationError:
        return {}


def _type(body: Mapping[str, Any]) -> str:
    return str((body["metadata"].get("labels") or {}).get(names.SECRET_TYPE, ""))
