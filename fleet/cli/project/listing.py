"""``fleethub project list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session

COLUMNS: Final = ("name", "namespaces", "repositories", "destinations", "account", "hub", "age")


@click.command("list")
@hub_options
def command(hub: Hub) -> None:
    """List Projects."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> list[dict[str, Any]]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        return await objects.listed(session.send, names.PROJECT, hub.hub_namespace)

    found = run(verb, hub)
    if not output.structured(output.items(found), hub.output):
        output.table(COLUMNS, [_row(one) for one in found], empty="There are no Projects.")


def _row(body: dict[str, Any]) -> tuple[str, ...]:
    from fleet.cli.app import columns  # noqa: PLC0415

    spec = body.get("spec") or {}
    return (
        body["metadata"]["name"],
        ",".join(spec.get("sourceNamespaces") or []),
        ",".join(spec.get("sourceRepos") or []),
        str(len(spec.get("destinations") or [])),
        spec.get("serviceAccount", ""),
        "yes" if spec.get("hub") else "no",
        columns.age(body["metadata"].get("creationTimestamp", "")),
    )
