"""Our entry on a real API server, kind by kind: the same by every road, changed by what changes ours (D2)."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.clock import Clock
from fleet.errors import ApiError
from fleet.kube import decode, discovery, paths, watch
from fleet.kube.request import MERGE_PATCH, Request, Send
from fleet.model import Cause, Meta, ObjectRef, Resource, Sighting
from fleet.ownership import entries
from fleet.ownership.drift import judge
from tests.integration.kinds import KINDS
from tests.stage.api import Api, until

SET = "applyset-kinds-v1"
# A definition's status is written meanwhile; the second apply of a claim writes it once more, seen in nothing
# but its resourceVersion. Entry and time stay all the same.
WRITTEN_AGAIN = ("CustomResourceDefinition", "PersistentVolumeClaim")
LABEL = f"{names.APPLYSET_PART_OF}={SET}"


class Subject:
    """One object of a kind, as we apply it and as others change it."""

    def __init__(self, send: Send, resource: Resource, ref: ObjectRef, content: dict[str, Any]) -> None:
        self._send = send
        self.resource = resource
        self.ref = ref
        metadata = {
            **content.get("metadata", {}),
            "name": ref.name,
            "labels": {names.APPLYSET_PART_OF: SET, "team": "a", "App": "b"},
        }
        if ref.namespace:
            metadata["namespace"] = ref.namespace
        metadata["annotations"] = {**metadata.get("annotations", {}), names.MANIFEST: "m"}
        version = "/".join(filter(None, (resource.group, resource.version)))
        self._body = {**content, "apiVersion": version, "kind": resource.kind, "metadata": metadata}

    async def apply(self) -> Meta:
        body = orjson.dumps(self._body)
        request = paths.apply(self.resource, self.ref, body, manager=names.FIELD_MANAGER)
        return decode.meta((await self._send(request)).body, self.resource)

    async def change(self, patch: dict[str, Any]) -> Meta:
        """Change it as ``kubectl edit`` does."""
        path = paths.object_path(self.resource, self.ref.namespace, self.ref.name)
        query = (("fieldManager", "kubectl-edit"),)
        await self._send(
            Request("PATCH", path, query=query, body=orjson.dumps(patch), content_type=MERGE_PATCH)
        )
        return await self.read()

    async def read(self) -> Meta:
        return decode.meta((await self._send(paths.get_meta(self.resource, self.ref))).body, self.resource)

    async def listed(self) -> Meta:
        answer = await self._send(paths.list_meta(self.resource, self.ref.namespace or None, LABEL))
        found, _, _ = decode.metas(answer.body, self.resource)
        (only,) = [one for one in found if one.ref == self.ref]
        return only

    async def delete(self) -> None:
        await self._send(
            Request("DELETE", paths.object_path(self.resource, self.ref.namespace, self.ref.name))
        )


async def subject(kind: str, send: Send, namespace: str) -> Subject:
    """The subject of a kind; a Widget's definition is made first."""
    if kind == "Widget":
        await (await subject("CustomResourceDefinition", send, namespace)).apply()

    async def served() -> Resource | None:
        version, _, _ = KINDS[kind]
        group, _, number = version.rpartition("/")
        return (await discovery.read(send)).find(group, kind, number)

    resource = await until(served, what=f"{kind} is served")
    name = "widgets.kinds.test" if kind == "CustomResourceDefinition" else f"{namespace}-x"
    ref = ObjectRef(resource.group, kind, namespace if resource.namespaced else "", name)
    return Subject(send, resource, ref, KINDS[kind][1])


async def watched(api: Api, what: Subject, patch: dict[str, Any]) -> Meta:
    """What a watch brings of a change that is made while it runs."""
    stream = watch.follow(
        api.client, what.resource, what.ref.namespace or None, selector=LABEL, whole=False, clock=Clock()
    )
    async with asyncio.timeout(20), aclosing(stream) as happenings:
        changed = ""
        async for happening in happenings:
            if isinstance(happening, watch.Listed) and not changed:
                changed = (await what.change(patch)).version
            elif isinstance(happening, watch.Seen) and happening.meta.version == changed:
                return happening.meta
    raise AssertionError("the watch ended")


@pytest.mark.parametrize("kind", KINDS)
async def test_our_entry_is_the_same_by_every_road_and_tells_drift(
    kind: str, send: Send, namespace: str, member_apis: dict[str, Api]
) -> None:
    what = await subject(kind, send, namespace)

    async def applied() -> Meta | None:
        try:
            return await what.apply()
        except ApiError as error:
            if error.status == 404:  # the definition's storage is still being made
                return None
            raise

    first = await until(applied, what=f"{kind} can be applied")
    sent = entries.entry(first.fields)
    assert sent is not None
    before = Sighting(first.uid, first.version, sent, sent, SET, "m")
    again = await what.apply()
    assert again.version == first.version or kind in WRITTEN_AGAIN

    by_watch = await watched(member_apis["eu"], what, {"metadata": {"labels": {"x": "y"}}})
    by_get = await what.change({"metadata": {"annotations": {"x": "y"}}})
    for road in (first, again, by_get, by_watch, await what.listed(), await what.apply()):
        assert entries.entry(road.fields) == sent
        assert judge(what.ref, before, road) is None

    found = judge(what.ref, before, await what.change(KINDS[kind][2]))
    assert found is not None
    assert (found.cause, found.manager) == (Cause.CHANGED, "kubectl-edit")

    healed = entries.entry((await what.apply()).fields)
    assert healed is not None
    assert healed.digest == sent.digest
    if not what.ref.namespace and kind != "CustomResourceDefinition":
        await what.delete()
