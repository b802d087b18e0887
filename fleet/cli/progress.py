"""Showing how a wait goes on: redrawn on a terminal, a line for each change elsewhere. Always on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType


class Progress:
    """``with Progress() as progress: progress.show(lines)``, and ``trouble(text)`` for a look that brought nothing."""

    def __init__(self) -> None:
        self._live: Any = None
        self._last: dict[int, str] = {}
        self._lines: tuple[str, ...] = ()
        self._troubles: set[str] = set()

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
        self._lines = tuple(lines)
        if self._live is not None:
            self._draw(self._lines)
            return
        for index, line in enumerate(lines):
            if self._last.get(index) != line:
                click.echo(line, err=True)
        self._last = dict(enumerate(lines))

    def trouble(self, text: str) -> None:
        """Show why the state could not be seen, under what was seen last; each text once where there is no terminal."""
        if self._live is not None:
            self._draw((*self._lines, text))
        elif text not in self._troubles:
            self._troubles.add(text)
            click.echo(text, err=True)

    def _draw(self, lines: Sequence[str]) -> None:
        from rich.text import Text  # noqa: PLC0415

        self._live.update(Text("\n".join(lines)), refresh=True)
