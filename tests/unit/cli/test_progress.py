"""Showing a wait."""

from __future__ import annotations

import pytest

from fleet.cli.progress import Progress


def test_without_a_terminal_only_lines_that_changed_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.show(["a", "b"])
        progress.show(["a", "c"])
        progress.show(["a", "c"])
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "a\nb\nc\n")
