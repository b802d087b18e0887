"""``fleethub install``: what a cluster needs to be the hub. Again is safe, and is the way to upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.cli.session import Session


@click.command()
@click.option("--print", "show", is_flag=True, help="Print the manifests, without the token, and do nothing.")
@click.option(
    "--discover",
    multiple=True,
    metavar="FORM=NS",
    help="Let the hub list the Secrets of this namespace, as 'fleethub hub --discover' needs it. Repeatable.",
)
@click.option(
    "--root", metavar="URL", help="Repository of the app of apps 'root', from which the hub takes the rest."
)
@click.option("--path", metavar="PATH", default=".", show_default=True, help="Folder in it.")
@click.option(
    "--revision", metavar="NAME", default="HEAD", show_default=True, help="Branch, tag or commit of it."
)
@timeout_option("1m")
@hub_options
def install(
    hub: Hub,
    show: bool,  # noqa: FBT001 (click's option)
    discover: tuple[str, ...],
    root: str | None,
    path: str,
    revision: str,
    timeout: float,
) -> None:
    """Prepare a cluster to be the hub.

    Makes the kinds, the namespace, the hub's ServiceAccount and its rights, the token of its API and the
    Project "default". The token and the Project are made once; what you change in them stays.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    if show:
        from fleet.documents import write  # noqa: PLC0415

        bodies = _manifests(hub.hub_namespace, discover)
        click.echo("---\n".join(write.yaml(body) for body in bodies), nl=False)
        return

    async def verb(session: Session) -> None:
        await _install(session, discover, timeout)
        if root is not None:
            from fleet.cli import hub_objects, objects  # noqa: PLC0415

            await objects.apply(session.send, hub_objects.root(hub.hub_namespace, (root, path, revision)))
            click.echo(f"Applied Application {hub.hub_namespace}/root, from {root}")

    run(verb, hub)
    click.echo("Next: 'fleethub hub' runs the hub, 'fleethub cluster add' registers a cluster.")


def _manifests(namespace: str, discover: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Give what is applied each time, in order."""
    from fleet import shipped  # noqa: PLC0415
    from fleet.cli import hub_objects  # noqa: PLC0415
    from fleet.documents import read  # noqa: PLC0415

    yield hub_objects.namespace(namespace)
    for content in shipped.crds():
        yield read.value(content, path="crds")
    yield from hub_objects.rights(namespace)
    # As the hub reads its own flag: capi=a,b is two namespaces.
    found = (part.rpartition("=")[2].strip() for text in discover for part in text.split(","))
    for one in dict.fromkeys(part for part in found if part):
        yield from hub_objects.discovery(namespace, one)


async def _install(session: Session, discover: tuple[str, ...], timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    import secrets  # noqa: PLC0415

    from fleet import shipped  # noqa: PLC0415
    from fleet.cli import hub_objects, objects, waiting  # noqa: PLC0415
    from fleet.documents import read  # noqa: PLC0415
    from fleet.projects import default  # noqa: PLC0415

    namespace = session.hub.hub_namespace
    kinds = []
    for body in _manifests(namespace, discover):
        await objects.apply(session.send, body)
        at = objects.At(body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])
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
