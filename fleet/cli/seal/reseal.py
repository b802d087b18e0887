"""``fleethub reseal``: every sealed value of a repository under its ring's newest key.

Contract: a value is replaced in the text of its file and nothing else of the file moves, comments and templates
included. It stays for the ring that opens it. One that stays as it is, though not under a newest key, is named. Whoever runs
it needs the right to read the hub's keys.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleet.cli import saving
from fleet.cli.errors import DONE, NOT_YET, CliError
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session
    from fleet.model import Manifest
    from fleet.secrets.keyring import Keyring

_ENDINGS = (".yaml", ".yml", ".json")


@click.command("reseal")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--commit/--no-commit",
    default=True,
    show_default=True,
    help="Commit what was changed, in its repository.",
)
@hub_options
def reseal(hub: Hub, paths: tuple[str, ...], commit: bool) -> int:  # noqa: FBT001 (click gives it)
    """Seal every SealedSecret under PATHS anew, value by value, with the newest key of its ring.

    What no key opens stays and is named; the exit code is 3 then.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> Keyring:
        from fleet.cli.seal.rings import keyring  # noqa: PLC0415

        return await keyring(session)

    keyring = run(verb, hub)
    changed: list[Path] = []
    values = left = 0
    for file in sorted({found for path in paths for found in _files(Path(path))}):
        count, missed = _one(file, keyring)
        values, left = values + count, left + missed
        if count:
            changed.append(file)
    if changed and commit:
        _commit(changed, values)
    click.echo(
        f"{values} values in {len(changed)} files sealed anew"
        + (f"; {left} stay as they are" if left else "")
    )
    return NOT_YET if left else DONE


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [
        found
        for found in path.rglob("*")
        if found.suffix in _ENDINGS
        and found.is_file()
        and not found.is_symlink()
        and ".git" not in found.parts
    ]


def _one(file: Path, keyring: Keyring) -> tuple[int, int]:
    """Seal the values of one file anew; how many were, and how many stay, each of which is named."""
    from fleet.cli.seal.checking import sealed_in  # noqa: PLC0415
    from fleet.secrets.refused import SecretRefused  # noqa: PLC0415

    data = file.read_bytes()
    if b"SealedSecret" not in data:
        return 0, 0
    count = missed = 0
    for manifest in sealed_in(data, str(file)):
        try:
            values = _values(manifest, keyring)
        except SecretRefused as error:
            click.echo(f"{file}: {error.text}", err=True)
            missed += 1
            continue
        for key, old, new in values:
            if new == "":
                continue
            if new is not None and data.count(old.encode()) == 1:
                data, count = data.replace(old.encode(), new.encode()), count + 1
                continue
            why = "opens with no key" if new is None else "does not stand there once, in one piece"
            click.echo(
                f"{file}: {manifest.ref.namespace}/{manifest.ref.name} {key} {why}; it stays", err=True
            )
            missed += 1
    if count:
        saving.put(file, data)
    return count, missed


def _values(manifest: Manifest, keyring: Keyring) -> list[tuple[str, str, str | None]]:
    """Key, value as it stands and as it is to be: None where no key opens it, empty where the newest did."""
    from fleet.secrets import seal  # noqa: PLC0415
    from fleet.secrets.forms import sealed  # noqa: PLC0415
    from fleet.secrets.seal import SealBroken  # noqa: PLC0415

    read = sealed.read(manifest)
    place = seal.label(read.scope, manifest.ref.namespace, manifest.ref.name)
    found: list[tuple[str, str, str | None]] = []
    for key, text in read.encrypted.items():
        made: str | None = None
        for ring in keyring.rings():
            newest = keyring.newest(ring)
            try:
                blob = seal.parse(text)
                clear = keyring.open((ring,), place, blob)
                if clear is None or newest is None:
                    continue
                current = seal.unseal(newest.private, place, blob) is not None
            except SealBroken:
                continue
            made = "" if current else seal.seal(newest.private.public_key(), place, clear)
            break
        found.append((key, text, made))
    return found


def _commit(changed: list[Path], values: int) -> None:
    """Commit these files, and nothing else that is changed, in their repository."""
    top = changed[0].parent
    names = [str(file.resolve()) for file in changed]
    done = subprocess.run(
        [
            "git",
            "-C",
            str(top),
            "commit",
            "--quiet",
            "-m",
            f"Seal {values} values with the newest keys",
            "--only",
            "--",
            *names,
        ],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise CliError(
            "the files are written, but git did not commit them",
            hint="Commit them yourself, or use --no-commit",
        )
