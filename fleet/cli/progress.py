"""Showing how a wait goes on: redrawn on a terminal, a line for each change elsewhere. Always on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType


class Progress:
    """``with Progress() as progress: progress.show(lines)``."""

    def __init__(self) -> None:
        self._live: Any = None
        self._last: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Take over the terminal, if there is one."""
        if sys.stderr.isatty():
            from rich.console import Console  # noqa: PLC0415
            from rich.live import Live  # noqa: PLC0415

            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()

    def show(self, lines: Sequence[str]) -> None:
        """Show the present state; equal lines are not repeated where there is no terminal."""
        if self._live is not None:
            from rich.text import Text  # noqa: PLC0415

            self._live.update(Text("\n".join(lines)), refresh=True)
            return
        for index, line in enumerate(lines):
            if self._last.get(index) != line:
                click.echo(line, err=True)
        self._last = dict(enumerate(lines))
