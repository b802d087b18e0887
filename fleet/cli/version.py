"""``fleethub version``."""

from __future__ import annotations

import click

from fleet.cli import output


@click.command()
@click.option(
    "-o",
    "--output",
    "how",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    help="How to print.",
)
def version(how: str) -> None:
    """Print the version of this program and of the Python that runs it."""
    import platform  # noqa: PLC0415
    from importlib import metadata  # noqa: PLC0415

    from fleet import names  # noqa: PLC0415

    told = {"fleethub": metadata.version(names.PRODUCT), "python": platform.python_version()}
    if not output.structured(told, how):
        click.echo(f"fleethub {told['fleethub']} (Python {told['python']})")
