"""Printing."""

from __future__ import annotations

import json

import pytest

from fleet.cli import output


def test_a_table_in_a_pipe_is_plain_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "sync"), [("a" * 200, "Synced"), ("b", "")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "SYNC"]
    assert lines[1].split() == ["a" * 200, "Synced"]
    assert lines[2].split() == ["b", "-"]


def test_an_empty_table_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name",), [], empty="There are none.")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "There are none.\n")


def test_structured_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert output.structured({"a": "1"}, "json")
    assert json.loads(capsys.readouterr().out) == {"a": "1"}
    assert output.structured({"a": "1"}, "yaml")
    assert capsys.readouterr().out == 'a: "1"\n'
    assert not output.structured({}, "table")


def test_objects_are_printed_without_managed_fields() -> None:
    body = {"kind": "Application", "metadata": {"name": "x", "managedFields": [1]}}
    assert output.items([body])["items"] == [{"kind": "Application", "metadata": {"name": "x"}}]
    assert body["metadata"] == {"name": "x", "managedFields": [1]}


def test_fields_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    output.fields({"Name": "a", "Long name": "b", "Empty": ""})
    assert capsys.readouterr().out == "Name:      a\nLong name: b\n"
