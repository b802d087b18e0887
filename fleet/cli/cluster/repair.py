"""``fleethub cluster repair``."""

from __future__ import annotations

import click

from fleet.cli.options import Hub, hub_options, timeout_option


@click.command("repair")
@click.option(
    "--kubeconfigs",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Kubeconfigs of administrators of the clusters, under any names; the current context of each counts.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="How many are renewed at a time.",
)
@click.option(
    "--move", is_flag=True, help="Take server and CA from the kubeconfigs too, where a cluster moved."
)
@timeout_option("5m")
@hub_options
def command(hub: Hub, folder: str, parallel: int, move: bool, timeout: float) -> None:  # noqa: FBT001 (click's option)
    """Renew the registrations that the hub cannot use any more, from a folder of kubeconfigs.

    Which kubeconfig is which cluster's is told by the cluster itself (the UID of its namespace kube-system), not by a
    name or URL. Name, labels, annotations and what runs there stay. One that the hub reaches is left alone. Exit
    code 1 where one remains, 4 where the hub did not reach all in time.
    """
    from pathlib import Path  # noqa: PLC0415

    from fleet.cli import errors  # noqa: PLC0415
    from fleet.cli.cluster.apply import show  # noqa: PLC0415
    from fleet.cli.cluster.repairing import Repairing  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    files = sorted(
        path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith(".")
    )
    repairing = Repairing(tuple(str(path) for path in files), parallel, timeout, move=move)
    run(repairing.run, hub)
    rows = repairing.rows()
    show(rows, hub)
    ill = [row for row in rows if row["result"] == "failed"]
    if ill:
        code = errors.OUT_OF_TIME if all(row["late"] for row in ill) else errors.FAILED
        raise errors.CliError(f"{len(ill)} not renewed", hint="See the table", code=code)
    if not rows:
        click.echo("There are no clusters.", err=True)
