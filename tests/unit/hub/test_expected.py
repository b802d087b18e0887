"""Which children of a root are on their way."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from fleet import names
from fleet.hub.changes import Changes
from fleet.hub.expected import Expected
from fleet.model import ApplicationKey, Manifest, ObjectRef, Origin, Rendered
from fleet.world.objects import World

ROOT = ApplicationKey("hub", "root")
CHILD = ApplicationKey("hub", "child")
SOURCE = {"repoURL": "https://git.example/a.git", "path": "a"}


def body(spec: dict[str, Any]) -> dict[str, Any]:
    """The child, as a file has it."""
    metadata = {"namespace": CHILD.namespace, "name": CHILD.name}
    return {"apiVersion": names.API_VERSION, "kind": names.APPLICATION, "metadata": metadata, "spec": spec}


def rendered(spec: dict[str, Any]) -> Rendered:
    """What the root renders to: the child."""
    ref = ObjectRef(names.GROUP, names.APPLICATION, CHILD.namespace, CHILD.name)
    return Rendered(
        "key", (Manifest(ref, names.API_VERSION, orjson.dumps(body(spec)), Origin("root/child.yaml")),)
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"source": SOURCE, "placement": {"clusterSelector": {}}},
        {"sources": [SOURCE, {**SOURCE, "path": "b"}], "placement": {"clusterSelector": {}}},
        {
            "source": {**SOURCE, "helm": {"parameters": [{"name": "a", "value": "1"}]}},
            "placement": {
                "clusterSelector": {
                    "matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}]
                }
            },
            "overrides": [{"clusterSelector": {"matchLabels": {"a": "b"}}, "skip": True}],
        },
    ],
    ids=["one source", "several sources", "lists of objects"],
)
def test_a_child_that_is_as_its_root_wants_it_is_there_whatever_its_file_leaves_out(
    spec: dict[str, Any],
) -> None:
    world = World()
    expected = Expected(world, Changes())
    assert not expected.expect(ROOT, rendered(spec), "hub")
    assert expected.coming(ROOT)
    live = body(spec)
    live["metadata"] |= {"uid": "1", "resourceVersion": "1"}
    world.saw(names.APPLICATION, live)
    assert world.applications[CHILD].error is None
    assert expected.expect(ROOT, rendered(spec), "hub")
    assert not expected.coming(ROOT)
