"""``fleethub cluster list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session

COLUMNS: Final = ("name", "ready", "version", "server", "labels", "applications", "seen")


@click.command("list")
@click.option("-l", "--selector", default="", metavar="SELECTOR", help="Labels, as in kubectl.")
@hub_options
def command(hub: Hub, selector: str) -> None:
    """List clusters. SEEN is when a silent one last answered, or since when another has."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        import asyncio  # noqa: PLC0415

        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        found, live = await asyncio.gather(
            objects.listed(session.send, names.CLUSTER, hub.hub_namespace, selector),
            Live(session).get("/clusters"),
        )
        return found, {one["name"]: one for one in (live or {}).get("items", [])}

    clusters, live = run(verb, hub)
    if output.structured(output.items(clusters), hub.output):
        return
    rows = [_row(one, live.get(one["metadata"]["name"], {})) for one in clusters]
    output.table(COLUMNS, rows, empty="There are no clusters; 'fleethub cluster add' registers one.")


def _row(body: dict[str, Any], live: dict[str, Any]) -> tuple[str, ...]:
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    metadata, held, reach = body["metadata"], columns.status(body), live.get("reach") or {}
    reachable = objects.condition(body, "Reachable")
    ready = objects.condition(body, "Ready").get("status", "Unknown")
    if reach and not reach["reachable"]:
        ready = "False"
    since = reachable.get("lastTransitionTime", "")
    seen = since if reach.get("reachable", True) else reach.get("seen") or since
    paused = " (paused)" if (body.get("spec") or {}).get("paused") else ""
    applications = f"{live['well']}/{live['applications']}" if live else ""
    return (
        metadata["name"] + paused,
        ready,
        held.get("version", ""),
        held.get("server") or (body.get("spec") or {}).get("server", ""),
        ",".join(f"{key}={value}" for key, value in sorted((metadata.get("labels") or {}).items())),
        applications,
        columns.age(seen),
    )
