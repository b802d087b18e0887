"""The options that verbs share."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from fleet.cli import options
from fleet.cli.options import Hub, hub_options, seconds, split_name


def test_the_options_become_one_value() -> None:
    @click.command()
    @click.argument("name")
    @hub_options
    def command(hub: Hub, name: str) -> None:
        click.echo(f"{name} {hub.kubeconfig} {hub.context} {hub.place} {hub.output}")

    given = ["x", "--kubeconfig", "f", "--context", "c", "-n", "team", "-o", "json"]
    assert CliRunner().invoke(command, given).output == "x f c team json\n"
    assert CliRunner().invoke(command, ["x"]).output == "x None None fleethub table\n"


def test_durations() -> None:
    assert [seconds(text) for text in ("90", "90s", "5m", "1h30m", "0")] == [90, 90, 300, 5400, 0]
    for wrong in ("", "soon", "-1", "1 m"):
        with pytest.raises(click.BadParameter):
            seconds(wrong)


def test_pairs() -> None:
    assert options.pair("env=prod=eu") == ("env", "prod=eu")
    for wrong in ("env", "=prod"):
        with pytest.raises(click.BadParameter):
            options.pair(wrong)


def test_a_name_may_carry_its_namespace() -> None:
    assert split_name("hello", Hub()) == ("fleethub", "hello")
    assert split_name("hello", Hub(namespace="team")) == ("team", "hello")
    assert split_name("team/hello", Hub()) == ("team", "hello")
