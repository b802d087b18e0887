"""``fleethub local``: real control planes on this machine that stay until they are deleted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from fleet.cli import output
from fleet.cli.errors import CliError
from fleet.cli.options import timeout_option

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTEAD: Final = "They need Linux; use a cluster that you have"
COLUMNS: Final = ("name", "server", "running", "kubeconfig")


@click.group()
def local() -> None:
    """Real Kubernetes control planes on this machine, without containers and without root."""


@local.command()
@click.argument("name")
@timeout_option("60s")
def create(name: str, timeout: float) -> None:
    """Make a control plane, or start one that stands still, and print how to use it."""
    with _told():
        from bootstrap.local import lasting  # noqa: PLC0415

        try:
            made = lasting.create(name, timeout=timeout)
        except lasting.PlaneExists:
            made = lasting.find(name)
            if not made.running:
                made = lasting.start(name, timeout)
        click.echo(f"{made.name} runs at {made.server}.")
        click.echo(f"export KUBECONFIG={made.kubeconfig}")


@local.command("list")
@click.option(
    "-o",
    "--output",
    "how",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    help="How to print.",
)
def listing(how: str) -> None:
    """List this user's control planes."""
    with _told():
        from bootstrap.local import lasting  # noqa: PLC0415

        found = lasting.list_all()
        told = [
            {
                "name": one.name,
                "server": one.server,
                "running": list(one.running),
                "kubeconfig": str(one.kubeconfig),
            }
            for one in found
        ]
        if output.structured({"items": told}, how):
            return
        rows = [(one.name, one.server, ",".join(one.running), str(one.kubeconfig)) for one in found]
        output.table(
            COLUMNS, rows, empty="There are no local clusters; 'fleethub local create NAME' makes one."
        )


@local.command()
@click.argument("name")
def delete(name: str) -> None:
    """End a control plane and remove all of it."""
    with _told():
        from bootstrap.local import lasting  # noqa: PLC0415

        lasting.delete(name)
        click.echo(f"Deleted {name}.")


@contextmanager
def _told() -> Iterator[None]:
    """Turn what goes wrong with local planes into one line."""
    try:
        yield
    except ImportError as error:
        raise CliError(f"local clusters do not work here: no module {error.name}", hint=_INSTEAD) from None
    except (ValueError, OSError) as error:
        raise CliError(str(error)) from None
    except Exception as error:
        # Its errors are bootstrap's own, of no common kind; all others are faults of this program.
        if not type(error).__module__.startswith("bootstrap."):
            raise
        raise CliError(str(error)) from None
