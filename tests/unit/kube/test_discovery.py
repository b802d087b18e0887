"""fleet.kube.discovery: values in, values out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.errors import ServerFailed, Throttled, Unreachable
from fleet.kube import discovery
from fleet.kube.request import Answer, Request
from fleet.model import GroupKind

VERSION = {"gitVersion": "v1.36.3"}


def served(plural: str, kind: str, scope: str = "Namespaced") -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": scope,
        "verbs": ["get", "list", "watch"],
        "subresources": [{"subresource": "status"}],
    }


def aggregated(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": list(groups)}


def group(name: str, **versions: list[dict[str, Any]] | None) -> dict[str, Any]:
    rows = [{"version": v, "resources": r, "freshness": "Current"} for v, r in versions.items()]
    return {"metadata": {"name": name} if name else {}, "versions": rows}


class Server:
    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def send(self, request: Request) -> Answer:
        self.asked.append(request.path)
        answer = self.answers[request.path]
        if isinstance(answer, Exception):
            raise answer
        return Answer(200, json.dumps(answer).encode())


async def test_aggregated_discovery_takes_three_requests() -> None:
    core = group("", v1=[served("pods", "Pod"), served("nodes", "Node", "Cluster")])
    hpa = group(
        "autoscaling",
        v2=[served("horizontalpodautoscalers", "HorizontalPodAutoscaler")],
        v1=[served("horizontalpodautoscalers", "HorizontalPodAutoscaler")],
    )
    server = Server({"/api": aggregated(core), "/apis": aggregated(hpa), "/version": VERSION})
    found = await discovery.read(server.send)
    assert sorted(server.asked) == ["/api", "/apis", "/version"]
    assert found.version == "v1.36.3"
    assert found.stale == frozenset()
    pod = found.find("", "Pod")
    assert pod is not None
    assert (pod.plural, pod.namespaced, pod.verbs) == ("pods", True, frozenset({"get", "list", "watch"}))
    node = found.find("", "Node")
    assert node is not None
    assert not node.namespaced
    preferred = found.find("autoscaling", "HorizontalPodAutoscaler")
    older = found.find("autoscaling", "HorizontalPodAutoscaler", "v1")
    assert preferred is not None
    assert older is not None
    assert (preferred.version, older.version) == ("v2", "v1")
    assert found.find("autoscaling", "HorizontalPodAutoscaler", "v3") is None


async def test_a_group_whose_server_is_away_is_stale() -> None:
    metrics = {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]}
    server = Server({"/api": aggregated(), "/apis": aggregated(metrics), "/version": VERSION})
    assert (await discovery.read(server.send)).stale == {"metrics.k8s.io"}


async def test_without_aggregation_each_group_version_is_read_and_the_preferred_one_first() -> None:
    hpa = {"name": "horizontalpodautoscalers", "namespaced": True, "kind": "HorizontalPodAutoscaler"}
    named = {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "autoscaling",
                "versions": [{"version": "v2beta1"}, {"version": "v2"}],
                "preferredVersion": {"version": "v2"},
            },
            {"name": "metrics.k8s.io", "versions": [{"version": "v1"}]},
        ],
    }
    pods = [
        {"name": "pods", "namespaced": True, "kind": "Pod", "verbs": ["list"]},
        {"name": "pods/log", "namespaced": True, "kind": "Pod", "verbs": ["get"]},
    ]
    server = Server(
        {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": named,
            "/version": VERSION,
            "/api/v1": {"resources": pods},
            "/apis/autoscaling/v2": {"resources": [hpa]},
            "/apis/autoscaling/v2beta1": {"resources": [hpa]},
            "/apis/metrics.k8s.io/v1": Throttled("away", status=503),
        }
    )
    found = await discovery.read(server.send)
    assert found.stale == {"metrics.k8s.io"}
    assert [r.version for r in found.kinds[GroupKind("autoscaling", "HorizontalPodAutoscaler")]] == [
        "v2",
        "v2beta1",
    ]
    assert [r.plural for r in found.kinds[GroupKind("", "Pod")]] == ["pods"]


async def test_half_a_discovery_is_none() -> None:
    server = Server({"/api": aggregated(), "/apis": Unreachable("away"), "/version": VERSION})
    with pytest.raises(Unreachable):
        await discovery.read(server.send)


async def test_what_does_not_read_is_an_error() -> None:
    server = Server({"/api": [], "/apis": aggregated(), "/version": VERSION})
    with pytest.raises(ServerFailed):
        await discovery.read(server.send)


def crd(*versions: str, scope: str = "Namespaced") -> dict[str, Any]:
    return {
        "spec": {
            "group": "acme.example",
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": scope,
            "versions": [{"name": name, "served": True} for name in versions],
        }
    }


def test_a_crd_serves_its_versions_in_the_server_s_order() -> None:
    found = discovery.from_crd(crd("v1alpha1", "v1", "foo", "v2beta2", "v11", "v2", "v2beta10"))
    order = ["v11", "v2", "v1", "v2beta10", "v2beta2", "v1alpha1", "foo"]
    assert [resource.version for resource in found] == order
    assert (found[0].kind, found[0].plural, found[0].namespaced) == ("Widget", "widgets", True)


def test_versions_not_served_are_left_out() -> None:
    body = crd("v1", "v2", scope="Cluster")
    body["spec"]["versions"][1]["served"] = False
    (found,) = discovery.from_crd(body)
    assert (found.version, found.namespaced) == ("v1", False)


@pytest.mark.parametrize("body", [{}, {"spec": None}, {"spec": {"group": "x"}}, {"spec": {"names": []}}])
def test_what_is_no_crd_serves_nothing(body: dict[str, Any]) -> None:
    assert discovery.from_crd(body) == ()
