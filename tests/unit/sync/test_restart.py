"""Workloads that are marked with what the Secrets that they mount hold."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from fleet.model import Manifest, ObjectRef, Origin
from fleet.sync import restart
from fleet.sync.restart import Restarts

WEB = ObjectRef("apps", "Deployment", "shop", "web")


def secret(name: str) -> ObjectRef:
    return ObjectRef("", "Secret", "shop", name)


def workload(pod: dict[str, Any], asks: str | None = "true") -> dict[str, Any]:
    annotations = {names.RESTART: asks} if asks is not None else {}
    return {"metadata": {"annotations": annotations}, "spec": {"template": {"spec": pod}}}


def mark(body: dict[str, Any]) -> str:
    metadata = body["spec"]["template"].get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(names.RESTARTED, ""))


@pytest.mark.parametrize(
    "pod",
    [
        {"volumes": [{"secret": {"secretName": "db"}}]},
        {"volumes": [{"projected": {"sources": [{"secret": {"name": "db"}}]}}]},
        {"containers": [{"envFrom": [{"secretRef": {"name": "db"}}]}]},
        {"initContainers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}]}]},
    ],
)
def test_each_way_to_mount_a_secret_counts(pod: dict[str, Any]) -> None:
    first, second = workload(pod), workload(pod)
    assert restart.mark(first, WEB, Restarts({secret("db"): "1", secret("other"): "1"})) == {secret("db")}
    restart.mark(second, WEB, Restarts({secret("db"): "2", secret("other"): "1"}))
    assert mark(first) != mark(second) != ""


def test_another_secret_of_the_set_changes_nothing() -> None:
    pod = {"containers": [{"envFrom": [{"secretRef": {"name": "db"}}]}]}
    first, second = workload(pod), workload(pod)
    restart.mark(first, WEB, Restarts({secret("db"): "1", secret("other"): "1"}))
    restart.mark(second, WEB, Restarts({secret("db"): "1", secret("other"): "2"}))
    assert mark(first) == mark(second) != ""


@pytest.mark.parametrize(
    ("asks", "everything", "marked"),
    [("true", False, True), (None, False, False), (None, True, True), ("false", True, False)],
)
def test_who_asks_for_it_is_marked(asks: str | None, everything: bool, marked: bool) -> None:  # noqa: FBT001
    body = workload({"volumes": [{"secret": {"secretName": "db"}}]}, asks)
    restart.mark(body, WEB, Restarts({secret("db"): "1"}, everything))
    assert bool(mark(body)) is marked


@pytest.mark.parametrize(
    "pod", [{}, {"volumes": None}, {"containers": [None, {"env": "x"}]}, {"volumes": [{}]}]
)
def test_a_pod_that_is_written_oddly_is_left_to_the_api_server(pod: dict[str, Any]) -> None:
    body = workload(pod)
    assert restart.mark(body, WEB, Restarts({secret("db"): "1"})) == frozenset()
    assert not mark(body)


def test_only_workloads_are_looked_at() -> None:
    body = f'{{"{names.RESTART}": "true"}}'.encode()
    assert restart.asks(Manifest(WEB, "v1", body, Origin("a")), everything=False)
    assert not restart.asks(Manifest(WEB, "v1", b"{}", Origin("a")), everything=False)
    assert not restart.asks(Manifest(secret("db"), "v1", body, Origin("a")), everything=True)
