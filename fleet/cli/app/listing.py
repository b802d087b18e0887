"""``fleethub app list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session

COLUMNS: Final = ("namespace", "name", "sync", "health", "clusters", "revision", "age")


@click.command("list")
@click.option("-l", "--selector", default="", metavar="SELECTOR", help="Labels, as in kubectl.")
@hub_options
def command(hub: Hub, selector: str) -> None:
    """List Applications, of all namespaces unless -n names one."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        import asyncio  # noqa: PLC0415

        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        found, clusters = await asyncio.gather(
            objects.listed(session.send, names.APPLICATION, hub.namespace, selector),
            objects.listed(session.send, names.CLUSTER, hub.hub_namespace),
        )
        return found, clusters

    applications, clusters = run(verb, hub)
    if output.structured(output.items(applications), hub.output):
        return
    output.table(COLUMNS, [_row(one) for one in applications], empty="There are no Applications.")
    _warn(clusters)


def _row(body: dict[str, Any]) -> tuple[str, ...]:
    from fleet.cli.app import columns  # noqa: PLC0415

    metadata, held = body["metadata"], columns.status(body)
    health = "Deleting" if metadata.get("deletionTimestamp") else held.get("health", "Unknown")
    return (
        metadata.get("namespace", ""),
        metadata["name"],
        held.get("sync", "Unknown"),
        health,
        held.get("clusters", ""),
        columns.short(held.get("revision", "")),
        columns.age(metadata.get("creationTimestamp", "")),
    )


def _warn(clusters: list[dict[str, Any]]) -> None:
    """Say which clusters do not answer: an Application's status tells it only after a minute."""
    from fleet.cli import objects  # noqa: PLC0415

    silent = [
        one["metadata"]["name"]
        for one in clusters
        if objects.condition(one, "Reachable").get("status") == "False"
    ]
    if silent:
        click.echo(f"No answer from {', '.join(silent)}: what runs there is shown as last seen.", err=True)
