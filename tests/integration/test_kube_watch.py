"""Follow on a real API server: changes, labels, bookmarks, restarts, halts, compaction, a CRD that goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest

from bootstrap.local.plane import Plane
from fleet.clock import Clock
from fleet.errors import NotFound
from fleet.kube import discovery, paths, trusted, watch
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.request import Request
from fleet.kube.watch import Gone, Happening, Listed, Seen, Silent
from fleet.model import ObjectRef, Resource

CONFIGMAPS = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
SELECTOR = "set=one"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(plane: Plane, clock: Clock) -> AsyncIterator[Client]:
    client = Client(await trusted.load(str(plane.kubeconfig)), cluster="a", budget=Budget(), clock=clock)
    yield client
    await client.close()


class Follower:
    """Keeps what happens, and what it knows to be there."""

    def __init__(
        self, client: Client, clock: Clock, resource: Resource, namespace: str, *, whole: bool
    ) -> None:
        self.happened: list[Happening] = []
        self.there: dict[str, Seen] = {}
        self._more = asyncio.Condition()
        self._stream = watch.follow(client, resource, namespace, selector=SELECTOR, whole=whole, clock=clock)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with aclosing(self._stream) as stream:
            async for happening in stream:
                self.happened.append(happening)
                match happening:
                    case Listed(items):
                        self.there = {seen.meta.ref.name: seen for seen in items}
                    case Seen(meta):
                        self.there[meta.ref.name] = happening
                    case Gone(meta):
                        self.there.pop(meta.ref.name, None)
                async with self._more:
                    self._more.notify_all()

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds), self._more:
            await self._more.wait_for(condition)

    def count(self, kind: type[Happening]) -> int:
        return sum(isinstance(each, kind) for each in self.happened)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def followers() -> AsyncIterator[list[Follower]]:
    followers: list[Follower] = []
    yield followers
    for follower in followers:
        await follower.stop()


async def put(client: Client, namespace: str, name: str, value: str, label: str = "one") -> None:
    metadata = {"name": name, "labels": {"set": label}}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"v": value}}
    ref = ObjectRef("", "ConfigMap", namespace, name)
    await client.send(paths.apply(CONFIGMAPS, ref, json.dumps(body).encode(), manager="fleethub"))


async def remove(client: Client, namespace: str, name: str) -> None:
    await client.send(Request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/{name}"))


@pytest.mark.parametrize("whole", [False, True])
async def test_changes_arrive_and_a_lost_label_looks_like_a_deletion(
    client: Client, clock: Clock, namespace: str, followers: list[Follower], *, whole: bool
) -> None:
    await put(client, namespace, "a", "1")
    follower = Follower(client, clock, CONFIGMAPS, namespace, whole=whole)
    followers.append(follower)
    await follower.until(lambda: "a" in follower.there)
    await put(client, namespace, "b", "1")
    await follower.until(lambda: "b" in follower.there)
    before = follower.there["b"].meta
    await put(client, namespace, "b", "2")
    await follower.until(lambda: follower.there["b"].meta.version != before.version)
    seen = follower.there["b"]
    assert (seen.object is not None) is whole
    if seen.object is not None:
        assert seen.object["data"] == {"v": "2"}
    assert json.loads(seen.meta.fields)[0]["manager"] == "fleethub"
    await put(client, namespace, "b", "2", label="two")
    await follower.until(lambda: "b" not in follower.there)
    await remove(client, namespace, "a")
    await follower.until(lambda: "a" not in follower.there)
    assert (follower.count(Listed), follower.count(Silent)) == (1, 0)


async def test_a_restarted_server_is_followed_again_and_nothing_is_missed(
    client: Client, clock: Clock, namespace: str, plane: Plane, followers: list[Follower]
) -> None:
    await put(client, namespace, "a", "1")
    follower = Follower(client, clock, CONFIGMAPS, namespace, whole=False)
    followers.append(follower)
    await follower.until(lambda: "a" in follower.there)
    await asyncio.to_thread(plane.stop)
    await follower.until(lambda: follower.count(Silent) > 0)
    await asyncio.to_thread(plane.restart)
    await remove(client, namespace, "a")
    await put(client, namespace, "b", "1")
    await follower.until(lambda: set(follower.there) == {"b"}, 60)


async def test_a_halted_server_is_noticed_after_90_seconds_of_the_clock(
    client: Client, clock: Clock, namespace: str, plane: Plane, followers: list[Follower]
) -> None:
    await put(client, namespace, "a", "1")
    follower = Follower(client, clock, CONFIGMAPS, namespace, whole=False)
    followers.append(follower)
    await follower.until(lambda: "a" in follower.there)
    plane.pause()
    try:
        clock.advance(91)
        await follower.until(lambda: follower.count(Silent) > 0, 5)
    finally:
        plane.resume()
    await follower.until(lambda: follower.count(Listed) > 1, 60)
    await put(client, namespace, "b", "1")
    await follower.until(lambda: "b" in follower.there)


async def test_a_watch_that_the_server_ends_is_resumed_without_a_list(
    client: Client, clock: Clock, namespace: str, followers: list[Follower]
) -> None:
    class Short:
        """The same door, whose watches the server ends after two seconds."""

        opened = 0

        def send(self, request: Request) -> object:
            return client.send(request)

        def stream(self, request: Request) -> AsyncIterator[bytes]:
            self.opened += 1
            return client.stream(paths.also(request, ("timeoutSeconds", "2")))

    door = Short()
    await put(client, namespace, "a", "0")
    follower = Follower(door, clock, CONFIGMAPS, namespace, whole=False)  # type: ignore[arg-type]
    followers.append(follower)
    await follower.until(lambda: "a" in follower.there)
    number = 0
    async with asyncio.timeout(30):
        while door.opened < 3:
            number += 1
            await put(client, namespace, "a", str(number))
            clock.advance(1)
            await asyncio.sleep(0.2)
    assert (follower.count(Listed), follower.count(Silent)) == (1, 0)


async def test_a_version_that_was_compacted_is_answered_by_a_fresh_list(
    client: Client, clock: Clock, namespace: str, followers: list[Follower]
) -> None:
    class Old:
        """The same door, whose first watch asks for a version of long ago."""

        opened = 0

        def send(self, request: Request) -> object:
            return client.send(request)

        def stream(self, request: Request) -> AsyncIterator[bytes]:
            self.opened += 1
            query = tuple(
                (name, "1") if name == "resourceVersion" and self.opened == 1 else (name, value)
                for name, value in request.query
            )
            return client.stream(Request("GET", request.path, query=query, accept=request.accept))

    await put(client, namespace, "a", "1")
    follower = Follower(Old(), clock, CONFIGMAPS, namespace, whole=False)  # type: ignore[arg-type]
    followers.append(follower)
    await follower.until(lambda: follower.count(Listed) >= 1)
    await put(client, namespace, "b", "1")
    await follower.until(lambda: "b" in follower.there)
    assert follower.count(Silent) == 0


async def test_a_kind_whose_crd_goes_is_said_to_be_gone(
    client: Client, clock: Clock, namespace: str, followers: list[Follower]
) -> None:
    plural = f"widgets{namespace.replace('-', '')}"[:50]
    group = "acme.example"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Widget", "plural": plural, "listKind": "WidgetList"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    (widgets,) = discovery.from_crd(crd)
    where = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await client.send(Request("POST", where, body=json.dumps(crd).encode()))
    follower = Follower(client, clock, widgets, namespace, whole=True)
    followers.append(follower)
    async with asyncio.timeout(20):
        while follower.count(Listed) == 0:  # it may take some moments to be served
            clock.advance(31)
            await asyncio.sleep(0.1)
    start = len(follower.happened)
    await client.send(Request("DELETE", f"{where}/{plural}.{group}"))

    def gone() -> bool:
        later = follower.happened[start:]
        return any(isinstance(each, Silent) and isinstance(each.error, NotFound) for each in later)

    async with asyncio.timeout(20):
        while not gone():
            clock.advance(31)
            await asyncio.sleep(0.1)
