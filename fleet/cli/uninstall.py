"""``fleethub uninstall``: the hub goes from its cluster; what runs on the members stays, or is withdrawn first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli import errors
from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command()
@click.option(
    "--members",
    type=click.Choice(["leave", "clean"]),
    default="leave",
    show_default=True,
    help="Leave what runs on the members as it is, or have the hub withdraw all of it first.",
)
@click.option(
    "--crds",
    is_flag=True,
    help="Remove the kinds too, with every Application, Cluster and Project that is left.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@timeout_option("10m")
@hub_options
def uninstall(hub: Hub, members: str, crds: bool, yes: bool, timeout: float) -> int:  # noqa: FBT001 (click's options)
    """Take fleethub off its own cluster: what 'install' made there goes, and nothing else.

    Applications, Clusters and Projects, registrations and sealing keys stay, so that 'install' goes on where this ended;
    with --crds the first three go, without anything being withdrawn. The kinds go too where none of them is left,
    and the namespace where it is empty. With --members clean the hub must run, and withdraws everything from
    every cluster first; nothing is removed before that has ended.
    """
    from fleet.cli import asking, installation, removal  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    installation.meant(hub)
    fate = "is deleted" if members == "clean" else "stays as it is"
    rest = " The kinds go, with all their objects." if crds else ""
    asking.ask(
        "uninstall", f"Remove fleethub from this cluster? What it put on the members {fate}.{rest}", yes=yes
    )

    async def verb(session: Session) -> int:
        await installation.check(session, new=False)
        if members == "clean":
            await _clean(session, timeout)
        await removal.workload(session)
        async with removal.Stopped(session, timeout):
            await removal.remove(session, crds=crds)
            if members == "clean" and not crds:
                # What was withdrawn is withdrawn; of a hub that is installed later nobody has asked it.
                await removal.called_off(session)
        return errors.DONE

    return run(verb, hub)


async def _clean(session: Session, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Have everything withdrawn from every cluster; raises before anything is removed where that does not end."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.cluster.remove import cleaned  # noqa: PLC0415

    for body in await objects.listed(session.send, names.CLUSTER, session.hub.hub_namespace):
        name = body["metadata"]["name"]
        click.echo(f"Cleaning {name}")
        await cleaned(session, name, timeout)
