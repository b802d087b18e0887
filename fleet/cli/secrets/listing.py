"""``fleethub secrets list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("list")
@click.argument("name", required=False)
@click.option("--cluster", "only", default="", metavar="NAME", help="Of this cluster alone.")
@hub_options
def command(hub: Hub, name: str | None, only: str) -> None:
    """List the Secrets that the hub makes, of one Application or of all: where from, which version, where.

    A value is never shown. Needs the hub's API.
    """
    from fleet.cli.app import columns  # noqa: PLC0415
    from fleet.cli.secrets import told  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    key = split_name(name, hub) if name else None

    async def verb(session: Session) -> list[dict[str, Any]]:
        return [one for one in await told.ask(session, key) if only in ("", one["cluster"])]

    found = run(verb, hub)
    if output.structured({"items": found}, hub.output):
        return
    output.table(
        ("application", "cluster", "secret", "form", "from", "read", "next check", "state"),
        [
            (
                one["application"],
                one["cluster"],
                f"{one['namespace']}/{one['name']}",
                one["form"],
                told.versions(one),
                columns.age(one["read"]),
                _until(one["next"]),
                told.state(one),
            )
            for one in found
        ],
        empty="There is no Secret that the hub makes.",
    )


def _until(time: str) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    if not time:
        return ""
    left = max(0, int((datetime.fromisoformat(time) - datetime.now(UTC)).total_seconds()))
    for seconds, unit in ((3600, "h"), (60, "m")):
        if left >= seconds:
            return f"in {left // seconds}{unit}"
    return f"in {left}s"
