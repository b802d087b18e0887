"""``fleethub cluster wait``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("wait")
@click.argument("wanted", metavar="[NAME]...", nargs=-1)
@click.option("-l", "--selector", default="", metavar="SELECTOR", help="Labels, as in kubectl.")
@timeout_option()
@hub_options
def command(hub: Hub, wanted: tuple[str, ...], selector: str, timeout: float) -> None:
    """Wait until clusters are Ready and their first sync is done; without NAME, all of them.

    That is: each app of apps is synced, and each automated Application that selects the cluster is synced there.
    Exit code 4 when the time is over; with --timeout 0 it looks once, and 3 says that it is not yet so.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> int:
        from fleet.cli import waiting  # noqa: PLC0415
        from fleet.cli.cluster.syncing import Syncing  # noqa: PLC0415

        syncing = Syncing(session, wanted, selector)

        async def look() -> waiting.Look:
            left: list[Any] = await syncing.left()
            return waiting.Look(not left, tuple(left))

        await waiting.until(look, timeout=timeout, what="clusters")
        return syncing.count

    count = run(verb, hub)
    click.echo(f"{count} clusters are Ready and synced.")
