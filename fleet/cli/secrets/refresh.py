"""``fleethub secrets refresh``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("refresh")
@click.argument("name")
@hub_options
def command(hub: Hub, name: str) -> None:
    """Have the hub look at the sources of an Application's Secrets now, not at the next check."""
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> None:
        from datetime import UTC, datetime  # noqa: PLC0415

        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        at = objects.At(names.APPLICATION, namespace, plain)
        await objects.annotate(session.send, at, {names.REFRESH_SECRETS: time})

    run(verb, hub)
    click.echo(f"Asked for a look at the secrets of {namespace}/{plain}.")
