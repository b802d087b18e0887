"""``fleethub app confirm``: a person's word for a deletion that the guard holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options, split_name, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session

HELD = "DeletionHeld"


@click.command("confirm")
@click.argument("name")
@click.option("--digest", help="The set that is meant, where several are held or a script must be sure.")
@click.option("--wait", "wait", is_flag=True, help="Wait until nothing is held any more.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@timeout_option()
@hub_options
def command(hub: Hub, name: str, **asked: Any) -> None:
    """Let a deletion through that the guard holds: exactly the set that is shown, and no other."""
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> None:
        await _confirm(session, (namespace, plain), asked)

    run(verb, hub)


async def _confirm(session: Session, key: tuple[str, str], asked: dict[str, Any]) -> None:
    import sys  # noqa: PLC0415

    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    at = objects.At(names.APPLICATION, *key)
    body = await objects.get(session.send, at)
    digest = _chosen(columns.status(body).get("deletionHeld") or [], asked["digest"], key)
    click.echo(dict(columns.matters(body)).get(HELD, ""))
    if not asked["yes"] and sys.stdin.isatty():
        click.confirm(f"Delete exactly this ({digest})?", abort=True, err=True)
    await objects.annotate(session.send, at, {names.CONFIRM: digest})
    click.echo(f"Let through: {digest}.")
    if not asked["wait"]:
        return

    async def look() -> waiting.Look:
        present = await objects.find(session.send, at)
        held = columns.status(present).get("deletionHeld") or [] if present is not None else []
        told = dict(columns.matters(present)).get(HELD, "") if present is not None else ""
        return waiting.Look(done=digest not in held, lines=(told or "Nothing is held.",))

    await waiting.until(look, timeout=asked["timeout"], what=f"deletions of {'/'.join(key)}")


def _chosen(held: list[str], asked: str | None, key: tuple[str, str]) -> str:
    """The digest that is meant. CliError where that is not clear."""
    from fleet.cli.errors import CliError  # noqa: PLC0415

    name = "/".join(key)
    if not held:
        raise CliError(f"no deletion of {name} is held", hint=f"See 'fleethub app get {name}'")
    if asked is not None:
        if asked not in held:
            raise CliError(
                f"the set {asked} is not held", hint=f"Held now: {', '.join(held)}; see 'app get {name}'"
            )
        return asked
    if len(held) > 1:
        raise CliError(f"several sets are held: {', '.join(held)}", hint="Name one with --digest")
    return held[0]
