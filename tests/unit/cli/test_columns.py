"""What is printed of a status."""

from __future__ import annotations

from datetime import UTC, datetime

from fleet.cli.app import columns, sync
from fleet.hub import requests
from fleet.names import SYNC

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_ages() -> None:
    times = (
        "2026-01-01T23:59:55Z",
        "2026-01-01T23:00:00Z",
        "2025-12-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
        "",
    )
    assert [columns.age(time, NOW) for time in times] == ["5s", "1h", "32d", "0s", ""]


def test_only_conditions_that_say_what_is_the_matter_are_told() -> None:
    conditions = [
        {"type": "Ready", "status": "True", "message": "fine"},
        {"type": "Contested", "status": "True", "message": "hpa"},
        {"type": "Other", "status": "False", "message": "no"},
    ]
    assert list(columns.matters({"status": {"conditions": conditions}})) == [("Contested", "hpa")]


def test_a_status_counts_only_for_the_generation_that_it_was_made_from() -> None:
    assert columns.observed({"metadata": {"generation": 2}, "status": {"observedGeneration": 2}})
    assert not columns.observed({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}})
    assert not columns.observed({"metadata": {"generation": 1}})


def test_the_request_for_a_sync_is_what_the_hub_reads() -> None:
    names = ["system:serviceaccount:team:ci", "ada;prune,x", "Ada Lovelace", "é" * 300, ""]
    for name in names:
        text = sync.request("a" * 40, name, prune=True)
        found = requests.asked({SYNC: text})
        assert found is not None
        assert (found.request, found.commit, found.prune) == (text, "a" * 40, True)
        assert bool(found.by) == bool(name)
        assert found.at.endswith("Z")
