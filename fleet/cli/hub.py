"""``fleethub hub``: the process itself. Its options are the table of settings."""

from __future__ import annotations

import importlib
from typing import Any

import click

from fleet.cli.errors import WRONG_USE, CliError
from fleet.setting_rows import ROWS, Row


def _option(row: Row) -> click.Option:
    default = f" Default: {row.default}." if row.default else ""
    choices = row.kind.split("|")
    if row.kind == "flag":
        return click.Option(
            [row.flag, row.name], is_flag=True, default=None, help=f"{row.sentence}  [{row.variable}]"
        )
    return click.Option(
        [row.flag, row.name],
        multiple=row.kind == "list",
        default=None,
        metavar=None if len(choices) > 1 else row.kind.upper(),
        type=click.Choice(choices) if len(choices) > 1 else str,
        help=f"{row.sentence}{default}  [{row.variable}]",
    )


def _run(**given: Any) -> int:
    try:
        from pydantic import ValidationError  # noqa: PLC0415

        from fleet.settings import Settings  # noqa: PLC0415

        settings = Settings(**{name: value for name, value in given.items() if value not in (None, ())})
        settings = settings.model_copy(update={"programs": (*settings.programs, *_built())})
    except ValidationError as error:
        raise CliError(_words(error), hint="See 'fleethub hub --help'", code=WRONG_USE) from None
    # By name: the process is above the command line's own layer, and heavy.
    code: int = importlib.import_module("controllers.process").serve(settings)
    return code


def _built() -> tuple[str, ...]:
    """Where programs are that were built on this machine, after those that somebody names."""
    from bootstrap.local import binaries  # noqa: PLC0415

    return tuple(str(one) for one in dict.fromkeys((binaries.folder(), binaries.built())) if one.is_dir())


def _words(error: Any) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    row = next((row for row in ROWS if row.name == name), None)
    where = f"{row.flag} ({row.variable})" if row is not None else name
    return f"{where}: {first['msg']}"


hub = click.Command(
    "hub",
    callback=_run,
    params=[_option(row) for row in ROWS],
    help="Run the hub until it is stopped.\n\nEach option is a variable too; the option wins.",
)
