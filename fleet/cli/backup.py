"""``fleethub backup``: one encrypted file from which, with Git, a new hub is made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fleet.cli import saving
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("backup")
@click.argument("file")
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    metavar="KEY",
    help="Encrypt to an X25519 recipient of age (age1...) instead of a passphrase. Repeatable.",
)
@saving.passphrase_options
@click.option("--force", is_flag=True, help="Put it in the place of a FILE that is there.")
@hub_options
def backup(hub: Hub, file: str, **given: Any) -> None:
    """Write what a new hub needs to FILE, encrypted in age's format; - is the standard output.

    Registrations and their credentials, sealing keys and rings, the hub's HMAC key, credentials of repositories, the
    token of its API, and the Projects, Clusters and, of all namespaces, Applications that no app of apps holds. Without
    --recipient a passphrase is asked for. Whoever opens the file can do what the hub can.
    """
    from fleet.backup import age  # noqa: PLC0415
    from fleet.cli import installation  # noqa: PLC0415
    from fleet.cli.session import failed, run  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415

    installation.meant(hub)
    if given["recipients"] and (given["passphrase_file"] or given["passphrase_fd"] is not None):
        raise click.UsageError("give either --recipient or a passphrase")
    if file != "-":
        saving.free(file, force=given["force"])
    try:
        if given["recipients"]:
            age.to_recipients(b"", given["recipients"])  # before anything is read
            passphrase = ""
        else:
            passphrase = saving.passphrase(given["passphrase_file"], given["passphrase_fd"], confirm=True)
        content, told = run(_content, hub)
        if passphrase:
            encrypted = age.to_passphrase(content, passphrase)
        else:
            encrypted = age.to_recipients(content, given["recipients"])
    except FleetError as error:
        raise failed(error) from None
    if file == "-":
        sys.stdout.buffer.write(encrypted)
        return
    saving.write(file, encrypted, force=given["force"])
    click.echo(f"Wrote {told} to {file}. 'fleethub restore {file}' makes a hub of it.")


async def _content(session: Session) -> tuple[bytes, str]:
    from datetime import UTC, datetime  # noqa: PLC0415

    from fleet.backup import content  # noqa: PLC0415
    from fleet.cli import installation, objects  # noqa: PLC0415
    from fleet.clusters import registration  # noqa: PLC0415

    await installation.present(session)
    place = session.hub.hub_namespace
    items, counted = [], []
    for kind in content.KINDS:
        found = await objects.listed(session.send, kind, None if kind in content.EVERYWHERE else place)
        if kind == content.SECRET:
            # Of two credentials of a cluster the one that was written last serves; so shall it in the new hub.
            found.sort(key=registration.written)
        found = [content.bare(one, kind) for one in found if content.counts(one, kind)]
        items += found
        if found:
            counted.append(f"{len(found)} {kind}{'s' if len(found) > 1 else ''}")
    return content.pack(items, datetime.now(UTC).isoformat(timespec="seconds"), place), ", ".join(counted)
