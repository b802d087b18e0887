"""``fleethub seal-key backup|restore``: what is needed, with Git, to open everything again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fleet.cli import saving
from fleet.cli.errors import CliError
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("backup")
@click.argument("file")
@click.option("--force", is_flag=True, help="Put it in the place of a FILE that is there.")
@hub_options
def backup(hub: Hub, file: str, force: bool) -> None:  # noqa: FBT001 (click gives it)
    """Write all sealing keys and the rings to FILE, which only you can read; - is the standard output.

    The file opens everything that was ever sealed for this hub: keep it as you keep a root password.
    """
    from fleet.cli import installation  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415
    from fleet.documents import write  # noqa: PLC0415

    installation.meant(hub)

    async def verb(session: Session) -> list[dict[str, Any]]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.secrets import keys  # noqa: PLC0415

        await installation.present(session)
        place = hub.hub_namespace
        found = await objects.listed(session.send, objects.SECRET, place, keys.LABEL)
        rings = await objects.find(session.send, objects.At(objects.CONFIG_MAP, place, names.RINGS))
        kept = [_bare(one, "Secret") for one in found if _told(one)]
        return kept + ([_bare(rings, objects.CONFIG_MAP)] if rings is not None else [])

    items = run(verb, hub)
    count = sum(one["kind"] == "Secret" for one in items)
    if not count:
        raise CliError(
            f"the hub in namespace {hub.hub_namespace} has no sealing key yet",
            hint="It makes them when it runs: see 'fleethub seal-key list'",
        )
    text = write.yaml({"apiVersion": "v1", "kind": "List", "items": items})
    if file == "-":
        click.echo(text, nl=False)
        return
    saving.write(file, text.encode(), force=force)
    click.echo(f"{count} keys written to {file}. It opens all that was sealed: keep it safe.")


@click.command("restore")
@click.argument("file", type=click.File("rb"))
@hub_options
def restore(hub: Hub, file: Any) -> None:
    """Put the keys and rings of a backup back; what is there already stays as it is."""
    from fleet.cli import installation  # noqa: PLC0415
    from fleet.cli.session import failed, run  # noqa: PLC0415
    from fleet.documents import read  # noqa: PLC0415
    from fleet.errors import DocumentError  # noqa: PLC0415

    installation.meant(hub)
    try:
        found = read.value(file.read(), path=getattr(file, "name", "backup"))
    except DocumentError as error:
        raise failed(error) from None
    items = found.get("items") if isinstance(found, dict) else None
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise CliError("this is no backup of sealing keys", hint="'fleethub seal-key backup FILE' makes one")

    async def verb(session: Session) -> tuple[int, int]:
        check(items)
        await installation.present(session)
        return await put_back(session, items), len(items)

    made, total = run(verb, hub)
    click.echo(f"{made} of {total} put back; the others are there already.")
    sys.stdout.flush()


def check(items: list[dict[str, Any]]) -> None:
    """Raise where one of these is neither a sealing key nor the rings: nothing else is put into the hub's namespace."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415

    for one in items:
        if fault := objects.misshapen(one):
            raise CliError(f"{fault} of an object in it is not of its type")
        kind, name = one.get("kind"), (one.get("metadata") or {}).get("name")
        if kind == "Secret":
            if not name:
                raise CliError("a sealing key in it has no name: put back twice, it would be there twice")
            _read(one)
        elif (kind, name) != (objects.CONFIG_MAP, names.RINGS):
            raise CliError(f"a backup of sealing keys holds no {kind}")


async def put_back(session: Session, items: list[dict[str, Any]]) -> int:
    """Make those that are not there; how many these were."""
    from fleet.cli import objects  # noqa: PLC0415

    made = 0
    for one in items:
        body = {**one, "metadata": {**one["metadata"], "namespace": session.hub.hub_namespace}}
        made += await objects.create(session.send, body)
    return made


def _bare(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """An object without what its server made of it."""
    metadata = body["metadata"]
    kept = {
        name: metadata[name] for name in ("name", "namespace", "labels", "annotations") if metadata.get(name)
    }
    rest = {name: body[name] for name in ("type", "data") if body.get(name)}
    return {"apiVersion": "v1", "kind": kind, "metadata": kept, **rest}


def _read(secret: dict[str, Any]) -> None:
    """Raise KeyUnusable where a Secret is no sealing key; one that is on no ring yet is one too."""
    from fleet import names  # noqa: PLC0415
    from fleet.secrets import keys, rings  # noqa: PLC0415

    metadata = secret["metadata"]
    keys.read(
        {
            **secret,
            "metadata": {**metadata, "labels": {names.RING: rings.DEFAULT, **(metadata.get("labels") or {})}},
        }
    )


def _told(secret: dict[str, Any]) -> bool:
    """Whether a labelled Secret is a key; of one that is none, that it is left out is said."""
    from fleet.secrets.keys import KeyUnusable  # noqa: PLC0415

    try:
        _read(secret)
    except KeyUnusable as error:
        click.echo(f"{error.text}; it is left out", err=True)
        return False
    return True
