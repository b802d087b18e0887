"""``fleethub uninstall``: the hub goes from its cluster; what runs on the members stays, or is withdrawn first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import errors
from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.cli.objects import At
    from fleet.cli.session import Session

# What every namespace has by itself.
_GIVEN: Final = (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"))


@click.command()
@click.option(
    "--members",
    type=click.Choice(["leave", "clean"]),
    default="leave",
    show_default=True,
    help="Leave what runs on the members as it is, or have the hub withdraw all of it first.",
)
@click.option(
    "--crds",
    is_flag=True,
    help="Remove the kinds too, with every Application, Cluster and Project that is left.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@timeout_option("10m")
@hub_options
def uninstall(hub: Hub, members: str, crds: bool, yes: bool, timeout: float) -> int:  # noqa: FBT001 (click's options)
    """Take fleethub off its own cluster: what 'install' made there goes, and nothing else.

    Applications, Clusters and Projects, registrations and sealing keys stay, so that 'install' goes on where this ended;
    with --crds the first three go, without anything being withdrawn. The kinds go too where none of them is left,
    and the namespace where it is empty. With --members clean the hub must run, and withdraws everything from
    every cluster first; nothing is removed before that has ended.
    """
    import sys  # noqa: PLC0415

    from fleet.cli.session import run  # noqa: PLC0415

    fate = "is deleted" if members == "clean" else "stays as it is"
    rest = " The kinds go, with all their objects." if crds else ""
    if not yes:
        if not sys.stdin.isatty():
            raise errors.CliError("uninstall asks, and nobody is there to answer", hint="Give --yes")
        click.confirm(
            f"Remove fleethub from this cluster? What it put on the members {fate}.{rest}",
            abort=True,
            err=True,
        )

    async def verb(session: Session) -> int:
        if members == "clean":
            await _clean(session, timeout)
        await _stop(session, timeout)
        await _remove(session, crds=crds)
        return errors.DONE

    return run(verb, hub)


async def _clean(session: Session, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Have everything withdrawn from every cluster; raises before anything is removed where that does not end."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.cluster.remove import cleaned  # noqa: PLC0415

    for body in await objects.listed(session.send, names.CLUSTER, session.hub.hub_namespace):
        name = body["metadata"]["name"]
        click.echo(f"Cleaning {name}")
        await cleaned(session, name, timeout)


async def _stop(session: Session, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Remove the Deployment and wait until no process is active: one that is would take deletions for wishes."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415

    place = session.hub.hub_namespace
    ours = objects.At("Deployment", place, names.PRODUCT)
    if await _made(session, ours) and await objects.delete(session.send, ours):
        click.echo(f"Removed {ours}")
    at = objects.At(objects.LEASE, place, names.HUB_LEASE)
    seen: dict[str, Any] = {}

    async def look() -> waiting.Look:
        import time  # noqa: PLC0415

        lease = await objects.find(session.send, at)
        spec = (lease or {}).get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if lease is None or not holder:
            return waiting.Look(done=True, lines=())
        version = lease["metadata"]["resourceVersion"]
        if seen.get("version") != version:
            seen.update(version=version, since=time.monotonic())
        dead = time.monotonic() - seen["since"] > float(spec.get("leaseDurationSeconds") or 15)
        return waiting.Look(done=dead, lines=(f"the hub {holder} is active: stop it",))

    await waiting.until(look, timeout=timeout, what="no hub runs")


async def _remove(session: Session, *, crds: bool) -> None:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415

    place = session.hub.hub_namespace
    kept = await _objects(session, crds=crds)
    for at in _installed(place):
        if await _made(session, at) and await objects.delete(session.send, at):
            click.echo(f"Removed {at}")
    if kept:
        click.echo(f"The kinds stay, since there are {', '.join(kept)}. --crds removes them with these.")
    else:
        for plural in names.PLURALS.values():
            at = objects.At("CustomResourceDefinition", "", f"{plural}.{names.GROUP}")
            if await objects.delete(session.send, at):
                click.echo(f"Removed {at}")
    left = [at async for at in _left(session, place)]
    if left:
        named = ", ".join(f"{at.kind} {at.name}" for at in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""  # noqa: PLR2004
        click.echo(
            f"Namespace {place} stays: it holds {named}{more}. 'kubectl delete namespace {place}' removes all of it; "
            "sealing keys that are not backed up are lost then."
        )
        return
    at = objects.At("Namespace", "", place)
    if await _made(session, at) and await objects.delete(session.send, at):
        click.echo(f"Removed {at}")


async def _objects(session: Session, *, crds: bool) -> list[str]:
    """What is left of the hub's kinds, in words; with ``crds`` all of it is removed, and nothing is withdrawn for it."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.errors import KindUnknown  # noqa: PLC0415
    from fleet.projects import default  # noqa: PLC0415

    place = session.hub.hub_namespace
    found: dict[str, list[At]] = {}
    for kind in names.HUB_KINDS:
        try:
            bodies = await objects.listed(session.send, kind, None)
        except KindUnknown:
            continue
        for body in bodies:
            metadata = body["metadata"]
            at = objects.At(kind, metadata["namespace"], metadata["name"])
            if (
                at == (names.PROJECT, place, names.DEFAULT_PROJECT)
                and body["spec"] == default.manifest(place)["spec"]
            ):
                continue  # as install made it
            found.setdefault(kind, []).append(at)
            if crds and metadata.get("finalizers"):
                # It stands for what is on the members, which is left.
                await objects.patch(session.send, at, {"metadata": {"finalizers": None}})
    if not crds:
        if names.APPLICATION not in found and names.CLUSTER not in found and names.PROJECT not in found:
            return []
        return [f"{len(ats)} {kind}{'s' if len(ats) > 1 else ''}" for kind, ats in found.items()]
    for ats in found.values():
        for at in ats:
            if await objects.delete(session.send, at):
                click.echo(f"Removed {at}")
    return []


def _installed(place: str) -> Iterator[At]:
    """What install makes, last first, but for the kinds, the namespace and what runs the hub."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import hub_base, hub_objects, objects  # noqa: PLC0415
    from fleet.cli.cluster import own  # noqa: PLC0415

    bodies = [*hub_base.manifests(place, "any"), hub_objects.token(place, ""), *own.account()]
    for body in reversed(bodies):
        at = objects.At(body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])
        if at.kind != "CustomResourceDefinition" and at != ("Namespace", "", place):
            yield at
    yield objects.At(objects.LEASE, place, names.HUB_LEASE)


async def _made(session: Session, at: At) -> bool:
    """Whether it is there and is ours: by its label, or by a name that nobody else uses."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import hub_objects, objects  # noqa: PLC0415

    body = await objects.find(session.send, at)
    if body is None:
        return False
    if at.name == names.HUB_LEASE:
        return True
    if at == ("Namespace", "", names.SELF_NAMESPACE) and await objects.listed(
        session.send, objects.CONFIG_MAP, names.SELF_NAMESPACE, names.APPLYSET_ID
    ):
        return False  # the inventory of what stays
    labels = body["metadata"].get("labels") or {}
    return hub_objects.LABELS.items() <= labels.items()


async def _left(session: Session, place: str) -> Any:
    """What the namespace holds that nobody but people, or the hub for them, put there."""
    from fleet.cli import objects  # noqa: PLC0415

    for kind in (*_KINDS, objects.SECRET, objects.CONFIG_MAP):
        for body in await objects.listed(session.send, kind, place):
            at = objects.At(kind, place, body["metadata"]["name"])
            if (kind, at.name) not in _GIVEN:
                yield at


_KINDS: Final = ("Deployment", "Service", "ServiceAccount")
