"""``fleethub cluster take-over``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli import errors
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("take-over")
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="All clusters of this hub.")
@hub_options
def command(hub: Hub, name: str | None, everything: bool) -> None:  # noqa: FBT001 (click's option)
    """Say that the hub a cluster had before is gone, so that this one need not wait for its Lease to end.

    Only when it really is: two hubs that write to one cluster undo each other's work.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    if (name is None) != everything:
        raise click.UsageError("give either NAME or --all")

    async def verb(session: Session) -> list[str]:
        from datetime import UTC, datetime  # noqa: PLC0415

        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        if name is None:
            found = await objects.listed(session.send, names.CLUSTER, hub.hub_namespace)
            clusters = [one["metadata"]["name"] for one in found]
        else:
            clusters = [name]
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for cluster in clusters:
            at = objects.At(names.CLUSTER, hub.hub_namespace, cluster)
            await objects.annotate(session.send, at, {names.TAKE_OVER: time})
        return clusters

    clusters = run(verb, hub)
    if not clusters:
        raise errors.CliError("there are no clusters", hint="'fleethub cluster add' registers one")
    click.echo(f"This hub takes over {', '.join(clusters)}.")
