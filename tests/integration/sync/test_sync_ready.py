"""Waiting for what others build on, and making namespaces."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fleet.clock import Clock
from fleet.errors import NotReady
from fleet.model import ObjectRef, Resource
from fleet.sync import namespace, ready
from fleet.sync.apply import apply


def crd(lab: Any, group: str) -> Any:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": "Thing", "plural": "things"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    return lab.shaped(lab.crd, f"things.{group}", spec=spec)


async def test_a_crd_is_usable_once_it_is_waited_for(lab: Any) -> None:
    shaped = crd(lab, f"{lab.namespace}.ready.dev")
    things = Resource(f"{lab.namespace}.ready.dev", "v1", "Thing", "things", namespaced=True)
    clock = Clock()
    await apply(lab.send, shaped, None)
    await ready.wait(lab.send, lab.crd, shaped.ref, until=ready.established, clock=clock, timeout=20)
    await ready.served(lab.send, things, clock=clock, timeout=20)
    assert (await apply(lab.send, lab.shaped(things, spec={}), None)).created


async def test_waiting_ends_with_the_clock(lab: Any) -> None:
    things = Resource(f"{lab.namespace}.never.dev", "v1", "Thing", "things", namespaced=True)
    clock, asked = Clock(), asyncio.Event()

    async def send(request: Any) -> Any:
        asked.set()
        return await lab.send(request)

    waiting = asyncio.ensure_future(ready.served(send, things, clock=clock, timeout=3600))
    await asked.wait()
    clock.advance(3601)
    with pytest.raises(NotReady) as late:
        await waiting
    assert late.value.transient
    assert "3600 s" in str(late.value)


async def test_a_namespace_is_made_once_and_is_nobodys(lab: Any) -> None:
    name = f"{lab.namespace}-made"
    assert await namespace.ensure(lab.send, name)
    assert not await namespace.ensure(lab.send, name)
    meta = await lab.meta(lab.namespace_kind, name)
    assert set(meta.labels) == {"kubernetes.io/metadata.name"}
    found = await ready.wait(
        lab.send, namespace.RESOURCE, meta.ref, until=ready.active, clock=Clock(), timeout=20
    )
    assert found["status"]["phase"] == "Active"


async def test_a_namespace_on_its_way_out_is_not_waited_for(lab: Any) -> None:
    name = f"{lab.namespace}-leaving"
    await lab.leaving(name)
    ref = ObjectRef("", "Namespace", "", name)
    with pytest.raises(NotReady, match="is being removed"):
        await namespace.ensure(lab.send, name)
    with pytest.raises(NotReady, match="is being removed"):
        await ready.wait(lab.send, namespace.RESOURCE, ref, until=ready.active, clock=Clock(), timeout=60)
    await lab.release_namespace(name)
