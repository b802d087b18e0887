"""``fleethub cluster gc``: sets on a cluster that no Application claims, listed, and removed by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.live import Live
    from fleet.cli.objects import At
    from fleet.cli.session import Session


@click.command("gc")
@click.argument("name")
@click.option(
    "--confirm", is_flag=True, help="Remove exactly the sets that are listed, and wait until they are gone."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@timeout_option("2m")
@hub_options
def command(hub: Hub, name: str, confirm: bool, yes: bool, timeout: float) -> None:  # noqa: FBT001 (click's options)
    """List the sets of objects on a cluster whose Application is not on the hub, or not meant for this cluster.

    With --confirm, remove them; what another Application claims stays, and so does what holds things of others.
    Exit code 3 when something stays that needs a person's word, 4 when the time is over: the hub goes on.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> list[dict[str, Any]]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        at = objects.At(names.CLUSTER, hub.hub_namespace, name)
        await objects.get(session.send, at)
        live = Live(session)
        found = await _unclaimed(live, name)
        if confirm and found:
            await _confirmed(found, yes=yes)
            await _remove(session, live, at, (found, timeout))
        return found

    found = run(verb, hub)
    if confirm:
        if not found:
            click.echo("There is nothing to remove.")
        return
    if output.structured(output.items(found), hub.output):
        return
    rows = [(one["application"], str(one["objects"])) for one in found]
    output.table(("application", "objects"), rows, empty=f"Every set on {name} is claimed by an Application.")


async def _unclaimed(live: Live, name: str) -> list[dict[str, Any]]:
    from fleet.cli.errors import CliError  # noqa: PLC0415

    answer = await live.get(f"/clusters/{name}")
    if not answer:
        raise CliError(
            f"what is on {name} is known to the hub alone: {live.why or 'it does not know the cluster yet'}"
        )
    if not (answer.get("reach") or {}).get("reachable"):
        raise CliError(f"the hub does not reach {name}", hint=f"See 'fleethub cluster get {name}'")
    found: list[dict[str, Any]] = answer.get("unclaimedSets") or []
    return found


async def _confirmed(found: list[dict[str, Any]], *, yes: bool) -> None:
    import sys  # noqa: PLC0415

    for one in found:
        click.echo(f"{one['application']}: {one['objects']} objects")
    if not yes and sys.stdin.isatty():
        click.confirm("Remove exactly these?", abort=True, err=True)


async def _remove(session: Session, live: Live, at: At, asked: tuple[list[dict[str, Any]], float]) -> None:
    import uuid  # noqa: PLC0415

    from fleet import names  # noqa: PLC0415
    from fleet.cli import errors, objects, waiting  # noqa: PLC0415

    found, timeout = asked
    wanted = {one["application"] for one in found}
    # The last item names no set: by it an answer is known to be to this request, not to the one before.
    request = ",".join([*sorted(wanted), uuid.uuid4().hex[:8]])
    await objects.annotate(session.send, at, {names.COLLECT: request})

    async def look() -> waiting.Look:
        left = [one for one in await _unclaimed(live, at.name) if one["application"] in wanted]
        lines = tuple(f"{one['application']}: {'; '.join(one['told']) or 'being removed'}" for one in left)
        stuck = bool(left) and all(one["held"] and one["asked"] == request for one in left)
        return waiting.Look(not left or stuck, lines)

    last = await waiting.until(look, timeout=timeout, what=f"removing from {at.name}")
    await objects.annotate(session.send, at, {names.COLLECT: None})
    if last.lines:
        raise errors.CliError(
            f"not removed: {'; '.join(last.lines)}", hint="Then run this again", code=errors.NOT_YET
        )
    click.echo(f"Removed {len(wanted)} sets from {at.name}.")
