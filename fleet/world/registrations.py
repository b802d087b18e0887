"""Registrations and credentials: an own watch of the labelled Secrets of the hub's namespace.

Contract: only Secrets of the hub's own namespace count (H21), and of those only the labelled ones are read.
Their content stays here; others get a Registration, a Credential or the words of an error. A Secret that is
labelled ``cluster`` makes a Cluster of its name, which is this owner's to write and to remove. So does one that
another tool keeps in a namespace named to the hub (`Discovered`); where both are of one name, the hub's own counts and
the other's labels and annotations stand below its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from fleet import names
from fleet.api.cluster import Cluster
from fleet.clock import Clock
from fleet.clusters import discovered, forms, registration
from fleet.clusters.kubeconfig import Allowed
from fleet.clusters.registration import Registration
from fleet.errors import FleetError, NotFound, RegistrationError
from fleet.git import credentials
from fleet.git.credentials import Credential, Unusable
from fleet.kube import paths, watch
from fleet.kube.client import Door
from fleet.mailbox import Mailbox
from fleet.model import ApplicationKey, ObjectRef
from fleet.world.discovered import Discovered
from fleet.world.objects import Known, World
from fleet.world.resources import HUB_RESOURCES, SECRETS

SELECTOR: Final = f"{names.SECRET_TYPE} in ({','.join(names.SECRET_TYPES)})"
RETRY: Final = 5.0


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
        self._writes = Mailbox[str, None](clock)
        self._lost: set[str] = (
            set()
        )  # Clusters whose Secret said more before, which its own fields do not show
        self.complete = False
        self.changed_cluster: Callable[[str], None] = lambda _: None
        self.changed_repository: Callable[[], None] = lambda: None
        self.refused: Callable[[ObjectRef, str, str, str], None] = lambda *_: None
        elsewhere.changed = self._changed_elsewhere
        elsewhere.listed = self._all_clusters

    # --- what others ask ---------------------------------------------------------------------------------

    def registration(self, name: str) -> Registration:
        """How the cluster is reached. Raises RegistrationError in words for the Cluster's condition."""
        known = self._world.clusters.get(ApplicationKey(self._namespace, name))
        cluster = known.model if known is not None else None
        shorthands = self._shorthands(name)
        if cluster is not None and registration.made(cluster):
            made_from = cluster.metadata.annotations.get(names.MADE_FROM, "")
            if missing := self._elsewhere.missing(made_from):
                raise RegistrationError(missing)
            return registration.read(name, cluster, self._secret(made_from), allow=self._allow)
        given = None
        if cluster is not None and cluster.spec.credential is not None:
            wanted = cluster.spec.credential.secret_ref.name
            given = self._secrets.get(wanted)
            if given is None:
                raise RegistrationError(
                    f"there is no Secret {wanted} with the label "
                    f"{names.SECRET_TYPE}: {names.SECRET_CREDENTIAL}"
                )
            if _type(given) != names.SECRET_CREDENTIAL:
                raise RegistrationError(
                    f"Secret {wanted} is labelled {names.SECRET_TYPE}: {_type(given)}; a Cluster's credential is "
                    f"labelled {names.SECRET_CREDENTIAL}"
                )
        kept = self._secrets.get(f"{name}{registration.TOKEN_SUFFIX}")
        if given is None and kept is None and shorthands:
            raise RegistrationError(
                f"Secret {shorthands[0]} is labelled as a cluster of this name, which is declared already: label "
                f"it {names.SECRET_TYPE}: {names.SECRET_CREDENTIAL} and name it in spec.credential"
            )
        return registration.read(name, cluster, registration.serving(given, kept), allow=self._allow)

    def decided(self, name: str) -> bool:
        """Whether what serves the cluster, or that nothing does, is known by now."""
        known = self._world.clusters.get(ApplicationKey(self._namespace, name))
        place = discovered.namespace(known.annotations.get(names.MADE_FROM, "")) if known is not None else ""
        if not place or not self._elsewhere.follows(place):
            return self.complete
        return self.complete and (self._elsewhere.knows(place) or bool(self._elsewhere.trouble(place)))

    def version(self, name: str) -> str:
        """The resourceVersion of the Secret that serves the cluster now; empty where none does."""
        known = self._world.clusters.get(ApplicationKey(self._namespace, name))
        cluster = known.model if known is not None else None
        if cluster is not None and registration.made(cluster):
            found = self._secret(cluster.metadata.annotations.get(names.MADE_FROM, ""))
        else:
            given = None
            if cluster is not None and cluster.spec.credential is not None:
                given = self._secrets.get(cluster.spec.credential.secret_ref.name)
            found = registration.serving(given, self._secrets.get(f"{name}{registration.TOKEN_SUFFIX}"))
        return str(found["metadata"].get("resourceVersion", "")) if found is not None else ""

    def credentials(self) -> tuple[Credential, ...]:
        """All repository credentials that read."""
        return tuple(self._credentials.values())

    def openers(self) -> tuple[Credential | Unusable, ...]:
        """The same, and what stands for those that do not read."""
        return (*self._credentials.values(), *self._unusable.values())

    def errors(self) -> Mapping[str, str]:
        """Secrets that cannot be used, by name, and why."""
        return dict(self._errors)

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
        while True:
            claim = await self._writes.take()
            try:
                await self._make(claim.key)
            except FleetError:
                self._writes.put(claim.key, None, not_before=self._clock.boottime() + RETRY)
            finally:
                self._writes.done(claim)

    def cluster_changed(self, name: str) -> None:
        """A Cluster came, changed or went: its shorthand may have to be made, or is an error now."""
        if self.complete and self._world.complete:
            self._writes.put(name, None)

    def lifted(self) -> None:
        """The World is complete: what could not be decided before can be now."""
        self._all_clusters()

    # --- inside ------------------------------------------------------------------------------------------

    def _secret(self, key: str) -> Mapping[str, Any] | None:
        return self._elsewhere.get(key) if discovered.namespace(key) else self._secrets.get(key)

    def _changed_elsewhere(
        self, key: str, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None
    ) -> None:
        if before is not None and now is not None and _content(before) == _content(now):
            return
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
            self._lost |= clusters

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
        for name in found | {name for name, _ in self._named()}:
            self.cluster_changed(name)
            self.changed_cluster(name)

    def _named(self) -> Iterator[tuple[str, str]]:
        """The Secrets that make Clusters: the Cluster's name and the Secret's key; our own come first."""
        own = {key: body for key, body in self._secrets.items() if _type(body) == names.SECRET_CLUSTER}
        for held in (own, self._elsewhere.all()):
            for key, body in sorted(held.items()):
                try:
                    yield registration.shorthand_name(body), key
                except RegistrationError as error:
                    self._errors[key] = error.text

    def _shorthands(self, name: str) -> list[str]:
        return [key for found, key in self._named() if found == name]

    async def _make(self, name: str) -> None:
        """Make the Cluster of ``name`` equal to what its Secret says; nothing where it is declared."""
        key = ApplicationKey(self._namespace, name)
        known = self._world.clusters.get(key)
        secrets = self._shorthands(name)
        declared = known is not None and names.MADE_FROM not in known.annotations
        for secret in secrets:
            if declared:
                self._errors[secret] = f"a Cluster {name} is declared already; this Secret is not used"
        if declared:
            return
        ref = ObjectRef(names.GROUP, names.CLUSTER, self._namespace, name)
        if not secrets:
            place = discovered.namespace(known.annotations.get(names.MADE_FROM, "")) if known else ""
            if place and not self._elsewhere.knows(place):
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
            self._errors[extra] = f"Secret {secrets[0]} makes Cluster {name} already; this one is not used"
        body = self._body(name, secrets, known)
        if body is not None:
            await self._door.send(
                paths.apply(HUB_RESOURCES[names.CLUSTER], ref, orjson.dumps(body), manager=MANAGER)
            )
        self._lost.discard(name)

    def _body(self, name: str, secrets: list[str], known: Known[Cluster] | None) -> dict[str, Any] | None:
        """The Cluster's body; None where it stands so already, or nothing says where its server is."""
        secret = secrets[0]
        found = self._secret(secret) or {}
        labels, annotations = self._facts(secrets)
        annotations[names.MADE_FROM] = secret
        try:
            server = registration.read(name, None, found, allow=self._allow).connection.server
        except RegistrationError as error:
            server = ""
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
            )
            if stands and name not in self._lost:
                return None
            server = server or cluster.spec.server or ""
        return registration.made_cluster((self._namespace, name), (labels, annotations), server, secret)

    def _facts(self, secrets: list[str]) -> tuple[dict[str, str], dict[str, str]]:
        """The labels and annotations of a Cluster: those of its Secret, above those of another tool's for the same."""
        labels: dict[str, str] = {}
        annotations: dict[str, str] = {}
        beside = [one for one in secrets[1:] if discovered.namespace(one)] if "/" not in secrets[0] else []
        for secret in (*beside[:1], secrets[0]):
            own = registration.facts(self._secret(secret) or {})
            labels |= own[0]
            annotations |= own[1]
        return labels, annotations

    def _refuse(self, secret: str, body: Mapping[str, Any], error: RegistrationError) -> None:
        """Tell on the Secret itself that the hub cannot use it, once."""
        if self._errors.get(secret) == error.text:
            return
        self._errors[secret] = error.text
        place, _, plain = secret.partition("/")
        ref = ObjectRef("", "Secret", place, plain)
        self.refused(ref, str((body.get("metadata") or {}).get("uid", "")), error.reason, error.text)


MANAGER: Final = "fleethub-registrations"


def _data(body: Mapping[str, Any]) -> Mapping[str, bytes]:
    try:
        return forms.data(body)
    except RegistrationError:
        return {}


def _type(body: Mapping[str, Any] | None) -> str:
    labels = (body or {}).get("metadata", {}).get("labels") or {}
    return str(labels.get(names.SECRET_TYPE, ""))


def _content(body: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = body["metadata"]
    return body.get("data"), metadata.get("labels"), metadata.get("annotations"), metadata.get("uid")
