"""``fleethub cluster add``: an account on the member, a Secret on the hub, the hub's word that it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import errors
from fleet.cli.options import Hub, change, hub_options, timeout_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.session import Session


@click.command("add")
@click.argument("name")
@click.option(
    "--member-kubeconfig",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Kubeconfig of an administrator of the cluster; it stays on this machine.",
)
@click.option("--member-context", metavar="NAME", help="Context in it.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    type=change,
    metavar="K=V|K-",
    help="Label of the Cluster; K- takes it away. Repeatable.",
)
@click.option(
    "--annotation",
    "annotations",
    multiple=True,
    type=change,
    metavar="K=V|K-",
    help="Annotation; K- takes it away. Repeatable.",
)
@click.option("--server", metavar="URL", help="The API server as the hub sees it, if not as we do.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Certificates that vouch for it, as PEM.",
)
@click.option("--tls-server-name", metavar="NAME", help="Name in its certificate, if not the URL's.")
@click.option("--proxy", metavar="URL", help="Proxy on the hub's way to it.")
@click.option(
    "--scope",
    type=click.Choice(["cluster-admin", "impersonate"]),
    help="What the hub's account may do there: everything (the default), or read, and write only as the "
    "ServiceAccounts that Projects name. Again: what it was given before.",
)
@click.option(
    "--namespaces",
    metavar="NS[,NS]",
    help="Instead: everything in these namespaces, which are there already, and nothing elsewhere; the hub neither reads "
    "nor writes beyond them.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the hub has reached it.")
@timeout_option("2m")
@hub_options
def command(hub: Hub, name: str, **given: Any) -> None:
    """Register a cluster with the hub.

    Makes an account for the hub on the cluster, hands its token to the hub, and waits until the hub itself
    has reached the cluster. Again is safe: it renews the token, and what is not given stays as it is, the way to a
    server that answers too. With --server that way is what the kubeconfig and the options say now.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> None:
        await _add(session, name, given)

    run(verb, hub)


async def _add(session: Session, name: str, given: Mapping[str, Any]) -> None:
    from fleet.cli.cluster import present, registering  # noqa: PLC0415
    from fleet.cli.cluster.entries import Entry, Way  # noqa: PLC0415
    from fleet.clusters.registration import named  # noqa: PLC0415
    from fleet.errors import RegistrationError  # noqa: PLC0415

    if given["namespaces"] is not None and given["scope"]:
        raise click.UsageError("--namespaces is a scope: leave out --scope")
    try:
        namespaces = named(given["namespaces"] or "", "--namespaces").namespaces or ()
    except RegistrationError as error:
        raise click.UsageError(error.text) from None
    if given["namespaces"] is not None and not namespaces:
        raise click.UsageError("--namespaces names none")
    way = Way(given["server"] or "", given["ca"] or "", given["tls_server_name"] or "", given["proxy"] or "")
    entry = Entry(
        name,
        given["member_kubeconfig"],
        given["member_context"] or "",
        way,
        namespaces=namespaces,
        scope=given["scope"] or "",
    )
    clusters = await registering.known(session)
    met = await registering.meet(session, entry)
    try:
        registering.refuse_another(name, met.identity, clusters)
    except errors.CliError as error:
        # A person may mean it, to rename a cluster or to replace it: the hub writes nothing there until it is sorted out.
        errors.note(f"Note: {error.message}. {error.hint}.")
    changes = dict(given["labels"]), dict(given["annotations"])
    entry, met = await present.laid_under(session, entry, met, clusters.get(name), changes)
    done = await registering.register(session, entry, met, clusters.get(name), renew=True)
    for note in done.notes:
        errors.note(note)
    for granted in done.granted:
        click.echo(f"Granted: {granted}")
    click.echo(f"Registered {name} at {done.server} by {done.at}.")
    if not given["no_wait"]:
        await _reached(session, name, done.version, given["timeout"])
        click.echo(f"The hub has reached {name}.")


async def _reached(session: Session, name: str, version: str, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Wait until the hub says that it has reached the member by the registration of that version."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.cluster import registering  # noqa: PLC0415

    at = objects.At(names.CLUSTER, session.hub.hub_namespace, name)

    async def look() -> waiting.Look:
        stand = registering.stand(name, await objects.find(session.send, at), version)
        if stand.stuck:
            raise errors.CliError(stand.stuck, hint=f"See 'fleethub cluster get {name}'")
        return waiting.Look(done=stand.reached, lines=(stand.text,))

    await waiting.until(look, timeout=timeout, what=f"reaching {name}")
