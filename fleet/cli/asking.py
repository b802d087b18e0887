"""A person agrees to what cannot be undone; a script says so by --yes."""

from __future__ import annotations

import sys

import click

from fleet.cli import errors


def ask(verb: str, question: str, *, yes: bool) -> None:
    """Raises CliError where nobody is there to answer, and click.Abort where the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise errors.CliError(f"{verb} asks, and nobody is there to answer", hint="Give --yes")
    click.confirm(question, abort=True, err=True)
