"""Health of one fixture a kind and state; most were taken from a real control plane (v1.36).

`objects/<kind>/<health>[-<why>].json`: the file's name is the expectation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.health import assess as table
from fleet.health.assess import assess, needs_object, worst
from fleet.model import Health

OBJECTS = Path(__file__).parent / "objects"
FIXTURES = sorted(OBJECTS.glob("*/*.json"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# Parts of what the table reads, so that arbitrary values stand where it looks.
NAMES = ("conditions", "containerStatuses", "loadBalancer", "replicas", "phase", "observedGeneration")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", FIXTURES, ids=map(name, FIXTURES))
def test_each_state_of_each_kind_has_its_health(path: Path) -> None:
    expected = path.stem.partition("-")[0]
    assessed = assess(read(path))
    assert assessed.health.word.lower() == expected, assessed


@pytest.mark.parametrize("path", FIXTURES, ids=map(name, FIXTURES))
def test_what_is_not_healthy_says_why_and_never_in_the_objects_words(path: Path) -> None:
    assessed = assess(read(path))
    assert bool(assessed.message) == (assessed.health is not Health.HEALTHY)
    assert "hunter2" not in assessed.message


def test_every_row_has_a_fixture_that_is_healthy_and_one_that_is_not() -> None:
    found: dict[tuple[str, str], set[bool]] = {}
    for path in FIXTURES:
        body = read(path)
        key = (body["apiVersion"].rpartition("/")[0], body["kind"])
        found.setdefault(key, set()).add(path.stem.startswith("healthy"))
    never_ill = {("fleethub.dev", "Project")}
    same_as = {("", "ReplicationController"): ("apps", "ReplicaSet")}
    for row in table._TABLE:
        states = found[same_as.get(row, row)]
        assert states == ({True} if row in never_ill else {True, False}), row


def test_a_replication_controller_is_assessed_as_a_replica_set() -> None:
    body = read(OBJECTS / "replicaset" / "degraded-cannot-make.json")
    assert assess(body | {"apiVersion": "v1", "kind": "ReplicationController"}).health is Health.DEGRADED


def test_counts_are_told() -> None:
    assert assess(read(OBJECTS / "deployment" / "progressing-old-replicas.json")).message == (
        "1 old replicas are still there"
    )
    assert assess(read(OBJECTS / "statefulset" / "progressing-not-ready.json")).message == (
        "0 of 1 replicas are ready"
    )


def test_a_known_reason_is_named_and_an_odd_one_is_not() -> None:
    assert "CrashLoopBackOff" in assess(read(OBJECTS / "pod" / "degraded-crash-loop.json")).message
    assert assess(read(OBJECTS / "pod" / "degraded-odd-error.json")).message == "a container waits: an error"


@pytest.mark.parametrize(
    ("group", "kind", "whole"),
    [
        ("apps", "Deployment", True),
        ("", "Pod", True),
        ("fleethub.dev", "Application", True),
        ("acme.example", "Widget", True),
        ("gateway.networking.k8s.io", "Gateway", True),
        ("snapshot.storage.k8s.io", "VolumeSnapshot", True),
        ("", "Secret", False),
        ("", "ConfigMap", False),
        ("rbac.authorization.k8s.io", "ClusterRole", False),
        ("policy", "PodDisruptionBudget", False),
        ("networking.k8s.io", "NetworkPolicy", False),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", False),
    ],
)
def test_only_kinds_with_a_health_are_read_whole(group: str, kind: str, *, whole: bool) -> None:
    assert needs_object(group, kind) is whole


def test_the_worst_wins() -> None:
    assert worst([Health.HEALTHY, Health.PROGRESSING, Health.SUSPENDED]) is Health.PROGRESSING
    assert worst([Health.DEGRADED, Health.UNKNOWN, Health.MISSING]) is Health.UNKNOWN
    assert worst([]) is Health.HEALTHY


@given(st.sampled_from(sorted(table._TABLE)), JSON, st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_object_however_odd_raises(row: tuple[str, str], spec: object, status: dict[str, object]) -> None:
    group, kind = row
    body = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "spec": spec, "status": status}
    assert assess(body).health in Health
    assert assess({"apiVersion": "acme.example/v1", "kind": "Odd", "spec": spec, "status": status})


@given(JSON)
def test_metadata_however_odd_do_not_raise(odd: object) -> None:
    body = read(OBJECTS / "deployment" / "healthy.json")
    assert assess(body | {"metadata": odd})
    assert assess(body | {"apiVersion": odd})
    assert assess(body | {"kind": odd})
