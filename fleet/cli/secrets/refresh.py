"""``fleethub secrets refresh``."""

from __future__ import annotations

import click

from fleet import names
from fleet.cli import refreshing
from fleet.cli.options import Hub, hub_options


@click.command("refresh")
@click.argument("name")
@hub_options
def command(hub: Hub, name: str) -> None:
    """Have the hub look at the sources of an Application's Secrets now, not at the next check."""
    asked = refreshing.ask(hub, name, names.REFRESH_SECRETS)
    click.echo(f"Asked for a look at the secrets of {asked}.")
