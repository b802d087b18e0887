"""What a CRD or a Namespace holds, when it is not certain which kinds there are."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from fleet.errors import FleetError, Forbidden, NotFound, ServerFailed
from fleet.kube.request import Answer, Request
from fleet.model import Meta, ObjectRef
from fleet.sync.gate import Contents
from fleet.worker import applying, vacancy
from fleet.worker.applying import Progress
from fleet.worker.member import Member
from fleet.worker.plan import Stage
from tests.unit.worker.played import work
from tests.unit.worker.test_bounds import member

CRDS = "customresourcedefinitions"
GROUP = "apiextensions.k8s.io"
DEFINITION = ObjectRef(GROUP, "CustomResourceDefinition", "", "widgets.late.test")
NAMESPACE = ObjectRef("", "Namespace", "", "team")
WIDGET = ObjectRef("late.test", "Widget", "team", "theirs")


class Server:
    """Serves CRDs, and Widgets where ``widgets`` says so; ``established`` is the condition of their CRD."""

    def __init__(self, *, widgets: bool = False, established: str = "True") -> None:
        self.widgets = widgets
        self.conditions = [{"type": "Established", "status": established}]
        self.failed: dict[str, FleetError] = {}
        self.readings = 0

    async def send(self, request: Request) -> Answer:
        if request.path in self.failed:
            raise self.failed[request.path]
        if request.path == "/apis":
            self.readings += 1
            served = [_group(GROUP, CRDS, "CustomResourceDefinition", "Cluster")]
            if self.widgets:
                served.append(_group("late.test", "widgets", "Widget", "Namespaced"))
            return _json({"kind": "APIGroupDiscoveryList", "items": served})
        if request.path == "/api":
            return _json({"kind": "APIGroupDiscoveryList", "items": []})
        if request.path.endswith("/widgets"):
            about = {"name": WIDGET.name, "namespace": WIDGET.namespace, "uid": "u", "resourceVersion": "1"}
            return _json({"metadata": {"resourceVersion": "2"}, "items": [{"metadata": about}]})
        if request.path.endswith(f"/{CRDS}/{DEFINITION.name}"):
            return _json({"metadata": {"name": DEFINITION.name}, "status": {"conditions": self.conditions}})
        return _json({})


def _group(group: str, plural: str, kind: str, scope: str) -> dict[str, Any]:
    served = {"resource": plural, "scope": scope, "responseKind": {"kind": kind}, "verbs": ["list", "get"]}
    return {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": [served]}]}


def _json(body: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(body).encode())


def on(server: Server) -> Member:
    """A member that was connected to before anything was installed."""
    given: Any = server
    return member(given, None)


async def held(ref: ObjectRef, server: Server) -> Contents:
    """What the object holds that its set did not make."""
    return await vacancy.contents(Meta(ref, "u", "1", {}, {}), "set", on(server))


@pytest.mark.parametrize("ref", [DEFINITION, NAMESPACE])
async def test_an_object_of_a_kind_that_came_after_the_connection_is_seen(ref: ObjectRef) -> None:
    assert await held(ref, Server(widgets=True)) == Contents(True, (WIDGET,))


@pytest.mark.parametrize("ref", [DEFINITION, NAMESPACE])
@pytest.mark.parametrize("path", ["/readyz", "/apis"])
async def test_what_is_served_has_to_be_known(ref: ObjectRef, path: str) -> None:
    server = Server()
    server.failed[path] = ServerFailed("not now", status=500)
    assert await held(ref, server) == Contents(complete=False)


@pytest.mark.parametrize("error", [Forbidden("no", status=403), NotFound("no", status=404)])
async def test_a_server_that_does_not_say_whether_it_is_ready_is_read_all_the_same(error: FleetError) -> None:
    server = Server(widgets=True)
    server.failed["/readyz"] = error
    assert await held(NAMESPACE, server) == Contents(True, (WIDGET,))


@pytest.mark.parametrize(("established", "complete"), [("True", False), ("False", True)])
async def test_a_definition_whose_kind_is_not_served_is_empty_only_if_it_never_was(
    established: str,
    complete: bool,  # noqa: FBT001 (a case)
) -> None:
    assert await held(DEFINITION, Server(established=established)) == Contents(complete)


async def test_a_definition_that_cannot_be_read_is_not_taken_for_empty() -> None:
    server = Server()
    server.failed[f"/apis/{GROUP}/v1/{CRDS}/{DEFINITION.name}"] = ServerFailed("not now", status=500)
    assert await held(DEFINITION, server) == Contents(complete=False)


async def test_a_definition_that_stands_while_its_kind_is_not_known_has_discovery_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(widgets=True)
    one = on(server)
    item: Any = SimpleNamespace(ref=DEFINITION)
    monkeypatch.setattr(applying, "stands", lambda *_: True)
    for _ in range(2):
        await applying._stage(work("app"), Stage(0, (item,)), one, Progress())
    assert one.discovery.find(WIDGET.group, WIDGET.kind) is not None
    assert server.readings == 1, "and then no more"
