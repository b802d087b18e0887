"""``fleethub vault check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import errors, output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("check")
@click.option("--project", "only", default="", metavar="NAME", help="This Project alone.")
@hub_options
def command(hub: Hub, only: str) -> int:
    """Have the hub try, for each Project, reachability, CA, login, metadata and data, and say what is missing.

    Exit code 1 where anything is. What is read is thrown away. Needs the hub's API.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> list[dict[str, Any]]:
        return await _check(session, hub, only)

    found = run(verb, hub)
    if not output.structured({"items": found}, hub.output):
        output.table(
            ("project", "step", "result"),
            [(one["project"], one["step"], one["problem"] or "ok") for one in found],
            empty="No Project has a word of Vault.",
        )
        for one in found:
            if one["hint"]:
                click.echo(f"{one['project']}: {one['hint']}")
    return errors.FAILED if any(one["problem"] for one in found) else errors.DONE


async def _check(session: Session, hub: Hub, only: str) -> list[dict[str, Any]]:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.errors import CliError  # noqa: PLC0415
    from fleet.cli.live import Live  # noqa: PLC0415

    if only:
        await objects.get(session.send, objects.At(names.PROJECT, hub.hub_namespace, only))
    bodies = await objects.listed(session.send, names.PROJECT, hub.hub_namespace)
    live = Live(session)
    rows: list[dict[str, Any]] = []
    for body in bodies:
        name = body["metadata"]["name"]
        if only not in ("", name) or not (body.get("spec") or {}).get("vault"):
            continue
        told = await live.get(f"/projects/{name}/vault")
        if not told:
            raise CliError(live.why or f"the hub does not know Project {name} yet", hint="Check that it runs")
        rows += [{"project": name, **one} for one in told.get("items", [])]
    return rows
