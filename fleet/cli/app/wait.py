"""``fleethub app wait``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options, split_name, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("wait")
@click.argument("name")
@click.option("--sync", "sync", is_flag=True, help="Until it is Synced; alone, whatever its health.")
@click.option("--health", "health", is_flag=True, help="Until it is Healthy; alone, whatever its sync.")
@click.option("--revision", default="", metavar="COMMIT", help="And its inputs are those of this commit.")
@timeout_option()
@hub_options
def command(hub: Hub, name: str, **wanted: Any) -> None:
    """Wait until an Application is synced and healthy on all its clusters.

    Exit code 4 when the time is over; with --timeout 0 it looks once, and 3 says that it is not yet so.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)
    both = wanted["sync"] == wanted["health"]

    async def verb(session: Session) -> str:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects, waiting  # noqa: PLC0415
        from fleet.cli.app import columns  # noqa: PLC0415

        at = objects.At(names.APPLICATION, namespace, plain)

        async def look() -> waiting.Look:
            body = await objects.get(session.send, at)
            held = columns.status(body)
            done = (
                columns.observed(body)
                and (not (both or wanted["sync"]) or held.get("sync") == "Synced")
                and (not (both or wanted["health"]) or held.get("health") == "Healthy")
                and held.get("revision", "").startswith(wanted["revision"])
            )
            message = objects.condition(body, "Ready").get("message", "the hub has not looked at it yet")
            return waiting.Look(done, (f"{namespace}/{plain}: {columns.told(body)}", f"  {message}"))

        found = await waiting.until(look, timeout=wanted["timeout"], what=f"{namespace}/{plain}")
        return found.lines[0]

    click.echo(run(verb, hub))
