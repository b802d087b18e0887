"""``fleethub secrets pin`` and ``unpin``: which version of a path of Vault an Application has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("pin")
@click.argument("name")
@click.option("--version", "number", type=click.IntRange(min=1), required=True, help="The version of KV v2.")
@click.option("--path", default="", help="MOUNT/PATH, where the Application has several.")
@hub_options
def pin(hub: Hub, name: str, number: int, path: str) -> None:
    """Hold a path of Vault at a version, or bring an older one back, without touching Vault, until 'unpin'."""
    from fleet.cli.session import run  # noqa: PLC0415

    key = split_name(name, hub)

    async def verb(session: Session) -> str:
        chosen = path.strip("/") or await _only(session, key)
        await _write(session, key, {chosen: number})
        return chosen

    click.echo(f"{'/'.join(key)} has version {number} of {run(verb, hub)} until it is unpinned.")


@click.command("unpin")
@click.argument("name")
@click.option("--path", default="", help="MOUNT/PATH; all of them where it is not given.")
@hub_options
def unpin(hub: Hub, name: str, path: str) -> None:
    """Follow the newest version again."""
    from fleet.cli.session import run  # noqa: PLC0415

    key = split_name(name, hub)

    async def verb(session: Session) -> None:
        await _write(session, key, {path.strip("/"): None} if path else None)

    run(verb, hub)
    click.echo(f"{'/'.join(key)} follows the newest version again.")


async def _only(session: Session, key: tuple[str, str]) -> str:
    """The one path of Vault that the Application reads. Raises CliError."""
    from fleet.cli.errors import CliError  # noqa: PLC0415
    from fleet.cli.secrets import told  # noqa: PLC0415

    rows = await told.ask(session, key)
    paths = sorted({one["source"] for row in rows for one in row["sources"] if one["version"]})
    if len(paths) != 1:
        text = f"it reads {', '.join(paths)}" if paths else "it reads nothing that has versions"
        raise CliError(text, hint="Name one with --path MOUNT/PATH")
    return str(paths[0])


async def _write(session: Session, key: tuple[str, str], change: dict[str, int | None] | None) -> None:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415

    at = objects.At(names.APPLICATION, *key)
    body = await objects.get(session.send, at)
    said = (body["metadata"].get("annotations") or {}).get(names.PIN, "")
    pins = dict(word.rsplit("=", 1) for word in said.replace(",", " ").split() if "=" in word)
    for path, number in (change or dict.fromkeys(pins)).items():
        pins.pop(path, None)
        if number is not None:
            pins[path] = str(number)
    text = ",".join(f"{path}={number}" for path, number in sorted(pins.items()))
    await objects.annotate(session.send, at, {names.PIN: text or None})
