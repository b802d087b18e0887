"""``fleethub seal``: a Secret for the clusters of a ring, and whether a sealed one would open."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet.cli import saving
from fleet.cli.errors import NOT_YET, CliError
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session
    from fleet.secrets.keys import PublicKey


@click.command("seal")
@click.option("-f", "--file", "source", help="The Secret's manifest; - or nothing: the standard input.")
@click.option("--ring", default="default", show_default=True, help="The ring whose clusters open it.")
@click.option("--cert", help="A ring's certificate, from a file or URL, instead of asking the hub.")
@click.option("--name", help="Name of the Secret.")
@click.option("--target-namespace", help="Namespace of the Secret on the clusters.")
@click.option(
    "--scope",
    type=click.Choice(["strict", "namespace-wide", "cluster-wide"]),
    help="Where it opens: as this Secret, under any name of its namespace, anywhere.  [default: strict]",
)
@click.option(
    "--from-literal",
    "literals",
    multiple=True,
    metavar="KEY=VALUE",
    help="A value; seen by others in the list of processes.",
)
@click.option("--from-file", "files", multiple=True, metavar="[KEY=]FILE", help="A value from a file.")
@click.option(
    "--merge-into", metavar="FILE", help="A SealedSecret to add the values to; it is written in place."
)
@click.option(
    "--check", metavar="FILE", help="Instead: say whether the SealedSecrets of a file would open, and where."
)
@hub_options
def seal(hub: Hub, **given: Any) -> int:
    """Seal a Secret for the clusters of a ring; what is printed may be committed.

    \b
    kubectl create secret generic db --dry-run=client -n shop --from-literal=... -o yaml | fleethub seal --ring prod
    fleethub seal --ring prod --name db --target-namespace shop --from-file=password
    """  # noqa: D301 (click's mark for lines that stay as they are)
    if given["check"]:
        from fleet.cli.seal.checking import check  # noqa: PLC0415

        return 0 if check(hub, given["check"]) else NOT_YET
    from fleet.cli import output  # noqa: PLC0415
    from fleet.cli.seal import making  # noqa: PLC0415
    from fleet.documents import write  # noqa: PLC0415
    from fleet.secrets.seal import Scope, scope  # noqa: PLC0415

    secret, clear = _secret(given)
    key = _key(hub, given)
    if given["merge_into"]:
        file = Path(given["merge_into"])
        made = making.merged(_read(file.read_bytes(), str(file)), clear, key)
        saving.put(file, write.yaml(made).encode())
        click.echo(f"{len(clear)} values sealed into {file}.", err=True)
        return 0
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    meant = Scope(given["scope"]) if given["scope"] else scope(annotations)
    made = making.sealed(secret, clear, meant, key)
    if not output.structured(made, hub.output if hub.output != "table" else "yaml"):
        raise CliError("only yaml and json can be printed")
    return 0


def _secret(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The Secret that is to be sealed, and its values in clear."""
    from fleet.cli.seal import making  # noqa: PLC0415

    direct = _direct(given["literals"], given["files"])
    secret: dict[str, Any] = {"kind": "Secret", "metadata": {}}
    if given["source"] or not direct:
        file = given["source"] or "-"
        if file == "-" and sys.stdin.isatty():
            raise CliError(
                "there is nothing to seal", hint="Pipe a Secret in, or give -f, --from-file or --from-literal"
            )
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        secret = _read(data, file)
        if secret.get("kind") != "Secret":
            raise CliError(f"{file} holds no Secret")
    metadata = {**(secret.get("metadata") or {})}
    if given["name"]:
        metadata["name"] = given["name"]
    if given["target_namespace"]:
        metadata["namespace"] = given["target_namespace"]
    secret = {**secret, "metadata": metadata}
    clear = {**making.values(secret), **direct}
    if not clear:
        raise CliError(
            "the Secret holds no value", hint="Give data, stringData, --from-file or --from-literal"
        )
    return secret, clear


def _direct(literals: tuple[str, ...], files: tuple[str, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for one in literals:
        key, equals, value = one.partition("=")
        if not equals:
            raise CliError("--from-literal must be KEY=VALUE")
        found[key] = value.encode()
    for one in files:
        key, equals, name = one.partition("=")
        file = Path(name if equals else one)
        found[key if equals else file.name] = file.read_bytes()
    return found


def _key(hub: Hub, given: dict[str, Any]) -> PublicKey:
    """What the ring seals with."""
    from fleet.secrets.keys import KeyUnusable, certified  # noqa: PLC0415

    try:
        return certified(_certificate(hub, given))
    except KeyUnusable as error:
        raise CliError(f"{given['cert'] or given['ring']}: {error.text}", hint="See --cert") from None


def _certificate(hub: Hub, given: dict[str, Any]) -> bytes:
    from fleet.cli.session import run  # noqa: PLC0415

    where = given["cert"]
    if where and where.startswith(("http://", "https://")):
        import urllib.error  # noqa: PLC0415
        import urllib.request  # noqa: PLC0415

        try:
            with urllib.request.urlopen(where, timeout=30) as answer:  # noqa: S310 (its scheme is one of two)
                found: bytes = answer.read(65536)
        except (urllib.error.URLError, TimeoutError) as error:
            raise CliError(f"no certificate from {where}: {type(error).__name__}") from None
        return found
    if where:
        return Path(where).read_bytes()

    async def verb(session: Session) -> bytes:
        from fleet.cli.seal.rings import certificate  # noqa: PLC0415

        return await certificate(session, given["ring"])

    return run(verb, hub)


def _read(data: bytes, path: str) -> dict[str, Any]:
    from fleet.documents import read  # noqa: PLC0415
    from fleet.errors import DocumentError  # noqa: PLC0415

    try:
        found = read.value(data, path=path)
    except DocumentError as error:
        raise CliError(error.text) from None
    if not isinstance(found, dict):
        raise CliError(f"{path} holds no object")
    return found
