"""Registrations and credentials: an own watch of the labelled Secrets of the hub's namespace.

Contract: only Secrets of the hub's own namespace count (H21), and of those only the labelled ones are read.
Their content stays here; others get a Registration, a Credential or the words of an error. A Secret that is
labelled ``cluster`` makes a Cluster of its name, which is this owner's to write and to remove. So does one that
another tool keeps in a namespace named to the hub (`Discovered`); where both are of one name, the hub's own counts and
the other's labels and annotations stand below its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from fleet import names
from fleet.api.cluster import Cluster
from fleet.clock import Clock
from fleet.clusters import discovered, registration
from fleet.clusters.kubeconfig import Allowed
from fleet.clusters.registration import Registration
from fleet.errors import Conflict, RegistrationError
from fleet.git import credentials
from fleet.git.credentials import Credential, Unusable
from fleet.kube import watch
from fleet.kube.client import Door
from fleet.kube.request import Request
from fleet.model import ApplicationKey, ObjectRef
from fleet.world.discovered import Discovered
from fleet.world.objects import World
from fleet.world.resources import SECRETS
from fleet.world.shorthands import MANAGER, Held, Shorthands

SELECTOR: Final = f"{names.SECRET_TYPE} in ({','.join(names.SECRET_TYPES)})"


class Registrations:
    """See the module. ``changed_cluster`` and ``changed_repository`` are called after each change.

    ``refused`` is told the Secret, its UID, a reason and words where a repository Secret cannot be used.
    """

    def __init__(
        self,
        door: Door,
        world: World,
        namespace: str,
        allow: Allowed,
        clock: Clock,
        elsewhere: Discovered,
    ) -> None:
        self._door = door
        self._elsewhere = elsewhere
        self._world = world
        self._namespace = namespace
        self._allow = allow
        self._clock = clock
        self._secrets: dict[str, Mapping[str, Any]] = {}
        self._credentials: dict[str, Credential] = {}
        self._unusable: dict[str, Unusable] = {}
        self._errors: dict[str, str] = {}
        self._shorthands = Shorthands(
            door, world, namespace, allow, clock, Held(self._secrets, elsewhere, self._errors)
        )
        self.complete = False
        self.changed_cluster: Callable[[str], None] = lambda _: None
        self.changed_repository: Callable[[], None] = lambda: None
        self.refused: Callable[[ObjectRef, str, str, str], None] = lambda *_: None
        self._shorthands.refused = self._refused
        elsewhere.changed = self._changed_elsewhere
        elsewhere.listed = self._all_clusters

    # --- what others ask ---------------------------------------------------------------------------------

    def registration(self, name: str) -> Registration:
        """How the cluster is reached. Raises RegistrationError in words for the Cluster's condition."""
        cluster, given, kept = self._sources(name)
        if cluster is not None and registration.made(cluster):
            if missing := self._elsewhere.missing(cluster.metadata.annotations.get(names.MADE_FROM, "")):
                raise RegistrationError(missing)
        elif cluster is not None:
            wanted = cluster.spec.credential.secret_ref.name if cluster.spec.credential is not None else ""
            self._check(name, wanted, given, kept)
        return registration.read(name, cluster, given, kept=kept, allow=self._allow)

    def decided(self, name: str) -> bool:
        """Whether what serves the cluster, or that nothing does, is known by now."""
        known = self._world.clusters.get(ApplicationKey(self._namespace, name))
        place = discovered.namespace(known.annotations.get(names.MADE_FROM, "")) if known is not None else ""
        if not place or not self._elsewhere.follows(place):
            return self.complete
        return self.complete and (self._elsewhere.knows(place) or bool(self._elsewhere.trouble(place)))

    def version(self, name: str) -> str:
        """The resourceVersion of the Secret that serves the cluster now; empty where none does."""
        _, given, kept = self._sources(name)
        found = registration.serving(given, kept, self._allow)
        return str(found["metadata"].get("resourceVersion", "")) if found is not None else ""

    def renewed(self, name: str) -> bool:
        """Whether what serves the cluster now is a token that the hub itself has got."""
        _, given, kept = self._sources(name)
        found = registration.serving(given, kept, self._allow)
        return found is not None and registration.wrote_token(found, MANAGER)

    def rotated(self, name: str) -> str:
        """The request for a new token that NAME-token answers; empty for none."""
        kept = self._secrets.get(f"{name}{registration.TOKEN_SUFFIX}")
        return str(_annotations(kept).get(names.ROTATE, ""))

    def credentials(self) -> tuple[Credential, ...]:
        """All repository credentials that read."""
        return tuple(self._credentials.values())

    def openers(self) -> tuple[Credential | Unusable, ...]:
        """The same, and what stands for those that do not read."""
        return (*self._credentials.values(), *self._unusable.values())

    def errors(self) -> Mapping[str, str]:
        """Secrets that cannot be used, by name, and why."""
        return dict(self._errors)

    # --- what others ask for ------------------------------------------------------------------------------

    def keepable(self, name: str) -> None:
        """Raise RegistrationError where a new token could not be kept, before one is asked for."""
        _, given, _ = self._sources(name)
        secret = f"{name}{registration.TOKEN_SUFFIX}"
        present = self._secrets.get(secret)
        if present is None:
            return
        if _type(present) != names.SECRET_CREDENTIAL:
            raise RegistrationError(
                f"Secret {secret} is labelled {names.SECRET_TYPE}: {_type(present)}, and the hub keeps the cluster's "
                "token under that name: rename it"
            )
        if names.APPLYSET_PART_OF in (present["metadata"].get("labels") or {}):
            raise RegistrationError(
                f"Secret {secret} comes from Git, so that the hub cannot keep a new token there: name it otherwise "
                "and name it in spec.credential"
            )
        if (given is None or given is present) and "token" not in (present.get("data") or {}):
            raise RegistrationError(
                f"Secret {secret} holds a registration in another form, and the hub keeps a new token under that "
                "name: name it otherwise and name it in spec.credential"
            )

    async def keep(self, name: str, token: str, word: str = "") -> None:
        """Write a cluster's new token into NAME-token, by one write; from then on it serves.

        ``word`` is the request that it answers. Conflict where somebody wrote the Secret meanwhile.
        """
        self.keepable(name)
        _, given, _ = self._sources(name)
        secret = f"{name}{registration.TOKEN_SUFFIX}"
        present = self._secrets.get(secret)
        alone = given is None or given is present
        body = registration.keeping((self._namespace, secret), token, word, present, alone=alone)
        path = f"/api/v1/namespaces/{self._namespace}/secrets"
        verb, path = ("POST", path) if present is None else ("PUT", f"{path}/{secret}")
        query = (("fieldManager", MANAGER),)
        try:
            answer = await self._door.send(Request(verb, path, query=query, body=orjson.dumps(body)))
        except Conflict:
            if present is not None:
                raise
            raise RegistrationError(
                f"there is a Secret {secret} already that is labelled as no credential, and the hub keeps the "
                "cluster's token under that name: rename it"
            ) from None
        written = orjson.loads(answer.body)
        self._saw(written, orjson.dumps(written["metadata"].get("managedFields") or []))

    # --- life --------------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Watch the Secrets for ever."""
        stream = watch.follow(
            self._door, SECRETS, self._namespace, selector=SELECTOR, whole=True, clock=self._clock
        )
        async for event in stream:
            match event:
                case watch.Listed(items, _):
                    present = {item.meta.ref.name for item in items}
                    for item in items:
                        self._saw(item.object, item.meta.fields)
                    for name in [name for name in self._secrets if name not in present]:
                        self._gone(name)
                    self.complete = True
                    self._all_clusters()
                case watch.Seen(meta, body):
                    self._saw(body, meta.fields)
                case watch.Gone(meta):
                    self._gone(meta.ref.name)
                case watch.Silent():
                    pass

    async def write(self) -> None:
        """Make and remove the Clusters that labelled Secrets stand for, for ever."""
        await self._shorthands.write()

    def cluster_changed(self, name: str) -> None:
        """A Cluster came, changed or went: its shorthand may have to be made, or is an error now."""
        if self.complete and self._world.complete:
            self._shorthands.put(name)

    def lifted(self) -> None:
        """The World is complete: what could not be decided before can be now."""
        self._all_clusters()

    # --- inside ------------------------------------------------------------------------------------------

    def _refused(self, ref: ObjectRef, uid: str, reason: str, text: str) -> None:
        self.refused(ref, uid, reason, text)  # whoever is told is named after this was made

    def _changed_elsewhere(
        self, key: str, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None
    ) -> None:
        if before is not None and now is not None and _content(before) == _content(now):
            return
        self._errors.pop(key, None)
        found = {
            one.name
            for one, known in self._world.clusters.items()
            if one.namespace == self._namespace and known.annotations.get(names.MADE_FROM) == key
        }
        for body in (before, now):
            if body is not None:
                try:
                    found.add(registration.shorthand_name(body))
                except RegistrationError as error:
                    self._errors[key] = error.text
        self._compare(found, before or {}, now)
        for name in found:
            self.cluster_changed(name)
            self.changed_cluster(name)

    def _compare(self, clusters: set[str], before: Mapping[str, Any], now: Mapping[str, Any] | None) -> None:
        if registration.facts(before) != registration.facts(now or {}):
            self._shorthands.lost |= clusters

    def _sources(
        self, name: str
    ) -> tuple[Cluster | None, Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """The Cluster, the Secret that a person or Git gave for it, and the hub's own NAME-token."""
        known = self._world.clusters.get(ApplicationKey(self._namespace, name))
        cluster = known.model if known is not None else None
        given = None
        if cluster is not None and registration.made(cluster):
            given = self._shorthands.secret(cluster.metadata.annotations.get(names.MADE_FROM, ""))
        elif cluster is not None and cluster.spec.credential is not None:
            given = self._secrets.get(cluster.spec.credential.secret_ref.name)
        kept = self._secrets.get(f"{name}{registration.TOKEN_SUFFIX}")
        return cluster, given, kept if _type(kept) == names.SECRET_CREDENTIAL and kept is not given else None

    def _check(
        self, name: str, wanted: str, given: Mapping[str, Any] | None, kept: Mapping[str, Any] | None
    ) -> None:
        """Raise what is the matter with the credential of a declared Cluster."""
        if wanted and given is None:
            raise RegistrationError(
                f"there is no Secret {wanted} with the label {names.SECRET_TYPE}: {names.SECRET_CREDENTIAL}"
            )
        if given is not None and _type(given) != names.SECRET_CREDENTIAL:
            raise RegistrationError(
                f"Secret {wanted} is labelled {names.SECRET_TYPE}: {_type(given)}; a Cluster's credential is "
                f"labelled {names.SECRET_CREDENTIAL}"
            )
        shorthands = self._shorthands.of(name)
        if given is None and kept is None and shorthands:
            raise RegistrationError(
                f"Secret {shorthands[0]} is labelled as a cluster of this name, which is declared already: label "
                f"it {names.SECRET_TYPE}: {names.SECRET_CREDENTIAL} and name it in spec.credential"
            )

    def _saw(self, body: Mapping[str, Any] | None, fields: bytes) -> None:
        if body is None:
            return
        name = body["metadata"]["name"]
        # Which of two credentials is the newer is told by when their content was written.
        body = {**body, "metadata": {**body["metadata"], "managedFields": orjson.loads(fields)}}
        before = self._secrets.get(name)
        if before is not None and _content(before) == _content(body):
            self._secrets[name] = body
            return
        self._secrets[name] = body
        self._errors.pop(name, None)
        self._touch(name, before)
        if before is not None and _type(before) == names.SECRET_REPOSITORY:
            self._credentials.pop(name, None)
            self._unusable.pop(name, None)
        if _type(body) == names.SECRET_REPOSITORY:
            self._read(name, body)
        if names.SECRET_REPOSITORY in (_type(body), _type(before)):
            self.changed_repository()

    def _gone(self, name: str) -> None:
        before = self._secrets.pop(name, None)
        self._errors.pop(name, None)
        found = (self._credentials.pop(name, None), self._unusable.pop(name, None))
        if found != (None, None):
            self.changed_repository()
        if before is not None:
            self._touch(name, before)

    def _read(self, name: str, body: Mapping[str, Any]) -> None:
        """Read a repository Secret; what is wrong is told on itself, and to whoever uses its URLs."""
        try:
            self._credentials[name] = credentials.read(body)
        except RegistrationError as error:
            self._credentials.pop(name, None)
            text = self._errors[name] = credentials.told(error, name)
            unusable = credentials.unusable(body, error, name)
            if unusable is not None:
                self._unusable[name] = unusable
            ref = ObjectRef("", "Secret", self._namespace, name)
            self.refused(ref, str(body["metadata"].get("uid", "")), error.reason, text)

    def _touch(self, name: str, before: Mapping[str, Any] | None) -> None:
        """Wake the clusters that the Secret serves, or served."""
        found = {name.removesuffix(registration.TOKEN_SUFFIX)}
        for body in (before, self._secrets.get(name)):
            if body is not None and _type(body) == names.SECRET_CLUSTER:
                try:
                    found.add(registration.shorthand_name(body))
                except RegistrationError as error:
                    self._errors[name] = error.text
        for key, known in self._world.clusters.items():
            cluster = known.model
            if key.namespace != self._namespace or cluster is None:
                continue
            credential = cluster.spec.credential
            if (credential is not None and credential.secret_ref.name == name) or (
                cluster.metadata.annotations.get(names.MADE_FROM) == name
            ):
                found.add(key.name)
        if before is not None:
            self._compare(found, before, self._secrets.get(name))
        for cluster_name in found:
            self.cluster_changed(cluster_name)
            self.changed_cluster(cluster_name)

    def _all_clusters(self) -> None:
        found = {key.name for key in self._world.clusters if key.namespace == self._namespace}
        for name in found | {name for name, _ in self._shorthands.named()}:
            self.cluster_changed(name)
            self.changed_cluster(name)


def _type(body: Mapping[str, Any] | None) -> str:
    labels = (body or {}).get("metadata", {}).get("labels") or {}
    return str(labels.get(names.SECRET_TYPE, ""))


def _annotations(body: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (body or {}).get("metadata", {}).get("annotations") or {}


def _content(body: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = body["metadata"]
    return body.get("data"), metadata.get("labels"), metadata.get("annotations"), metadata.get("uid")
