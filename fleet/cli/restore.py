"""``fleethub restore``: a new hub from the file that ``fleethub backup`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet.cli import saving
from fleet.cli.errors import CliError
from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--identity",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Identity file of age (AGE-SECRET-KEY-1...), for a backup that was made with --recipient.",
)
@saving.passphrase_options
@click.option(
    "--replace", is_flag=True, help="Put what the backup says in the place of what is there and differs."
)
@timeout_option("1m")
@hub_options
def restore(hub: Hub, file: str, **given: Any) -> None:
    """Make a cluster the hub that a backup was taken of; installs fleethub first.

    What is there already and says something else is left, and then nothing at all is written, unless --replace is
    given. Namespaces of Applications that are not there are made. Members and what runs there are not touched: the new
    hub finds it all as it is.
    """
    from fleet.backup import age, content  # noqa: PLC0415
    from fleet.cli import installation  # noqa: PLC0415
    from fleet.cli.session import failed, run  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415

    installation.meant(hub)
    encrypted = Path(file).read_bytes()
    try:
        if age.asks_passphrase(encrypted):
            passphrase = saving.passphrase(given["passphrase_file"], given["passphrase_fd"], confirm=False)
            opened = age.by_passphrase(encrypted, passphrase)
        elif given["identity"] is None:
            raise CliError("it was encrypted to a recipient", hint="Give --identity FILE")
        else:
            lines = Path(given["identity"]).read_bytes().decode(errors="replace").splitlines()
            opened = age.by_identities(encrypted, lines)
        items = content.unpack(opened, hub.hub_namespace)
    except FleetError as error:
        raise failed(error) from None

    async def verb(session: Session) -> None:
        await _restore(session, items, replace=given["replace"], timeout=given["timeout"])

    run(verb, hub)
    click.echo(
        "Next: 'fleethub hub' runs the hub. When the former hub is gone for good, 'fleethub cluster take-over --all' "
        "spares it the wait for the Leases on the members."
    )


async def _restore(session: Session, items: list[dict[str, Any]], *, replace: bool, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    from fleet import names  # noqa: PLC0415
    from fleet.backup import content  # noqa: PLC0415
    from fleet.cli import hub_objects, install, installation, objects  # noqa: PLC0415
    from fleet.projects import default  # noqa: PLC0415

    await installation.check(session, new=True)
    own = session.hub.hub_namespace
    others = sorted({one["metadata"]["namespace"] for one in items} - {own})
    for place in (own, *others):
        await install.gone(session, objects.At("Namespace", "", place), timeout)
    shipped = default.manifest(own)
    present: list[dict[str, Any] | None] = []
    differing = []
    for one in items:
        found = await objects.find(session.send, _at(one))
        present.append(found)
        if found is not None and content.differs(one, found) and content.differs(shipped, found):
            differing.append(str(_at(one)))
    if differing and not replace:
        raise CliError(
            f"{len(differing)} are there already and differ: {', '.join(differing)}",
            hint="Nothing was written. Give --replace to put those of the backup in their place",
        )
    await objects.apply(session.send, hub_objects.namespace(own))
    for place in others:
        if await objects.create(
            session.send, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}}
        ):
            click.echo(f"Made Namespace {place}")
    pairs = list(zip(items, present, strict=True))
    first = [pair for pair in pairs if pair[0]["kind"] not in names.HUB_KINDS]
    made = [await _put(session, *pair) for pair in first]
    # What an installation makes once, like the token of the API, is there by now and stays.
    await install.carry_out(session, "", (), timeout)  # after the Secrets
    for one, _ in pairs[len(first) :]:
        made.append(await _put(session, one, await objects.find(session.send, _at(one))))
    click.echo(
        f"{made.count('made')} made, {made.count('replaced')} replaced, {made.count('')} as they were."
    )


async def _put(session: Session, wanted: dict[str, Any], present: dict[str, Any] | None) -> str:
    from fleet.backup import content  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415

    if present is None:
        return "made" if await objects.create(session.send, wanted) else ""
    if not content.differs(wanted, present):
        return ""
    await objects.replace(session.send, content.over(wanted, present))
    return "replaced"


def _at(body: dict[str, Any]) -> Any:
    from fleet.cli import objects  # noqa: PLC0415

    return objects.At(body["kind"], body["metadata"]["namespace"], body["metadata"]["name"])
