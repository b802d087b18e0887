"""Commands are imported when they are run."""

from __future__ import annotations

import click
import pytest

from fleet.cli.lazy import LazyGroup

TABLE = {"there": ("fleet.cli.version:version", "It is there."), "broken": ("no.such.module:x", "It is not.")}


def test_listing_imports_nothing_and_running_only_what_is_asked_for() -> None:
    group = LazyGroup("g", table=TABLE)
    context = click.Context(group)
    assert "It is not." in group.get_help(context)
    assert group.get_command(context, "there") is not None
    assert group.get_command(context, "other") is None
    with pytest.raises(ModuleNotFoundError):
        group.get_command(context, "broken")


def test_names_and_options_are_completed() -> None:
    group = LazyGroup("g", table=TABLE)
    context = click.Context(group)
    assert [(item.value, item.help) for item in group.shell_complete(context, "b")] == [
        ("broken", "It is not.")
    ]
    assert "--help" in [item.value for item in group.shell_complete(context, "--")]
