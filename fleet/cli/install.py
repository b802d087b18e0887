"""``fleethub install``: what a cluster needs to be the hub. Again is safe, and is the way to upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options, pair, timeout_option

if TYPE_CHECKING:
    from fleet.cli.objects import At
    from fleet.cli.session import Session


@click.command()
@click.option(
    "--image", metavar="IMAGE", help="Have the cluster run it: REGISTRY/fleethub:TAG, two replicas."
)
@click.option("--root", metavar="URL", help="Repository of the app of apps from which all else comes.")
@click.option("--path", metavar="PATH", help="Folder of that app of apps in it.")
@click.option("--revision", metavar="REV", help="Branch, tag or commit of it.  [default: HEAD]")
@click.option(
    "--repository-credential", metavar="FILE", help="A Secret's manifest that opens that repository."
)
@click.option("--seal-key", metavar="FILE", help="Sealing keys, as 'seal-key backup' writes them.")
@click.option("--register-self", metavar="NAME", help="Make this cluster a member too, under that name.")
@click.option(
    "--self-label", "self_labels", multiple=True, type=pair, metavar="K=V", help="Label of it. Repeatable."
)
@click.option("--print", "show", is_flag=True, help="Print the manifests, without the token, and do nothing.")
@click.option(
    "--discover",
    multiple=True,
    metavar="FORM=NS",
    help="Let the hub list the Secrets of this namespace, as 'fleethub hub --discover' needs it. Repeatable.",
)
@timeout_option("1m")
@hub_options
def install(
    hub: Hub,
    image: str | None,
    show: bool,  # noqa: FBT001 (click's option)
    discover: tuple[str, ...],
    timeout: float,
    **given: Any,
) -> None:
    """Prepare a cluster to be the hub.

    Makes the kinds, the namespace, the hub's ServiceAccount and its rights, the token of its API and the
    Project "default". The token and the Project are made once; what you change in them stays. With --image
    the cluster runs the hub; else 'fleethub hub' does. With --root that is all of the first day: registrations,
    Projects and credentials come from Git, secret ones sealed for the ring "hub".
    """
    from fleet.cli import dayzero, installation  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    installation.meant(hub)
    first = dayzero.read(hub.hub_namespace, given)

    if show:
        from fleet.cli import hub_base  # noqa: PLC0415

        click.echo("---\n".join(hub_base.texts(hub.hub_namespace, image or "", discover)), nl=False)
        return

    async def verb(session: Session) -> None:
        await installation.check(session, new=True)
        await carry_out(session, image or "", discover, timeout)
        await dayzero.tell(session, first, in_pod=bool(image))

    run(verb, hub)
    waits = f"'kubectl -n {hub.hub_namespace} rollout status deployment/fleethub' waits for the hub"
    runs = waits if image else "'fleethub hub' runs the hub"
    then = "'fleethub cluster add' registers a cluster"
    if first.root:
        then = "'fleethub app wait root' waits until Git has its way"
    click.echo(f"Next: {runs}, {then}.")


async def carry_out(
    session: Session,
    image: str,
    discover: tuple[str, ...],
    timeout: float,  # noqa: ASYNC109 (exit code 4)
) -> None:
    """Apply all that a hub needs on its cluster and wait until its kinds are served; what is made once, stays.

    ``image`` empty: no Deployment. Raises CliError when ``timeout`` seconds are over.
    """
    import secrets  # noqa: PLC0415

    from fleet import names, shipped  # noqa: PLC0415
    from fleet.cli import hub_base, hub_objects, hub_workload, objects, waiting  # noqa: PLC0415
    from fleet.documents import read  # noqa: PLC0415
    from fleet.projects import default  # noqa: PLC0415

    namespace = session.hub.hub_namespace
    kinds = []
    runs = await objects.find(session.send, objects.At("Deployment", namespace, names.PRODUCT))
    for wanted in hub_base.manifests(namespace, image, discover):
        # Pods that an installation before this one brought stay, and so does the word on them.
        keeps = wanted["kind"] == "Namespace" and runs is not None and hub_objects.ours(runs)
        body = hub_workload.guarded(wanted) if keeps else wanted
        at = objects.At(body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])
        if at.kind in ("Namespace", "CustomResourceDefinition"):
            await gone(session, at, timeout)
        await objects.apply(session.send, body)
        click.echo(f"Applied {at}")
        if at.kind == "CustomResourceDefinition":
            kinds.append(at)
    if await objects.create(session.send, hub_objects.token(namespace, secrets.token_urlsafe(32))):
        click.echo(f"Made the token of the hub's API, in {objects.SECRET} {namespace}/fleethub-api")

    for content in shipped.store_crds():
        body = read.value(content, path="crds")
        if await objects.create(session.send, body):
            click.echo(f"Made CustomResourceDefinition {body['metadata']['name']}")

    async def look() -> waiting.Look:
        waits = [
            at.name
            for at in kinds
            if objects.condition(await objects.get(session.send, at), "Established").get("status") != "True"
        ]
        return waiting.Look(not waits, (f"waiting for {', '.join(waits)}",) if waits else ())

    await waiting.until(look, timeout=timeout, what="the kinds are served")
    if await objects.create(session.send, default.manifest(namespace)):
        click.echo(f"Made Project {namespace}/default, which allows everything")


async def gone(session: Session, at: At, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Wait until one that is being deleted is gone: what is made in it meanwhile goes with it."""
    from fleet.cli import objects, waiting  # noqa: PLC0415

    async def look() -> waiting.Look:
        found = await objects.find(session.send, at)
        going = found is not None and "deletionTimestamp" in found["metadata"]
        return waiting.Look(not going, (f"{at} is being deleted",) if going else ())

    await waiting.until(look, timeout=timeout, what=f"{at} can be made")
