"""``fleethub cluster revoke``: what the hub signs in to a cluster with counts no more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fleet.cli import errors
from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("revoke")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is done.")
@timeout_option("1m")
@hub_options
def command(hub: Hub, name: str, yes: bool, no_wait: bool, timeout: float) -> None:  # noqa: FBT001 (click's options)
    """Void every token of the hub's account on a cluster.

    The hub stops its work there and deletes its ServiceAccount fleethub/fleethub: no token of it counts from then
    on, the one in use, former ones and copies, whichever hub has it. What runs there stays, and so does the
    registration. 'cluster rotate NAME --member-kubeconfig FILE' lets the hub in again.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    if not yes and sys.stdin.isatty():
        click.confirm(f"Void every token of the hub on {name}? What runs there stays.", abort=True, err=True)

    async def verb(session: Session) -> None:
        await _revoke(session, name, None if no_wait else timeout)

    run(verb, hub)


async def _revoke(session: Session, name: str, timeout: float | None) -> None:  # noqa: ASYNC109 (exit code 4)
    from datetime import UTC, datetime  # noqa: PLC0415

    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415
    from fleet.cli.cluster import own  # noqa: PLC0415

    at = objects.At(names.CLUSTER, session.hub.hub_namespace, name)
    word = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = await objects.get(session.send, at)
    place = await own.place(session, columns.status(body).get("identity", ""))
    await objects.annotate(session.send, at, {names.REVOKE: word})
    if timeout is None:
        click.echo(f"Asked the hub to revoke its credential for {name}.")
        return

    async def look() -> waiting.Look:
        held: dict[str, Any] = await objects.get(session.send, at)
        under_way = objects.condition(held, "Revoking").get("message", "")
        done = columns.status(held).get("revoked") == word
        told = under_way if word in under_way else "the hub has not taken it up yet; does it run?"
        return waiting.Look(done, (f"{name}: {told}",))

    try:
        await waiting.until(look, timeout=timeout, what=f"revoking {name}")
    except errors.CliError as error:
        error.hint = (
            f"The hub goes on; 'kubectl delete serviceaccount -n {place} {names.MEMBER_ACCOUNT}' on "
            "the cluster does the same"
        )
        raise
    click.echo(
        f"Revoked: ServiceAccount {place}/{names.MEMBER_ACCOUNT} of {name} is deleted, and none of its "
        f"tokens counts; within 10 s for an API server that has just seen one. What runs there stays."
    )
