"""``fleethub secrets why``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.cli.session import Session


@click.command("why")
@click.argument("name")
@hub_options
def command(hub: Hub, name: str) -> None:
    """Say of each Secret of an Application where it comes from, how it stands on each cluster, and why.

    A value is never shown. Needs the hub's API.
    """
    from fleet.cli.secrets import told  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    key = split_name(name, hub)

    async def verb(session: Session) -> list[dict[str, Any]]:
        return await told.ask(session, key)

    found = run(verb, hub)
    if output.structured({"items": found}, hub.output):
        return
    if not found:
        click.echo("There is no Secret that the hub makes.")
    for line in _lines(found):
        click.echo(line)


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    from fleet.cli.secrets import told  # noqa: PLC0415

    by_secret: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in found:
        by_secret.setdefault((one["namespace"], one["name"]), []).append(one)
    for (namespace, name), rows in by_secret.items():
        yield f"Secret {namespace}/{name}, from {rows[0]['form']}"
        for one in rows:
            yield f"  {one['cluster']}: {told.state(one)}, from {told.versions(one) or 'nothing that is known'}"
            if one["read"]:
                yield f"    read {one['read']}"
            elif one["stands"] and one["sources"]:
                yield "    not read since the hub started: it stands as it was sent"
            if one["looked"]:
                then = f", again {one['next']}" if one["next"] else ", and not again by itself"
                yield f"    version looked at {one['looked']}{then}"
            for note in one["notes"]:
                yield f"    {note}"
            if one["problem"]:
                yield f"    {one['problem']}"
