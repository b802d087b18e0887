"""``fleethub env``: applications by environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli import output
from fleet.cli.environments.options import clone_options
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.cli.environments.running import Running
    from fleet.cli.session import Session


@click.command("env")
@clone_options("Where it is fetched from.")
@hub_options
def command(hub: Hub, base: str, folder: Path, remote: str) -> None:
    """Show what each application runs in each environment.

    "behind" counts commits that the environment before has and this one lacks, "not before" those that this one has and the one
    before lacks.
    """
    from fleet.cli.environments import layout, matrix  # noqa: PLC0415
    from fleet.cli.environments.repository import Repository  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415
    from fleet.report import words  # noqa: PLC0415

    repository = Repository.of(folder, remote)
    found = layout.load(repository, base)

    async def verb(session: Session) -> dict[tuple[str, str], Running]:
        from fleet.cli.environments import running  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        live = Live(session)
        return {
            (app, name): await running.ask(session, live, file.namespace, file.name)
            for app, files in found.applications.items()
            for name, file in files.items()
        }

    table = list(matrix.rows(found, run(verb, hub), repository.count))
    if output.structured(matrix.structured(iter(table), words.stamp), hub.output):
        return
    names = tuple(one.name for one in found.environments)
    output.table(
        ("application", "", *names),
        list(matrix.drawn(iter(table), names, words.stamp)),
        empty="There are no Applications in the environments' folders.",
    )
