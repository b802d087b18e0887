"""``fleethub cluster remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("remove")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@hub_options
def command(hub: Hub, name: str, yes: bool) -> None:  # noqa: FBT001 (click's option)
    """Unregister a cluster: the hub forgets its credential and lets go. What runs there stays."""
    import sys  # noqa: PLC0415

    from fleet.cli.session import run  # noqa: PLC0415

    if not yes and sys.stdin.isatty():
        click.confirm(f"Unregister cluster {name}? What runs there stays.", abort=True, err=True)

    async def verb(session: Session) -> None:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.cluster import secrets  # noqa: PLC0415

        namespace = hub.hub_namespace
        at = objects.At(names.CLUSTER, namespace, name)
        cluster = await objects.find(session.send, at)
        made_from = ((cluster or {}).get("metadata", {}).get("annotations") or {}).get(names.MADE_FROM, "")
        removed = []
        # The Secrets first: as long as one is there, the hub makes the Cluster anew.
        wanted = {
            f"{name}{secrets.KUBECONFIG_SUFFIX}",
            f"{name}{secrets.TOKEN_SUFFIX}",
            made_from.rpartition("/")[2],
        }
        for secret in sorted(wanted - {""}):
            where = objects.At(objects.SECRET, namespace, secret)
            if secrets.ours(await objects.find(session.send, where)) and await objects.delete(
                session.send, where
            ):
                removed.append(str(where))
        if await objects.delete(session.send, at):
            removed.append(str(at))
        if not removed:
            await objects.get(session.send, at)
        click.echo(f"Removed {', '.join(removed)}.")
        click.echo(f"What runs on {name} stays, and so does the hub's account there (namespace fleethub).")

    run(verb, hub)
