"""How a long step tells that it lives: one line a step, with elapsed time and what is left.

On a terminal the last line is rewritten twice a second; elsewhere (CI, a file) plain lines are written, at
least one every 20 seconds.
"""

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

_REDRAW = 0.5
_SIGN_OF_LIFE = 20.0


class Progress:
    """A context manager around the steps of one build; thread-safe, writes to `out` only.

    `step` begins a step (and ends the one before), `detail` says where it stands, `note` writes a line that
    stays.
    """

    def __init__(self, steps: int, out: TextIO | None = None) -> None:
        """Be ready for so many steps."""
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._steps = steps
        self._number = 0
        self._name = ""
        self._detail = ""
        self._begun = self._step_begun = time.monotonic()
        self._said = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="progress", daemon=True)

    def __enter__(self) -> Self:
        """Begin to write."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the current step, as done only if nothing was raised."""
        self._over.set()
        self._thread.join()
        with self._lock:
            self._close("done" if kind is None else "stopped")

    def step(self, name: str) -> None:
        """Begin the next step."""
        with self._lock:
            self._close("done")
            self._number += 1
            self._name, self._detail = name, ""
            self._step_begun = time.monotonic()
            self._write(self._line())

    def detail(self, text: str) -> None:
        """Say where the current step stands, for example `812 of about 1690 packages`."""
        with self._lock:
            self._detail = text

    def note(self, text: str) -> None:
        """Write a line that stays."""
        with self._lock:
            self._write(text, stays=True)

    def _beat(self) -> None:
        while not self._over.wait(_REDRAW):
            with self._lock:
                if self._name and (self._live or time.monotonic() - self._said >= _SIGN_OF_LIFE):
                    self._write(self._line())

    def _close(self, how: str) -> None:
        if self._name:
            took = _clock(time.monotonic() - self._step_begun)
            self._write(f"[{self._number}/{self._steps}] {self._name}: {how} in {took}", stays=True)
            self._name = ""

    def _line(self) -> str:
        now = time.monotonic()
        left = self._steps - self._number
        parts = [f"[{self._number}/{self._steps}] {self._name}"]
        if self._detail:
            parts.append(self._detail)
        parts.append(f"{_clock(now - self._step_begun)} (in all {_clock(now - self._begun)})")
        parts.append(f"{left} more to go" if left else "the last one")
        return ", ".join(parts)

    def _write(self, text: str, *, stays: bool = False) -> None:
        self._said = time.monotonic()
        if self._live and stays:
            self._out.write(f"\r\x1b[2K{text}\n")
        elif self._live:
            # A line that wraps could not be rewritten.
            self._out.write(f"\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}")
        else:
            self._out.write(f"{text}\n")
        self._out.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
