"""A Cluster's status from facts alone."""

from __future__ import annotations

import json
from typing import Any

from fleet.api.cluster import Cluster
from fleet.api.parse import parse
from fleet.model import Fault, Hold, Holding, Reach
from fleet.report.cluster_summary import ClusterFacts, cluster_status

NOW = 1_700_000_000.0


def cluster(*, before: dict[str, Any] | None = None, paused: bool = False) -> Cluster:
    made = parse(
        "Cluster",
        {
            "apiVersion": "fleethub.dev/v1alpha1",
            "kind": "Cluster",
            "metadata": {"name": "eu-1", "namespace": "fleethub", "generation": 2},
            "spec": {"server": "https://eu-1.example:6443", "paused": paused},
            "status": before or {},
        },
    )
    assert isinstance(made, Cluster)
    return made


def conditions(told: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in told["conditions"]}


def reach(*, reachable: bool = True, seen: float = NOW) -> Reach:
    return Reach("eu-1", reachable=reachable, since=NOW, seen=seen, version="v1.36.3", text="No connection")


def test_reached_cluster_is_ready_with_version_and_identity() -> None:
    told = cluster_status(
        cluster(),
        ClusterFacts(reach(), "uid-1", "https://eu-1.example:6443", "4711"),
        now=NOW,
    )
    assert conditions(told) == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "Reachable": "True",
    }
    assert (told["version"], told["identity"], told["registration"]) == ("v1.36.3", "uid-1", "4711")


def test_being_seen_again_changes_no_byte() -> None:
    first = cluster_status(cluster(), ClusterFacts(reach()), now=NOW)
    again = cluster_status(cluster(before=first), ClusterFacts(reach(seen=NOW + 500)), now=NOW + 500)
    assert json.dumps(first) == json.dumps(again)


def test_silent_cluster_stays_who_it_was_and_says_when_it_last_answered() -> None:
    first = cluster_status(cluster(), ClusterFacts(reach(), "uid-1"), now=NOW)
    dark = cluster_status(cluster(before=first), ClusterFacts(reach(reachable=False)), now=NOW + 60)
    assert conditions(dark)["Reachable"] == conditions(dark)["Ready"] == "False"
    assert (dark["identity"], dark["version"]) == ("uid-1", "v1.36.3")
    assert dark["conditions"][-1]["message"] == "No connection; last answer 2023-11-14T22:13:20Z"


def test_a_registration_that_cannot_be_used_stalls() -> None:
    fault = Fault(None, "KubeconfigRefused", "users[0].user.exec would run a command")
    held = conditions(cluster_status(cluster(), ClusterFacts(faults=(fault,)), now=NOW))
    assert held["Stalled"] == held["KubeconfigRefused"] == "True"
    assert held["Ready"] == "False"
    assert held["Reachable"] == "Unknown"


def test_another_hub_on_the_member_is_a_condition() -> None:
    other = Holding(Hold.FOREIGN_HUB, "hub 1234 holds the Lease; fleethub cluster take-over eu-1")
    held = conditions(cluster_status(cluster(), ClusterFacts(reach(), holds=(other,)), now=NOW))
    assert held["ForeignHub"] == "True"
    assert held["Ready"] == "False"


def test_paused_is_shown() -> None:
    held = conditions(cluster_status(cluster(paused=True), ClusterFacts(reach()), now=NOW))
    assert held["Paused"] == "True"


def test_a_version_that_is_not_supported_is_said_and_does_no_harm() -> None:
    old = Reach("eu-1", reachable=True, since=NOW, seen=NOW, version="v1.31.4")
    told = cluster_status(cluster(), ClusterFacts(old), now=NOW)
    assert conditions(told)["VersionUnsupported"] == "True"
    assert conditions(told)["Ready"] == "True"
    assert "older than supported" in told["conditions"][-1]["message"]
