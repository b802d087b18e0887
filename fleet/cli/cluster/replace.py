"""``fleethub cluster replace``: a person's word that another cluster takes the place of the one that was registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("replace")
@click.argument("name")
@click.option("--no-wait", is_flag=True, help="Do not wait until the hub has taken it up.")
@timeout_option("2m")
@hub_options
def command(hub: Hub, name: str, no_wait: bool, timeout: float) -> None:  # noqa: FBT001 (click's option)
    """Accept the cluster that a registration reaches now in place of the one that it was.

    Exactly that one: should the registration reach a third cluster later, it is refused again.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> None:
        await _replace(session, name, None if no_wait else timeout)

    run(verb, hub)


async def _replace(session: Session, name: str, timeout: float | None) -> None:  # noqa: ASYNC109 (exit code 4)
    from fleet import names  # noqa: PLC0415
    from fleet.cli import errors, objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    at = objects.At(names.CLUSTER, session.hub.hub_namespace, name)
    body = await objects.get(session.send, at)
    identity, other = (columns.status(body).get(field, "") for field in ("identity", "otherIdentity"))
    accepted = (body["metadata"].get("annotations") or {}).get(names.REPLACE, "")
    if objects.condition(body, "IdentityChanged").get("status") != "True" or not other:
        if accepted and accepted == identity:
            click.echo(f"{name} is {identity} already.")
            return
        raise errors.CliError(
            f"{name} reaches the cluster that it always was, as far as the hub has seen",
            hint=f"See 'fleethub cluster get {name}'",
        )
    if accepted != other:
        await objects.annotate(session.send, at, {names.REPLACE: other})
    click.echo(f"{name} was {identity} and is {other} from now on; nothing is deleted on the former.")
    if timeout is None:
        return

    async def look() -> waiting.Look:
        held = await objects.get(session.send, at)
        done = columns.status(held).get("identity") == other
        return waiting.Look(done, (f"{name}: {objects.condition(held, 'Ready').get('message', '')}",))

    await waiting.until(look, timeout=timeout, what=f"taking up {name}")
