"""``fleethub app accept``: a person's word for what another version of a renderer makes of the same files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from fleet.cli.session import Session

HELD = "RendererChanged"


@click.command("accept")
@click.argument("name")
@click.option(
    "--renderer", help="The version that is meant, as 'app get' shows it. Default: the one that renders now."
)
@hub_options
def command(hub: Hub, name: str, renderer: str | None) -> None:
    """Let what another version of Helm or Kustomize makes of the same files be applied."""
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> str:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.app import columns  # noqa: PLC0415
        from fleet.cli.errors import CliError  # noqa: PLC0415

        at = objects.At(names.APPLICATION, namespace, plain)
        body = await objects.get(session.send, at)
        now = str(columns.status(body).get("renderer") or "")
        meant = renderer or now
        if not meant:
            raise CliError(
                f"{namespace}/{plain} is not rendered by a program", hint="There is nothing to accept"
            )
        told = dict(columns.matters(body)).get(HELD)
        if told:
            click.echo(told)
        await objects.annotate(session.send, at, {names.ACCEPT: meant})
        return meant

    click.echo(f"Accepted: {run(verb, hub)}.")
