"""``fleethub cluster apply``: any number of registrations from a list, side by side."""

from __future__ import annotations

from typing import Any, Final

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options, timeout_option

COLUMNS: Final = ("name", "result", "version", "server", "message")


@click.command("apply")
@click.option(
    "-f",
    "--file",
    "file",
    required=True,
    metavar="FILE",
    type=click.File("rb"),
    help="The list, YAML or JSON; - reads it from the input. What 'terraform output -json' prints is one.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="How many are registered at a time.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the hub has reached them.")
@timeout_option("5m")
@hub_options
def command(hub: Hub, file: Any, parallel: int, no_wait: bool, timeout: float) -> None:  # noqa: FBT001 (click's options)
    """Register the clusters of a list: those that are missing or differ; the rest is left as it is.

    An entry has name, memberKubeconfig and memberContext (the administrator's), server, ca, tlsServerName and proxy
    (as the hub sees the cluster), labels, annotations, scope and namespaces (all that the hub is to reach there). One that fails hinders no other. Again is safe,
    and goes on where it stopped. Exit code 1 where one failed, 4 where the hub did not reach all in time.
    """
    from fleet.cli import errors  # noqa: PLC0415
    from fleet.cli.cluster import entries  # noqa: PLC0415
    from fleet.cli.cluster.applying import Applying  # noqa: PLC0415
    from fleet.cli.session import failed, run  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415

    try:
        wanted = entries.read(file.read(), path=file.name)
    except FleetError as error:
        raise failed(error, "See 'fleethub cluster apply --help'") from None
    applying = Applying(wanted, parallel, None if no_wait else timeout)
    run(applying.run, hub)
    show(applying.rows(), hub)
    ill = [row for row in applying.rows() if row["result"] == "failed"]
    if ill:
        code = errors.OUT_OF_TIME if all(row["late"] for row in ill) else errors.FAILED
        raise errors.CliError(
            f"{len(ill)} of {len(wanted)} failed: {', '.join(row['name'] for row in ill[:10])}",
            hint="Mend what the table says and run this again",
            code=code,
        )


def show(rows: list[dict[str, Any]], hub: Hub) -> None:
    """Print a table of results, or the same as data."""
    told = [{key: value for key, value in row.items() if key != "late"} for row in rows]
    if not output.structured({"items": told}, hub.output):
        output.table(COLUMNS, [[str(row[column]) for column in COLUMNS] for row in rows])
