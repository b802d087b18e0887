"""Streams of a connection that is over."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from fleet import ending
from fleet.model import GroupKind
from fleet.worker.observe import Observer

KIND = GroupKind("apps", "Deployment")


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
