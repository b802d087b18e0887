"""What became of a registration, from its record and the Cluster alone."""

from __future__ import annotations

from typing import Any

from fleet.cli.cluster import records

RECORD = records.record("https://eu:6443", "uid-1", ({"env": "dev"}, {"zone": "Z1"}))


def cluster(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "eu", "labels": {"env": "dev", "more": "x"}, "annotations": {"zone": "Z1"}},
        "spec": {"server": "https://eu:6443"},
        "status": {"identity": "uid-1", **status},
    }


def condition(kind: str, status: str, reason: str = "") -> list[dict[str, str]]:
    return [{"type": kind, "status": status, "reason": reason}]


def test_one_that_stands_is_as_made_and_what_others_add_does_not_count() -> None:
    assert records.became(RECORD, cluster()) == "as made"


def test_gone_changed_and_failed_are_told_apart() -> None:
    assert records.became(RECORD, None) == "gone"
    changed = {**cluster(), "metadata": {"name": "eu", "labels": {"env": "prod"}}}
    assert records.became(RECORD, changed) == "changed: label env, annotation zone"
    assert records.became(RECORD, cluster(server="https://other")) == "changed: server"
    assert records.became(RECORD, cluster(identity="uid-2")) == "changed: cluster"
    other = cluster(conditions=condition("IdentityChanged", "True"))
    assert records.became(RECORD, other) == "changed: it reaches another cluster"
    failed = cluster(conditions=condition("Ready", "False", "Forbidden"))
    assert records.became(RECORD, failed) == "failed: Forbidden"


def test_what_no_command_registered_is_not_judged() -> None:
    assert records.became(None, cluster()) == ""
