"""``fleethub project get``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("get")
@click.argument("name")
@hub_options
def command(hub: Hub, name: str) -> None:
    """Show a Project, as YAML unless -o json."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> dict[str, Any]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        return await objects.get(session.send, objects.At(names.PROJECT, hub.hub_namespace, name))

    body = output.clean(run(verb, hub))
    output.structured(body, "json" if hub.output == "json" else "yaml")
