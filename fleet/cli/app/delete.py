"""``fleethub app delete``: the Application, or its hold on clusters that will not come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options, split_name, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("delete")
@click.argument("name")
@click.option(
    "--abandon",
    multiple=True,
    metavar="CLUSTER",
    help="Do not wait for this cluster, which will not come back; what runs there stays. Repeatable.",
)
@click.option("--wait", "wait", is_flag=True, help="Wait until it is gone.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@timeout_option()
@hub_options
def command(hub: Hub, name: str, **asked: Any) -> None:
    """Delete an Application and, unless its deletionPolicy is Orphan, its objects on all clusters.

    It is gone once every cluster has answered. With --abandon it does not wait for that one.
    """
    from fleet.cli import asking  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)
    but = f"; what runs on {', '.join(sorted(asked['abandon']))} stays" if asked["abandon"] else ""
    asking.ask(
        "app delete",
        f"Delete Application {namespace}/{plain} and what it keeps on its clusters{but}?",
        yes=asked["yes"],
    )

    async def verb(session: Session) -> None:
        await _delete(session, (namespace, plain), asked)

    run(verb, hub)


async def _delete(session: Session, key: tuple[str, str], asked: dict[str, Any]) -> None:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    at = objects.At(names.APPLICATION, *key)
    body = await objects.get(session.send, at)
    if asked["abandon"]:
        before = (body["metadata"].get("annotations") or {}).get(names.ABANDON, "")
        clusters = {one for one in before.split(",") if one} | set(asked["abandon"])
        await objects.annotate(session.send, at, {names.ABANDON: ",".join(sorted(clusters))})
        click.echo(f"The hub lets go of {', '.join(sorted(asked['abandon']))}; what runs there stays.")
    if not body["metadata"].get("deletionTimestamp"):
        await objects.delete(session.send, at)
        click.echo(f"Deleting {'/'.join(key)}.")
    if not asked["wait"]:
        return

    async def look() -> waiting.Look:
        present = await objects.find(session.send, at)
        if present is None or present["metadata"]["uid"] != body["metadata"]["uid"]:
            return waiting.Look(done=True, lines=("Gone.",))
        told = dict(columns.matters(present)).get("DeletionWaits", "the hub removes its objects")
        return waiting.Look(done=False, lines=(f"{'/'.join(key)}: {told}",))

    await waiting.until(look, timeout=asked["timeout"], what=f"deletion of {'/'.join(key)}")
    click.echo("Gone.")
