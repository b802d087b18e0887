"""Files that are written whole or not at all, and passphrases for those that hold secrets.

Contract: what is written is bytes, the same on every system. No secret is ever on a command line.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fleet.cli.errors import CliError


def free(file: str, *, force: bool) -> None:
    """CliError where FILE could not be written, before anything is asked or read for it."""
    place = Path(file)
    if not place.parent.is_dir():
        raise CliError(f"there is no folder {place.parent}", hint="Make it, or name a file in another one")
    if not force and os.path.lexists(place):
        raise _there(file)


def write(file: str, content: bytes, *, force: bool) -> None:
    """Write a file that only its owner can read, whole or not at all; what is there stays unless ``force``."""
    place = Path(file)
    free(file, force=force)
    with _told(file):
        try:
            with _beside(place, content) as beside:
                _name(beside, place, force=force)
        except FileExistsError:
            raise _there(file) from None


def put(file: Path, content: bytes) -> None:
    """Give a file, new or not, another content, whole or not at all; who may read it, and links to it, stay."""
    with _told(str(file)):
        place = file.resolve()
        rights = _rights(place)
        with _beside(place, content) as beside:
            beside.chmod(rights)
            beside.replace(place)


@contextlib.contextmanager
def _told(file: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def _beside(place: Path, content: bytes) -> Iterator[Path]:
    """Give a file beside ``place`` that is whole, to be named so; whatever has no other name by then goes."""
    handle, name = tempfile.mkstemp(prefix=f".{place.name}-", dir=place.parent)  # with mode 0600
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        yield beside
    finally:
        beside.unlink(missing_ok=True)
    _lasting(place.parent)


def _rights(place: Path) -> int:
    """The mode of a file that is there; of a new one, as this process would make it."""
    try:
        return stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask


def _name(beside: Path, place: Path, *, force: bool) -> None:
    """Give the file that is whole its name."""
    if not force:
        try:
            place.hardlink_to(beside)  # which replaces nothing
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            free(str(place), force=False)
        else:
            return
    beside.replace(place)


def _lasting(folder: Path) -> None:
    """See that the name outlasts the machine too, where a folder can be opened for it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _there(file: str) -> CliError:
    return CliError(
        f"{file} exists already", hint="Name another file, or give --force to put it in its place"
    )


def passphrase_options(function: Any) -> Any:
    """Add ``--passphrase-file`` and ``--passphrase-fd``."""
    function = click.option(
        "--passphrase-fd", type=int, metavar="N", help="An open file descriptor with the passphrase."
    )(function)
    return click.option(
        "--passphrase-file",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="A file with the passphrase, on one line.",
    )(function)


def passphrase(file: str | None, descriptor: int | None, *, confirm: bool) -> str:
    """The passphrase: from a file, a descriptor, else the terminal. CliError where there is none of them."""
    if file is not None:
        return _line(Path(file).read_bytes())
    if descriptor is not None:
        try:
            with os.fdopen(descriptor, "rb") as source:
                return _line(source.read())
        except OSError:
            raise CliError(f"file descriptor {descriptor} cannot be read") from None
    if not sys.stdin.isatty():
        raise CliError("there is no terminal to ask for a passphrase at", hint="Give --passphrase-file FILE")
    return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))


def _line(content: bytes) -> str:
    try:
        found = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise CliError("the passphrase is no UTF-8 text") from None
    if not found:
        raise CliError("the passphrase is empty")
    return found
