"""``fleethub seal --check``: would it open, and where. The caller's own rights to the keys decide, not the hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet.cli.errors import CliError
from fleet.cli.options import Hub

if TYPE_CHECKING:
    from fleet.cli.session import Session
    from fleet.model import Manifest
    from fleet.secrets.keyring import Keyring


def check(hub: Hub, file: str) -> bool:
    """Print, for each SealedSecret of a file, the rings that open each value; whether all open somewhere."""
    from fleet.cli import output  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    found = sealed_in(Path(file).read_bytes(), file)
    if not found:
        raise CliError(f"{file} holds no SealedSecret")

    async def verb(session: Session) -> tuple[Keyring, dict[str, list[str]]]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.seal import rings  # noqa: PLC0415

        known = await rings.known(session)
        serves: dict[str, list[str]] = {}
        for body in await objects.listed(session.send, names.CLUSTER, hub.hub_namespace):
            for ring in known.serving(body["metadata"]["name"], body["metadata"].get("labels") or {}):
                serves.setdefault(ring, []).append(body["metadata"]["name"])
        return await rings.keyring(session), serves

    keyring, serves = run(verb, hub)
    rows: list[tuple[str, str, str, str]] = []
    well = True
    for manifest in found:
        for key, opened in openers(manifest, keyring).items():
            well &= bool(opened)
            where = sorted({name for ring in opened for name in serves.get(ring, ())})
            rings_ = ", ".join(opened) or "no ring opens it"
            rows.append(
                (f"{manifest.ref.namespace}/{manifest.ref.name}", key, rings_, ", ".join(where) or "-")
            )
    output.table(("SEALED SECRET", "KEY", "RINGS", "CLUSTERS"), rows)
    return well


def openers(manifest: Manifest, keyring: Keyring) -> dict[str, list[str]]:
    """The rings that open each value of a SealedSecret; why one is broken, or the whole does not read, is said."""
    from fleet.secrets import seal  # noqa: PLC0415
    from fleet.secrets.forms import sealed  # noqa: PLC0415
    from fleet.secrets.refused import SecretRefused  # noqa: PLC0415
    from fleet.secrets.seal import SealBroken  # noqa: PLC0415

    try:
        read = sealed.read(manifest)
    except SecretRefused as error:
        click.echo(error.text, err=True)
        return {"-": []}
    place = seal.label(read.scope, manifest.ref.namespace, manifest.ref.name)
    found: dict[str, list[str]] = {}
    for key, text in read.encrypted.items():
        try:
            blob = seal.parse(text)
            found[key] = [ring for ring in keyring.rings() if keyring.open((ring,), place, blob) is not None]
        except SealBroken as error:
            click.echo(f"{manifest.ref.namespace}/{manifest.ref.name} {key}: {error.text}", err=True)
            found[key] = []
    return found


def sealed_in(data: bytes, path: str) -> list[Manifest]:
    """The SealedSecrets of a file, in order; what does not read is passed over."""
    import json  # noqa: PLC0415

    from fleet.documents import read  # noqa: PLC0415
    from fleet.model import Manifest, ObjectRef, Origin  # noqa: PLC0415
    from fleet.secrets.forms.sealed import KIND  # noqa: PLC0415

    made = []
    for document in read.read(data, path=path).items:
        body: Any = document.value
        if not isinstance(body, dict) or body.get("kind") != KIND:
            continue
        metadata = body.get("metadata") or {}
        ref = ObjectRef("", "Secret", str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
        made.append(Manifest(ref, "v1", json.dumps(body).encode(), Origin(path, document.index), form=KIND))
    return made
