"""``fleethub app resources``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.cli.session import Session

COLUMNS: Final = ("cluster", "kind", "namespace", "name", "health", "message")


@click.command("resources")
@click.argument("name")
@click.option("--cluster", "only", default="", metavar="NAME", help="Of this cluster alone.")
@hub_options
def command(hub: Hub, name: str, only: str) -> None:
    """Show the objects of an Application on every cluster, with their health and what people added by hand.

    Needs the hub's API.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> list[dict[str, Any]]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.errors import CliError  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        live = Live(session)
        told = await live.get(f"/applications/{namespace}/{plain}/resources")
        if not told:
            await objects.get(session.send, objects.At(names.APPLICATION, namespace, plain))
            raise CliError(
                live.why or "the hub does not know it yet", hint="Give --hub-url, or see 'app get'"
            )
        return [one for one in told.get("items", []) if only in ("", one["cluster"])]

    found = run(verb, hub)
    if output.structured({"items": found}, hub.output):
        return
    output.table(COLUMNS, [_row(one) for one in found], empty="There are no objects.")
    for line in _notes(found):
        click.echo(line)


def _notes(found: list[dict[str, Any]]) -> Iterator[str]:
    """Give the lines below the table: what people added by hand."""
    from fleet.cli.app import columns  # noqa: PLC0415

    for one in found:
        kind = f"{one['kind']}.{one['group']}" if one["group"] else one["kind"]
        name = f"{one['namespace']}/{one['name']}" if one["namespace"] else one["name"]
        for added in one.get("foreignFields") or []:
            yield f"{one['cluster']}: added by hand: {columns.added(added, f'{kind} {name}')}"


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    kind = f"{one['kind']}.{one['group']}" if one["group"] else one["kind"]
    health = "Deleting" if one.get("deleting") else one["health"]
    return (one["cluster"], kind, one["namespace"], one["name"], health, one.get("message", ""))
