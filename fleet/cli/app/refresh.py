"""``fleethub app refresh``."""

from __future__ import annotations

import click

from fleet import names
from fleet.cli import refreshing
from fleet.cli.options import Hub, hub_options


@click.command("refresh")
@click.argument("name")
@hub_options
def command(hub: Hub, name: str) -> None:
    """Have the hub fetch the repository and compare with the clusters now, not at the next poll."""
    asked = refreshing.ask(hub, name, names.REFRESH)
    click.echo(f"Asked for a refresh of {asked}.")
