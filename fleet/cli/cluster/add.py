"""``fleethub cluster add``: an account on the member, a Secret on the hub, the hub's word that it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import errors
from fleet.cli.options import Hub, hub_options, pair, timeout_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.session import Session
    from fleet.kube.connection import Connection

_LOOPBACK: Final = ("https://127.", "https://localhost", "https://[::1]", "https://0.0.0.0")


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
    "--label", "labels", multiple=True, type=pair, metavar="K=V", help="Label of the Cluster. Repeatable."
)
@click.option(
    "--annotation", "annotations", multiple=True, type=pair, metavar="K=V", help="Annotation. Repeatable."
)
@click.option("--server", metavar="URL", help="The API server as the hub sees it, if not as we do.")
@click.option("--ca", type=click.File("rb"), metavar="FILE", help="Certificates that vouch for it, as PEM.")
@click.option("--tls-server-name", metavar="NAME", help="Name in its certificate, if not the URL's.")
@click.option("--proxy", metavar="URL", help="Proxy on the hub's way to it.")
@click.option(
    "--scope",
    type=click.Choice(["cluster-admin", "impersonate"]),
    help="What the hub's account may do there: everything (the default), or read, and write only as the "
    "ServiceAccounts that Projects name. Again: what it was given before.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the hub has reached it.")
@timeout_option("2m")
@hub_options
def command(hub: Hub, name: str, **given: Any) -> None:
    """Register a cluster with the hub.

    Makes an account for the hub on the cluster, hands its token to the hub, and waits until the hub itself
    has reached the cluster. Again is safe: it renews the token.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> None:
        await _add(session, name, given)

    run(verb, hub)


async def _add(session: Session, name: str, given: Mapping[str, Any]) -> None:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.cluster import secrets  # noqa: PLC0415

    namespace = session.hub.hub_namespace
    cluster = await _known(session, name)
    declared = cluster is not None and names.MADE_FROM not in (cluster["metadata"].get("annotations") or {})
    suffix = secrets.TOKEN_SUFFIX if declared else secrets.KUBECONFIG_SUFFIX
    at = objects.At(objects.SECRET, namespace, f"{name}{suffix}")
    present = await objects.find(session.send, at)
    if present is not None and not secrets.ours(present):
        raise errors.CliError(
            f"{at} is there already and is no registration", hint="Rename or remove it first"
        )
    connection = await _enrolled(session, name, given)
    if declared:
        if given["labels"] or given["annotations"]:
            errors.note(f"Cluster {name} is declared: its labels and annotations are those declared.")
        secret = secrets.credential((namespace, name), connection)
    else:
        facts = dict(given["labels"]), dict(given["annotations"])
        secret = secrets.registration((namespace, name), connection, *facts)
    written = await objects.apply(session.send, secret)
    click.echo(f"Registered {name} at {connection.server} by {at}.")
    if not given["no_wait"]:
        await _reached(session, name, written["metadata"]["resourceVersion"], given["timeout"])
        click.echo(f"The hub has reached {name}.")


async def _known(session: Session, name: str) -> dict[str, Any] | None:
    """Read the Cluster, if there is one. Fails early where fleethub is not installed."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415

    found = await objects.listed(session.send, names.CLUSTER, session.hub.hub_namespace)
    return next((one for one in found if one["metadata"]["name"] == name), None)


async def _enrolled(session: Session, name: str, given: Mapping[str, Any]) -> Connection:
    """Make the account on the member and give the connection that the hub is to use."""
    from dataclasses import replace  # noqa: PLC0415

    from fleet.cli.session import failed  # noqa: PLC0415
    from fleet.clusters import enrol  # noqa: PLC0415
    from fleet.clusters.registration import IMPERSONATING, WHOLE  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415
    from fleet.kube import trusted  # noqa: PLC0415

    try:
        member = await trusted.load(given["member_kubeconfig"], given["member_context"])
        connection = _seen_by_the_hub(member, given)
        # The hub's own reader has the last word on what it takes: better now than in a condition.
        _check(name, replace(connection, token="-"))  # noqa: S106 (stands for the token to come)
        send = session.open(member).send
        asked = {"cluster-admin": WHOLE, "impersonate": IMPERSONATING}.get(given["scope"])
        enrolled = await enrol.enrol(send, name, asked or await enrol.scope_of(send))
    except FleetError as error:
        raise failed(error, "Check --member-kubeconfig and --member-context") from None
    for granted in enrolled.granted:
        click.echo(f"Granted: {granted}")
    return replace(connection, token=enrolled.token)


def _seen_by_the_hub(member: Connection, given: Mapping[str, Any]) -> Connection:
    from fleet.kube.connection import Connection  # noqa: PLC0415

    if not member.verify and not given["ca"]:
        raise errors.CliError(
            "that kubeconfig skips verification, which the hub never does", hint="Give --ca FILE"
        )
    server = (given["server"] or member.server).rstrip("/")
    if server.startswith(_LOOPBACK) and not given["server"]:
        errors.note(f"Note: {server} is this machine; give --server if the hub runs elsewhere.")
    return Connection(
        server=server,
        ca_data=given["ca"].read() if given["ca"] else member.ca_data,
        tls_server_name=given["tls_server_name"] or member.tls_server_name,
        proxy_url=given["proxy"] or member.proxy_url,
    )


def _check(name: str, connection: Connection) -> None:
    from urllib.parse import urlsplit  # noqa: PLC0415

    from fleet.cli.cluster import secrets  # noqa: PLC0415
    from fleet.clusters.kubeconfig import NOTHING, Allowed, parse  # noqa: PLC0415

    allow = NOTHING
    if connection.proxy_url:
        # Which proxies count is the hub's --allow-proxy to say, which is not known here.
        host = urlsplit(connection.proxy_url).hostname or ""
        allow = Allowed(proxies=frozenset({host}))
        errors.note(f"Note: the hub takes this proxy only with --allow-proxy {host}.")
    parse(secrets.kubeconfig(name, connection).encode(), allow=allow)


async def _reached(session: Session, name: str, version: str, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Wait until the hub says that it has reached the member by the registration of that version."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    at = objects.At(names.CLUSTER, session.hub.hub_namespace, name)

    async def look() -> waiting.Look:
        body = await objects.find(session.send, at)
        if body is None:
            return waiting.Look(done=False, lines=(f"{name}: the hub has not seen it yet; does it run?",))
        # A hub that writes no registration is taken at its word about the present.
        current = columns.status(body).get("registration", version) == version
        reachable, stalled = objects.condition(body, "Reachable"), objects.condition(body, "Stalled")
        if current and stalled.get("status") == "True":
            raise errors.CliError(
                f"{name}: {stalled.get('message')}", hint=f"See 'fleethub cluster get {name}'"
            )
        told = reachable.get("message") if current else None
        return waiting.Look(
            done=current and reachable.get("status") == "True",
            lines=(f"{name}: {told or 'the hub has not taken it up yet'}",),
        )

    await waiting.until(look, timeout=timeout, what=f"reaching {name}")
