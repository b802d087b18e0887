"""Printing what was asked for: a table, JSON or YAML.

Contract: ``-o json`` imports neither rich nor PyYAML; rich draws on a terminal only. In a pipe a table is
plain columns, never cut, so that `awk` and `grep` see whole values.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

Rows = Sequence[Sequence[str]]

_COLOURS: Final = {
    "Synced": "green",
    "Healthy": "green",
    "True": "green",
    "OutOfSync": "yellow",
    "Progressing": "yellow",
    "Suspended": "yellow",
    "Missing": "yellow",
    "Degraded": "red",
    "False": "red",
    "Unknown": "magenta",
}


def structured(value: Any, output: str) -> bool:
    """Print ``value`` if ``output`` is json or yaml; False where a table is wanted."""
    if output == "json":
        import json  # noqa: PLC0415

        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return True
    if output == "yaml":
        from fleet.documents import write  # noqa: PLC0415

        click.echo(write.yaml(value), nl=False)
        return True
    return False


def table(columns: Sequence[str], rows: Rows, *, empty: str = "") -> None:
    """Print a table; ``empty`` goes to stderr where there is no row."""
    if not rows and empty:
        click.echo(empty, err=True)
        return
    if sys.stdout.isatty():
        _drawn(columns, rows)
    else:
        _plain(columns, rows)


def fields(pairs: Mapping[str, str]) -> None:
    """Print names and values, one a line; empty values are left out."""
    told = {name: value for name, value in pairs.items() if value}
    width = max((len(name) for name in told), default=0) + 1
    for name, value in told.items():
        click.echo(f"{name + ':':<{width}} {value}")


def clean(body: Mapping[str, Any]) -> dict[str, Any]:
    """Give an object without managedFields, which nobody reads."""
    metadata = {key: value for key, value in body.get("metadata", {}).items() if key != "managedFields"}
    return {**body, "metadata": metadata}


def items(bodies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give objects as Kubernetes' own List."""
    return {"apiVersion": "v1", "kind": "List", "items": [clean(body) for body in bodies]}


def _plain(columns: Sequence[str], rows: Rows) -> None:
    grid = [[column.upper() for column in columns], *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in grid) for index in range(len(columns))]
    for row in grid:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("   ".join(cells).rstrip())


def _drawn(columns: Sequence[str], rows: Rows) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        drawn.add_column(column.upper(), overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell or "-", style=_COLOURS.get(cell, "")) for cell in row))
    Console().print(drawn)
