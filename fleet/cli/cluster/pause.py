"""``fleethub cluster pause`` and ``resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("pause")
@click.argument("name")
@hub_options
def pause(hub: Hub, name: str) -> None:
    """Have the hub leave a cluster alone: it goes on watching, and writes nothing there."""
    _set(hub, name, paused=True)
    click.echo(f"Paused {name}.")


@click.command("resume")
@click.argument("name")
@hub_options
def resume(hub: Hub, name: str) -> None:
    """Have the hub look after a paused cluster again."""
    _set(hub, name, paused=False)
    click.echo(f"Resumed {name}.")


def _set(hub: Hub, name: str, *, paused: bool) -> None:
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> None:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        at = objects.At(names.CLUSTER, hub.hub_namespace, name)
        await objects.patch(session.send, at, {"spec": {"paused": paused}})

    run(verb, hub)
