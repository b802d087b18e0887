"""The options of the hub are its settings."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from fleet.cli import errors, main
from fleet.cli.hub import hub
from fleet.setting_rows import ROWS


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the process would be started with; the process itself is the integration tests'."""
    found: list[Any] = []

    def serve(settings: Any) -> int:
        found.append(settings)
        return 1

    monkeypatch.setitem(sys.modules, "controllers.process", SimpleNamespace(serve=serve))
    return found


def test_every_setting_is_an_option() -> None:
    assert [option.opts for option in hub.params] == [[row.flag] for row in ROWS]


def test_options_win_over_variables_and_variables_over_defaults(
    served: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETHUB_LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("FLEETHUB_GRACE", "9m")
    given = ["hub", "--listen", "127.0.0.1:2", "--allow-git", "http://a/", "--allow-git", "http://b/"]
    assert main.execute(given) == 1
    (settings,) = served
    assert (settings.listen, settings.grace, settings.poll_interval) == ("127.0.0.1:2", 540.0, 180.0)
    assert settings.allow_git == ("http://a/", "http://b/")


def test_a_bad_setting_names_option_and_variable_and_not_its_value(
    served: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.execute(["hub", "--grace", "hunter2"]) == errors.WRONG_USE
    told = capsys.readouterr().err
    assert told.startswith("Error: --grace (FLEETHUB_GRACE): ")
    assert "hunter2" not in told
    assert served == []
