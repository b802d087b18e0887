"""``fleethub completion``."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash, put this into ~/.bashrc: eval "$(fleethub completion bash)"
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    from fleet.cli.main import cli  # noqa: PLC0415

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(cli, {}, "fleethub", "_FLEETHUB_COMPLETE").source())
