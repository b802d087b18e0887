"""What ``fleethub uninstall`` removes, and what it leaves: the objects of an installation, one after the other.

Contract: no hub is active while this runs, and none becomes so (``Stopped`` holds the hub's Lease): one that is would take a
deletion for a wish, and clear the members. Again is safe, and goes on. The namespace goes where nothing is left in it
but what each namespace has.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import click

from fleet import names
from fleet.cli import hub_base, hub_objects, objects, waiting
from fleet.cli.cluster import own
from fleet.cli.objects import At
from fleet.errors import Conflict, FleetError, KindUnknown, NotFound
from fleet.kube import discovery, listing
from fleet.projects import default

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    from fleet.cli.session import Session

HOLDER: Final = "fleethub uninstall"
LASTS: Final = 300  # seconds that a Lease is held by one that was killed meanwhile
# What every namespace has by itself, and what is made of others' objects, or of what was removed just now.
_GIVEN: Final = (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"))
_DERIVED: Final = ("Event", "Endpoints", "EndpointSlice", "PodMetrics", "PackageManifest")


class Stopped:
    """The hub's Lease, held so that no process is the hub, from the moment that none is."""

    def __init__(self, session: Session, timeout: float) -> None:
        self._session = session
        self._timeout = timeout
        self._at = At(objects.LEASE, session.hub.hub_namespace, names.HUB_LEASE)
        self._seen: tuple[str, float] = ("", 0.0)

    async def __aenter__(self) -> None:
        """Wait until no process is active, and take its place."""
        await waiting.until(self._look, timeout=self._timeout, what="no hub runs")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it up: what has not been removed may go on."""
        with contextlib.suppress(FleetError):
            lease = await objects.find(self._session.send, self._at)
            if lease is not None and (lease.get("spec") or {}).get("holderIdentity") == HOLDER:
                await objects.delete(self._session.send, self._at)

    async def _look(self) -> waiting.Look:
        lease = await objects.find(self._session.send, self._at)
        spec = (lease or {}).get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if lease is not None and holder not in ("", HOLDER):
            version = lease["metadata"]["resourceVersion"]
            if self._seen[0] != version:
                self._seen = (version, time.monotonic())
            if time.monotonic() - self._seen[1] <= float(spec.get("leaseDurationSeconds") or 15):
                return waiting.Look(done=False, lines=(f"the hub {holder} is active: stop it",))
        taken = await self._take(lease)
        return waiting.Look(done=taken, lines=() if taken else ("another process of the hub takes over",))

    async def _take(self, lease: dict[str, Any] | None) -> bool:
        """Write the Lease as it was seen; False where somebody was faster."""
        _, namespace, name = self._at
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": objects.LEASE,
            "metadata": lease["metadata"] if lease is not None else {"namespace": namespace, "name": name},
            "spec": {"holderIdentity": HOLDER, "leaseDurationSeconds": LASTS},
        }
        try:
            if lease is None:
                return await objects.create(self._session.send, body)
            await objects.replace(self._session.send, body)
        except Conflict:
            return False
        except NotFound:  # the namespace is not there, or the Lease is not any more
            return lease is None
        return True


async def workload(session: Session) -> None:
    """Remove what runs the hub as Pods."""
    ours = At("Deployment", session.hub.hub_namespace, names.PRODUCT)
    if await _made(session, ours):
        await _delete(session, ours)


async def remove(session: Session, *, crds: bool) -> None:
    """Remove the rest; with ``crds`` the kinds with all their objects, and nothing is withdrawn for it."""
    place = session.hub.hub_namespace
    kept = await _objects(session, crds=crds)
    for at in [at async for at in _discoveries(session)]:
        await _delete(session, at)
    for at in _installed(place):
        if await _made(session, at):
            await _delete(session, at)
    if kept:
        click.echo(f"The kinds stay, since there are {', '.join(kept)}. --crds removes them with these.")
    else:
        for plural in names.PLURALS.values():
            await _delete(session, At("CustomResourceDefinition", "", f"{plural}.{names.GROUP}"))
    await _delete(session, At(objects.LEASE, place, names.HUB_LEASE))
    left = [at async for at in _left(session, place, without=None if kept else names.GROUP)]
    if left:
        named = ", ".join(f"{at.kind} {at.name}" for at in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""  # noqa: PLR2004
        click.echo(
            f"Namespace {place} stays: it holds {named}{more}. 'kubectl delete namespace {place}' removes all of it; "
            "sealing keys that are not backed up are lost then."
        )
        return
    at = At("Namespace", "", place)
    if await _made(session, at):
        await _delete(session, at)


async def called_off(session: Session) -> None:
    """Take back what asked the hub to withdraw everything from the Clusters that stay."""
    try:
        clusters = await objects.listed(session.send, names.CLUSTER, session.hub.hub_namespace)
    except KindUnknown:
        return
    for body in clusters:
        if names.CLEAN in (body["metadata"].get("annotations") or {}):
            at = At(names.CLUSTER, session.hub.hub_namespace, body["metadata"]["name"])
            await objects.annotate(session.send, at, {names.CLEAN: None})


async def _delete(session: Session, at: At) -> None:
    if await objects.delete(session.send, at):
        click.echo(f"Removed {at}")


async def _objects(session: Session, *, crds: bool) -> list[str]:
    """What is left of the hub's kinds, in words; with ``crds`` all of it is removed."""
    place = session.hub.hub_namespace
    found: dict[str, list[At]] = {}
    for kind in names.HUB_KINDS:
        try:
            bodies = await objects.listed(session.send, kind, None)
        except KindUnknown:
            continue
        for body in bodies:
            metadata = body["metadata"]
            at = At(kind, metadata["namespace"], metadata["name"])
            if (
                at == (names.PROJECT, place, names.DEFAULT_PROJECT)
                and body["spec"] == default.manifest(place)["spec"]
            ):
                continue  # as install made it
            found.setdefault(kind, []).append(at)
            held = metadata.get("finalizers") or []
            if crds and names.FINALIZER in held:
                # It stands for what is on the members, which is left.
                rest = [one for one in held if one != names.FINALIZER]
                await objects.patch(session.send, at, {"metadata": {"finalizers": rest}})
    if not crds:
        return [f"{len(ats)} {kind}{'s' if len(ats) > 1 else ''}" for kind, ats in found.items()]
    for ats in found.values():
        for at in ats:
            await _delete(session, at)
    return []


async def _discoveries(session: Session) -> AsyncIterator[At]:
    """What let the hub list the Secrets of other namespaces, bindings first."""
    selector = ",".join(f"{key}={value}" for key, value in hub_objects.LABELS.items())
    for kind in ("RoleBinding", "Role"):
        for body in await objects.listed(session.send, kind, None, selector):
            metadata = body["metadata"]
            if metadata["name"] == hub_objects.DISCOVERY:
                yield At(kind, metadata["namespace"], metadata["name"])


def _installed(place: str) -> Iterator[At]:
    """What install makes, last first, but for the kinds, the namespace and what runs the hub."""
    bodies = [*hub_base.manifests(place, "any"), hub_objects.token(place, ""), *own.account()]
    for body in reversed(bodies):
        at = At(body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])
        if at.kind != "CustomResourceDefinition" and at != ("Namespace", "", place):
            yield at


async def _made(session: Session, at: At) -> bool:
    """Whether it is there and is ours, by its labels."""
    body = await objects.find(session.send, at)
    if body is None:
        return False
    if at == ("Namespace", "", names.SELF_NAMESPACE) and await objects.listed(
        session.send, objects.CONFIG_MAP, names.SELF_NAMESPACE, names.APPLYSET_ID
    ):
        return False  # the inventory of what stays
    return hub_objects.ours(body)


async def _left(session: Session, place: str, *, without: str | None) -> AsyncIterator[At]:
    """What the namespace holds, of any kind, that somebody put there and nobody is deleting.

    What cannot be looked at counts: whoever asks deletes all of it. ``without`` is the API group whose kinds were
    removed just now: their objects go with them, and until then may still be served, or not be readable.
    """
    served = await discovery.read(session.send)
    for group in sorted(served.stale - {without}):
        yield At("what is of", place, f"{group}, whose server does not answer")
    for several in served.kinds.values():
        kind = several[0]
        if not kind.namespaced or "list" not in kind.verbs or kind.kind in _DERIVED or kind.group == without:
            continue
        try:
            items = (await listing.read(session.send, kind, place)).items
        except NotFound:
            continue  # removed just now
        except FleetError as error:
            yield At(kind.kind, place, f"({error.text})")
            continue
        for meta in (item.meta for item in items):
            if not meta.deleting and not meta.owners and (kind.kind, meta.ref.name) not in _GIVEN:
                yield At(kind.kind, place, meta.ref.name)
