"""Views as JSON: all of it can be encoded, in a fixed order."""

from __future__ import annotations

import json

from fleet.model import ApplicationKey, Health, ObjectRef
from fleet.web.api import shape
from fleet.web.api.provider import ApplicationView, ClusterView, QueueView, ResourceView, TargetView


def test_lists_are_sorted() -> None:
    keys = [ApplicationKey("b", "a"), ApplicationKey("a", "b"), ApplicationKey("a", "a")]
    told = shape.applications([ApplicationView(key) for key in keys], 0.0)["items"]
    assert [(one["namespace"], one["name"]) for one in told] == [("a", "a"), ("a", "b"), ("b", "a")]
    named = shape.clusters([ClusterView("us"), ClusterView("eu")], 0.0)["items"]
    assert [one["name"] for one in named] == ["eu", "us"]
    objects = [
        ResourceView(cluster, ObjectRef("", "Pod", "n", "p"), Health.HEALTHY) for cluster in ("us", "eu")
    ]
    assert [one["cluster"] for one in shape.resources(objects)["items"]] == ["eu", "us"]


def test_what_is_not_known_yet_is_unknown() -> None:
    view = ApplicationView(ApplicationKey("a", "b"), targets=(TargetView("eu"),))
    told = shape.application(view, 0.0)
    assert (told["sync"], told["health"], told["clusters"]) == ("Unknown", "Unknown", "0/1")
    assert told["targets"] == [
        {
            "cluster": "eu",
            "sync": "Unknown",
            "health": "Unknown",
            "reason": "NotYetSynced",
            "revision": "",
            "queued": "",
            "reach": None,
        }
    ]


def test_all_of_it_is_json() -> None:
    assert json.dumps(shape.cluster(ClusterView("eu"), 0.0))
    assert json.dumps(shape.queue([QueueView("eu", (1, 0, 0, 0), breaker="open")]))
