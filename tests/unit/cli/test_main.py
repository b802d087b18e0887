"""The table of commands, exit codes and errors."""

from __future__ import annotations

import errno
import importlib

import click
import pytest

from fleet.cli import errors, main
from fleet.cli.app import group as app_group
from fleet.cli.cluster import group as cluster_group
from fleet.cli.errors import CliError
from fleet.cli.lazy import LazyGroup


@pytest.mark.parametrize(
    ("name", "where"),
    [
        (name, where)
        for table in (main.TABLE, app_group.TABLE, cluster_group.TABLE)
        for name, (where, _) in table.items()
        if name != "demo"
    ],
)
def test_every_entry_of_the_tables_is_there_under_its_name(name: str, where: str) -> None:
    module, _, attribute = where.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_an_unknown_command_is_one_line_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.execute(["app", "lst"]) == errors.WRONG_USE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "Error: No such command 'lst'. Did you mean 'list'? Try 'fleethub app --help'\n"


def test_an_unknown_option_is_one_line_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.execute(["app", "list", "--namspace", "x"]) == errors.WRONG_USE
    assert "--namespace" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["app", "wait", "x", "--timeout", "soon"],
        ["app", "sync", "x", "--revision", "main"],
        ["cluster", "add", "x"],
        ["cluster", "take-over"],
        ["cluster", "take-over", "x", "--all"],
        ["hub", "--log-level", "loud"],
        ["hub", "--in-flight", "0"],
        ["app", "list", "-o", "xml"],
        ["completion", "tcsh"],
    ],
)
def test_wrong_use_is_exit_code_two_and_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.execute(arguments) == errors.WRONG_USE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith("Error: ")


def test_a_command_without_its_verb_shows_help_and_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.execute(["app"]) == errors.WRONG_USE
    assert "resources" in capsys.readouterr().err


def test_an_error_has_its_own_code_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def late() -> None:
        raise CliError("not so\nafter 5 s.", hint="Give --timeout", code=errors.OUT_OF_TIME)

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: late)
    assert main.execute(["version"]) == errors.OUT_OF_TIME
    assert capsys.readouterr().err == "Error: not so after 5 s. Give --timeout\n"


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ["version"]),
        (PermissionError(errno.EACCES, "Permission denied", "/data"), ["hub"]),
    ],
)
def test_what_the_system_refuses_without_a_name_or_in_a_hub_is_not_made_short(
    error: OSError, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def refused() -> None:
        raise error

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: refused)
    with pytest.raises(OSError, match=error.strerror):
        main.execute(arguments)


def test_a_missing_kubeconfig_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent/kubeconfig")
    assert main.execute(["app", "list"]) == errors.FAILED
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--kubeconfig" in told


def test_an_api_server_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    kubeconfig = tmp_path_factory.mktemp("config") / "config"
    kubeconfig.write_text(
        "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "users: [{name: a, user: {token: hunter2}}]\n"
        "current-context: a\n"
    )
    assert main.execute(["cluster", "list", "--kubeconfig", str(kubeconfig)]) == errors.FAILED
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "hunter2" not in told


def test_completion_scripts_and_completions_come_from_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.execute(["completion", "bash"]) == errors.DONE
    assert "_FLEETHUB_COMPLETE" in capsys.readouterr().out
    context = click.Context(main.cli)
    assert [item.value for item in main.cli.shell_complete(context, "c")] == ["cluster", "completion"]


def test_install_prints_its_manifests_without_a_server_and_without_a_token(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.execute(["install", "--print"]) == errors.DONE
    told = capsys.readouterr().out
    for part in ("kind: CustomResourceDefinition", "kind: ClusterRoleBinding", "kind: ServiceAccount"):
        assert part in told
    assert "kind: Secret\n" not in told
