"""The command: ground, steps, and what to try next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fleet.cli import errors

if TYPE_CHECKING:
    from fleet.cli.demo.tour import Tour


@click.command()
@click.option(
    "--contexts",
    metavar="HUB,A[,B...]",
    help="Use clusters that exist: contexts of the kubeconfig, the hub's first. All is removed at the end.",
)
@click.option("--kubeconfig", metavar="FILE", help="Kubeconfig of those contexts; $KUBECONFIG without it.")
@click.option("--stay/--no-stay", default=None, help="Stay up afterwards; only on a terminal without it.")
def demo(contexts: str | None, kubeconfig: str | None, stay: bool | None) -> None:  # noqa: FBT001 (click's option)
    """See fleethub at work on this machine.

    Starts a hub, two real Kubernetes control planes and an OpenBao (no containers, no root), serves a repository, and
    walks the whole loop: commit, drift, prune, revert, sealed secrets, a secret that rotates, manual sync, a
    cluster that goes and comes back.
    """
    from fleet.cli.demo.failure import GroundFailed, StepFailed  # noqa: PLC0415
    from fleet.cli.demo.ground import existing, local  # noqa: PLC0415
    from fleet.cli.demo.tour import Tour  # noqa: PLC0415

    staying = sys.stdout.isatty() if stay is None else stay
    try:
        ground = existing(contexts.split(","), kubeconfig) if contexts else local()
        with ground as standing:
            tour = Tour(standing)
            tour.walk()
            if staying:
                _stay(tour)
    except (GroundFailed, StepFailed) as failed:
        raise errors.CliError(str(failed)) from None
    click.echo("The demo is over; nothing of it is left.")


def _stay(tour: Tour) -> None:
    import signal  # noqa: PLC0415

    click.echo()
    for line in tour.hints():
        click.echo(line)
    click.echo("\nIt stays up until Ctrl-C.")
    try:
        signal.pause()
    except (KeyboardInterrupt, AttributeError):
        click.echo()
