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


def test_a_trouble_is_written_once_and_what_stands_above_it_is_not_written_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress() as progress:
        progress.show(["a"])
        for _ in range(2):
            progress.trouble("no answer")
            progress.show(["a"])
    assert capsys.readouterr().err == "a\nno answer\n"
