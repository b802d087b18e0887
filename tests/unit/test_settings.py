"""The settings' table, model and page agree."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fleet.setting_rows import ROWS
from fleet.settings import PAGE, Settings, page


def test_the_table_and_the_model_name_the_same_settings() -> None:
    assert [row.name for row in ROWS] == list(Settings.model_fields)


def test_the_defaults_of_the_table_are_those_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Settings()
    for row in ROWS:
        monkeypatch.setenv(row.variable, row.default)
    assert Settings() == plain


def test_every_setting_is_documented() -> None:
    assert PAGE.read_text() == page()
    for row in ROWS:
        assert row.flag in page()
        assert row.variable in page()
        assert row.sentence.endswith(".")


def test_a_flag_wins_over_its_variable_and_lists_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETHUB_POLL_INTERVAL", "1m30s")
    monkeypatch.setenv("FLEETHUB_ALLOW_GIT", "https://a.example/, ssh://b.example/")
    monkeypatch.setenv("FLEETHUB_NAMESPACE", "other")
    found = Settings(namespace="mine")
    assert (found.poll_interval, found.namespace) == (90.0, "mine")
    assert found.allow_git == ("https://a.example/", "ssh://b.example/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("poll_interval", "hunter2"),
        ("grace", "-5s"),
        ("lease_duration", "1s"),
        ("in_flight", "0"),
        ("log_level", "hunter2"),
    ],
)
def test_a_wrong_value_is_refused_without_being_quoted(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FLEETHUB_{name.upper()}", value)
    with pytest.raises(ValidationError) as error:
        Settings()
    assert name in str(error.value)
    assert value not in str(error.value)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(colour="blue")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://fd00::7:8080", "http://[fd00::7]:8080"),
        ("http://[fd00::7]:8080", "http://[fd00::7]:8080"),
        ("http://10.0.0.7:8080", "http://10.0.0.7:8080"),
        ("https://hub.example", "https://hub.example"),
        ("", ""),
    ],
)
def test_an_address_of_a_pod_becomes_a_url_whichever_protocol_it_is_of(given: str, meant: str) -> None:
    assert Settings(url=given).url == meant


def test_namespaces_of_other_tools_registrations_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Settings(discover=("capi=a,b", "argocd=c")).discover  # type: ignore[arg-type]
    assert found == ("capi=a", "capi=b", "argocd=c")
    monkeypatch.setenv("FLEETHUB_DISCOVER", "capi=a,b,argocd=c")
    assert Settings().discover == found
    for wrong in ("flux=a", "a", "capi=", "capi=A"):
        with pytest.raises(ValidationError, match="capi=NAMESPACE or argocd=NAMESPACE"):
            Settings(discover=(wrong,))
