"""``fleethub cluster list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.cli.session import Session

COLUMNS: Final = (
    "name",
    "ready",
    "version",
    "server",
    "scope",
    "labels",
    "applications",
    "registration",
    "seen",
)


@click.command("list")
@click.option("-l", "--selector", default="", metavar="SELECTOR", help="Labels, as in kubectl.")
@hub_options
def command(hub: Hub, selector: str) -> None:
    """List clusters. SEEN is when a silent one last answered, or since when another has.

    SCOPE has the namespaces that a registration is limited to; empty for the whole cluster.

    REGISTRATION is what became of what 'cluster add', 'apply' or 'repair' registered: as made, changed (in what),
    failed (why), or gone: then somebody removed it since, and the name is in the list all the same. For one that was
    discovered it is the Secret that it comes from. What the hub cannot use is told below the table, with what to do.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, str]]:
        import asyncio  # noqa: PLC0415

        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.cluster import records  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        found, live, kept = await asyncio.gather(
            objects.listed(session.send, names.CLUSTER, hub.hub_namespace, selector),
            Live(session).get("/clusters"),
            records.read(session.send, hub.hub_namespace),
        )
        present = {one["metadata"]["name"]: one for one in found}
        if selector:  # whether one that is gone would be selected is not known
            kept = {name: value for name, value in kept.items() if name in present}
        became = {name: records.became(value, present.get(name)) for name, value in sorted(kept.items())}
        return found, {one["name"]: one for one in (live or {}).get("items", [])}, became

    clusters, live, became = run(verb, hub)
    told = {**output.items(clusters), "registrations": became}
    if output.structured(told, hub.output):
        return
    rows = [_row(one, live.get(one["metadata"]["name"], {}), became) for one in clusters]
    there = {one["metadata"]["name"] for one in clusters}
    rows += [
        (name, "False", "", "", "", "", "", text, "") for name, text in became.items() if name not in there
    ]
    output.table(COLUMNS, rows, empty="There are no clusters; 'fleethub cluster add' registers one.")
    for line in _refused(clusters):
        click.echo(line, err=True)


def _row(body: dict[str, Any], live: dict[str, Any], became: dict[str, str]) -> tuple[str, ...]:
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
        ",".join((body.get("spec") or {}).get("namespaces") or ()),
        ",".join(f"{key}={value}" for key, value in sorted((metadata.get("labels") or {}).items())),
        applications,
        became.get(metadata["name"]) or _discovered(body),
        columns.age(seen),
    )


def _discovered(body: dict[str, Any]) -> str:
    """The Secret of another tool's that a Cluster comes from."""
    from fleet import names  # noqa: PLC0415

    made_from = str((body["metadata"].get("annotations") or {}).get(names.MADE_FROM, ""))
    return f"from {made_from}" if "/" in made_from else ""


def _refused(clusters: list[dict[str, Any]]) -> Iterator[str]:
    """What is the matter with registrations that the hub cannot use."""
    from fleet.cli import objects  # noqa: PLC0415

    for body in clusters:
        for kind in ("KubeconfigRefused", "KubeconfigInvalid", "RegistrationInvalid"):
            found = objects.condition(body, kind)
            if found.get("status") == "True":
                yield f"{body['metadata']['name']}: {found.get('message', '')}"
