"""Streams of a connection that is over, and kinds that are not served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from fleet import ending, names
from fleet.errors import NotFound, ServerFailed
from fleet.kube.discovery import read
from fleet.kube.request import Answer, Request
from fleet.model import GroupKind, ObjectRef
from fleet.worker.member import Member
from fleet.worker.observe import SECOND, Observer
from tests.unit.worker.test_bounds import Told, member

KIND = GroupKind("apps", "Deployment")
WIDGETS = GroupKind("late.test", "Widget")
WIDGET = ObjectRef(*WIDGETS, "shop", "w")


class Server:
    """Serves one member of a set, of a kind that discovery may lack; ``ready`` is its own word for it."""

    def __init__(self) -> None:
        self.known = self.ready = False
        self.looks = 0
        self.broken = asyncio.Event()

    async def send(self, request: Request) -> Answer:
        if request.path == "/readyz":
            self.looks += 1
            if not self.ready:
                raise ServerFailed("not ready", status=500)
            return Answer(200, b"ok")
        if request.path in ("/api", "/apis", "/version"):
            served = request.path == "/apis" and self.known
            body = {"kind": "APIGroupDiscoveryList", "items": [_group()] if served else []}
            return Answer(200, json.dumps(body).encode())
        if not self.known:
            raise NotFound("not served", status=404)
        listed = {"metadata": {"resourceVersion": "100"}, "items": [_widget()]}
        return Answer(200, json.dumps(listed).encode())

    async def stream(self, _: Request) -> AsyncIterator[bytes]:
        await self.broken.wait()
        raise NotFound("not served", status=404)
        yield b""


def _group() -> dict[str, Any]:
    widgets = {"resource": "widgets", "responseKind": {"kind": "Widget"}, "verbs": ["list", "watch"]}
    return {"metadata": {"name": WIDGETS.group}, "versions": [{"version": "v1", "resources": [widgets]}]}


def _widget() -> dict[str, Any]:
    fields = {"f:metadata": {"f:labels": {f"f:{names.APPLYSET_PART_OF}": {}}}}
    entry = {"manager": names.FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}
    labels = {names.APPLYSET_PART_OF: "set"}
    about = {"name": WIDGET.name, "namespace": WIDGET.namespace, "uid": "u", "resourceVersion": "50"}
    return {"metadata": {**about, "labels": labels, "managedFields": [entry]}}


async def connected(server: Server) -> tuple[Member, Told, Observer]:
    """An observer that has just connected."""
    given: Any = server
    one, told = member(given, None), Told()
    one.discovery = await read(server.send)
    return one, told, Observer(one, told)  # type: ignore[arg-type]


async def passed(one: Member, seconds: float) -> None:
    """Let some time pass, and all that it brings."""
    for moment in (0.0, seconds):
        one.clock.advance(moment)
        for _ in range(50):
            await asyncio.sleep(0)


async def test_a_kind_that_one_reading_lacks_is_unlisted_until_a_server_that_is_ready_lacks_it_too() -> None:
    server = Server()
    one, told, observer = await connected(server)
    observer.follow([WIDGETS])
    observer.follow([WIDGETS])
    assert one.sightings.complete((WIDGETS,)) == (WIDGETS,)
    for looks in (1, 2):
        await passed(one, SECOND)
        assert one.sightings.complete((WIDGETS,)) == (WIDGETS,), "it says that it has not begun yet"
        assert server.looks == looks, "one looks for all who ask"
    server.ready = True
    await passed(one, SECOND)
    assert one.sightings.complete((WIDGETS,)) == ()
    assert told.lists == 1
    await ending.end(observer.close())


async def test_a_kind_that_the_second_reading_has_is_followed() -> None:
    server = Server()
    one, _, observer = await connected(server)
    observer.follow([WIDGETS])
    server.known = server.ready = True
    await passed(one, SECOND)
    assert one.sightings.members("set") == {WIDGET}
    assert one.sightings.complete((WIDGETS,)) == ()
    await ending.end(observer.close())


async def test_what_was_concluded_while_a_kind_was_not_served_is_forgotten_when_it_is() -> None:
    server = Server()
    server.ready = True
    one, _, observer = await connected(server)
    observer.follow([WIDGETS])
    await passed(one, SECOND)
    assert one.sightings.complete((WIDGETS,)) == ()
    server.known = True
    one.discovery = await read(server.send)
    observer.follow([WIDGETS])
    assert one.sightings.complete((WIDGETS,)) == (WIDGETS,), "its list is still to come"
    await passed(one, 0.0)
    assert one.sightings.members("set") == {WIDGET}
    await ending.end(observer.close())


async def test_a_kind_whose_server_begins_anew_keeps_its_objects_in_memory() -> None:
    server = Server()
    server.known = server.ready = True
    one, told, observer = await connected(server)
    observer.follow([WIDGETS])
    await passed(one, 0.0)
    server.known = server.ready = False
    server.broken.set()
    await passed(one, 0.0)
    await passed(one, SECOND)
    assert one.sightings.members("set") == {WIDGET}
    assert one.sightings.complete((WIDGETS,)) == (WIDGETS,)
    assert told.drifts == []
    # Only now is it certain; and asked again, nothing is in doubt for that.
    server.ready = True
    await passed(one, SECOND)
    for _ in range(3):
        assert one.sightings.members("set") == frozenset()
        assert one.sightings.complete((WIDGETS,)) == ()
        await passed(one, 60.0)
    server.known = True
    server.broken.clear()
    await passed(one, 60.0)
    assert one.sightings.members("set") == {WIDGET}
    await ending.end(observer.close())


async def test_a_kind_that_is_left_is_looked_for_no_more() -> None:
    server = Server()
    one, _, observer = await connected(server)
    observer.follow([WIDGETS])
    observer.leave(frozenset())
    await passed(one, SECOND)
    assert server.looks == 0
    assert observer.close() == ()


async def test_whoever_asks_for_a_kind_after_the_connection_is_over_opens_no_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member: Any = SimpleNamespace(
        discovery=SimpleNamespace(find=lambda *_: SimpleNamespace(namespaced=True), stale=()),
        within=lambda _: (None,),
        sightings=SimpleNamespace(listed=lambda *_: None),
    )
    listener: Any = None
    observer = Observer(member, listener)
    monkeypatch.setattr(observer, "_follow", lambda *_: asyncio.Event().wait())
    observer.follow([KIND])
    (stream,) = observer.tasks()
    await ending.end(observer.close())
    assert stream.cancelled()
    observer.follow([KIND])
    assert observer.tasks() == ()
