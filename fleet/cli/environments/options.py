"""The options that name a clone of a repository by environment and the branch of it that the hub follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.cli.options import Decorator


def clone_options(remote: str) -> Decorator:
    """Add ``--base``, ``--repository`` (the parameter ``folder``) and ``--remote``, with what that is for."""
    options = (
        click.option(
            "--base",
            default="main",
            show_default=True,
            metavar="BRANCH",
            help="The branch that the hub follows.",
        ),
        click.option(
            "--repository",
            "folder",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            default=".",
            metavar="DIR",
            help="A clone of the repository. Default: the one here.",
        ),
        click.option("--remote", default="origin", show_default=True, metavar="NAME", help=remote),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
