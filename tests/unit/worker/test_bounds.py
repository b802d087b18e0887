"""Where a registration reaches some namespaces alone: what is looked at, and what a list is taken to say."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from fleet import names
from fleet.clock import Clock
from fleet.errors import FleetError, Forbidden, Unreachable
from fleet.kube.client import Client
from fleet.kube.request import Answer, Request
from fleet.model import (
    ApplicationKey,
    Discovery,
    Drift,
    GroupKind,
    Hold,
    Meta,
    ObjectRef,
    Recorded,
    Resource,
    TargetKey,
)
from fleet.sync.claims import Claims
from fleet.sync.parent import Parent
from fleet.worker import bounds
from fleet.worker.existence import Existence
from fleet.worker.ledger import Ledger
from fleet.worker.member import Identity, Member
from fleet.worker.observe import Observer
from fleet.worker.sightings import Sightings
from tests.stage.api import until

CONFIG = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
ROLE = Resource("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
CONFIGS, ROLES = GroupKind("", "ConfigMap"), GroupKind(ROLE.group, "ClusterRole")
TARGET = TargetKey(ApplicationKey("fleethub", "app"), "eu")


class Server:
    """Lists one ConfigMap a namespace, at a version of its own, and watches bring nothing; ``refused`` raises, ``slow`` waits."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refused: dict[str, FleetError] = {}
        self.slow: dict[str, asyncio.Event] = {}

    async def send(self, request: Request) -> Answer:
        self.asked.append(request.path)
        space = request.path.split("/")[4]
        if space in self.slow:
            await self.slow[space].wait()
        if space in self.refused:
            raise self.refused[space]
        items = [_item(space)]
        body = {"metadata": {"resourceVersion": {"a": "100", "b": "200"}[space]}, "items": items}
        return Answer(200, json.dumps(body).encode())

    async def stream(self, _: Request) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


class Told:
    """A listener that remembers what drifted."""

    def __init__(self) -> None:
        self.drifts: list[Drift] = []
        self.lists = 0

    def drifted(self, _: str, found: Drift) -> None:
        self.drifts.append(found)

    def listed(self) -> None:
        self.lists += 1

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


def _item(space: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{names.APPLYSET_PART_OF}": {}}}}
    entry = {
        "manager": names.FIELD_MANAGER,
        "operation": "Apply",
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": fields,
    }
    return {
        "metadata": {
            "name": "x",
            "namespace": space,
            "uid": f"u-{space}",
            "resourceVersion": "50",
            "labels": {names.APPLYSET_PART_OF: "set"},
            "managedFields": [entry],
        }
    }


def member(server: Server, namespaces: tuple[str, ...] | None, name: str = "eu") -> Member:
    clock = Clock()
    client = cast("Client", server)
    kinds = {CONFIGS: (CONFIG,), ROLES: (ROLE,)}
    return Member(
        name,
        client,
        Identity("uid", "fleethub", b"key"),
        Discovery(kinds, frozenset(), "v1.34.0"),
        clock,
        Sightings(),
        Claims("fleethub"),
        Ledger(lambda *_: None),
        Existence(client.send, clock),
        namespaces=namespaces,
    )


def parent(kinds: set[GroupKind], namespaces: set[str]) -> Parent:
    meta = Meta(ObjectRef("", "ConfigMap", "fleethub", "p"), "u", "1", {}, {}, (), b"[]", deleting=False)
    recorded = Recorded(TARGET, (), "", "", None)
    return Parent(meta, TARGET, recorded, frozenset(kinds), frozenset(namespaces | {"fleethub"}))


async def test_each_namespace_is_listed_by_itself_and_tells_of_no_other() -> None:
    server, told = Server(), Told()
    one = member(server, ("a", "b"))
    observer = Observer(one, told)
    server.slow["b"] = asyncio.Event()
    observer.follow({CONFIGS, ROLES})
    await until(lambda: _true(told.lists == 1), what="a is listed")
    # Half a list is none, and a kind without namespace is not looked at.
    assert one.sightings.complete((CONFIGS, ROLES)) == (CONFIGS,)
    server.refused["b"] = Forbidden("no", status=403)
    server.slow["b"].set()
    await until(lambda: _true(not observer.awaited({CONFIGS})), what="b is refused")
    assert one.sightings.complete((CONFIGS, ROLES)) == (CONFIGS,)
    del server.refused["b"]
    await until(lambda: _true(told.lists == 2), what="b is listed too")
    assert one.sightings.complete((CONFIGS, ROLES)) == ()
    # The later list is of a later version, and says nothing of the other namespace's object.
    assert one.sightings.members("set") == {ObjectRef("", "ConfigMap", space, "x") for space in "ab"}
    assert told.drifts == []
    assert {path.split("?")[0] for path in server.asked} == {
        "/api/v1/namespaces/a/configmaps",
        "/api/v1/namespaces/b/configmaps",
    }
    observer.leave(frozenset())
    assert one.sightings.complete((CONFIGS, ROLES)) == (CONFIGS, ROLES)
    assert observer.tasks() == ()


async def test_a_kind_is_awaited_while_the_first_list_of_any_namespace_may_come() -> None:
    server = Server()
    server.refused["b"] = Unreachable("no")
    one = member(server, ("a", "b"))
    told = Told()
    observer = Observer(one, told)
    observer.follow({CONFIGS})
    await until(lambda: _true(told.lists == 1), what="a is listed")
    assert observer.awaited({CONFIGS}) is True
    observer.close()


async def _true(value: bool) -> bool:  # noqa: FBT001 (a condition to wait for)
    return value


def test_a_kind_is_looked_for_in_the_namespaces_of_the_registration() -> None:
    server = Server()
    assert member(server, None).within(CONFIG) == member(server, None).within(ROLE) == (None,)
    assert member(server, ("a", "b")).within(CONFIG) == ("a", "b")
    assert member(server, ("a", "b")).within(ROLE) == ()
    assert member(server, None, names.HUB_CLUSTER).within(CONFIG) == ("fleethub",)


@pytest.mark.parametrize(
    ("ref", "resource", "words"),
    [
        (ObjectRef("", "ConfigMap", "a", "x"), CONFIG, ""),
        (
            ObjectRef("", "ConfigMap", "c", "x"),
            CONFIG,
            "ConfigMap c/x: .* namespaces a, b alone .* not namespace c",
        ),
        (ObjectRef(ROLE.group, "ClusterRole", "", "x"), ROLE, "ClusterRole.* no object without a namespace"),
        (ObjectRef("", "Namespace", "", "a"), None, "Namespace a: .* no object without a namespace"),
    ],
)
def test_what_is_beyond_is_refused_by_name(ref: ObjectRef, resource: Resource | None, words: str) -> None:
    assert bounds.breach(ref, resource, None) is None
    found = bounds.breach(ref, resource, ("a", "b"))
    assert (found is None) is (words == "")
    if found is not None:
        assert found.reason == Hold.SCOPE.value
        assert found.ref == ref
        assert re.search(words, found.text)


def test_what_a_set_had_beyond_is_held_and_told() -> None:
    one = member(Server(), ("a",))
    assert bounds.holds(None, one) == bounds.holds(parent({CONFIGS}, {"a"}), one) == ()
    record = parent({CONFIGS, ROLES}, {"a", "b"})
    assert bounds.unseen(record, one) == (frozenset({"b"}), frozenset({ROLES}))
    (found,) = bounds.holds(record, one)
    assert "namespace b and objects of ClusterRole" in found.text
    assert bounds.holds(record, member(Server(), None)) == ()
