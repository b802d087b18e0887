"""How a command ends: exit codes, and errors of one line with a hint."""

from __future__ import annotations

import os
from typing import IO, Any, Final

import click

DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
NOT_YET: Final = 3
OUT_OF_TIME: Final = 4


class CliError(click.ClickException):
    """An error for the person at the terminal; ``hint`` says what to do."""

    def __init__(self, text: str, *, hint: str = "", code: int = FAILED) -> None:
        super().__init__(text)
        self.hint = hint
        self.exit_code = code  # type: ignore[misc]  # click declares it as the class's, and reads it here

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it on one line."""
        click.echo(line(self.message, self.hint), file=file, err=file is None)


def of_file(error: OSError) -> CliError | None:
    """Tell which file, folder or program the system refuses, and why; None for an error that names none."""
    name = error.filename
    if not isinstance(name, str | bytes | os.PathLike):
        return None
    why = (error.strerror or "it failed").lower()
    return CliError(
        f"{os.fsdecode(name)} cannot be used: {why}", hint="Check the path, and your rights to it"
    )


def line(text: str, hint: str = "") -> str:
    """Give the one line of an error."""
    first = " ".join(text.split()).rstrip(".")
    if not hint:
        return f"Error: {first}"
    return f"Error: {first}{'' if first.endswith('?') else '.'} {hint}"


def note(text: str) -> None:
    """Say something that is not what was asked for."""
    click.echo(text, err=True)
