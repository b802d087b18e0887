"""fleet.kube.decode: values in, values out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet import names
from fleet.documents import deep
from fleet.errors import ServerFailed
from fleet.kube import decode
from fleet.model import ObjectRef, OwnerRef, Resource

CANARY = "hunter2"


def body(name: str = "web", **metadata: Any) -> dict[str, Any]:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"name": name, "namespace": "shop", "uid": "u", "resourceVersion": "7", **metadata},
    }


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_metadata_is_read(deployments: Resource) -> None:
    fields = [{"manager": "fleethub", "fieldsV1": {"f:x": {}}}]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "o", "controller": True}
    read = decode.meta(
        encode(
            body(
                labels={"a": "b"},
                annotations={"c": "d"},
                managedFields=fields,
                ownerReferences=[owner],
                deletionTimestamp="2026-01-01T00:00:00Z",
                generation=3,
            )
        ),
        deployments,
    )
    assert read.ref == ObjectRef("apps", "Deployment", "shop", "web")
    assert (read.uid, read.version, read.deleting) == ("u", "7", True)
    assert (dict(read.labels), dict(read.annotations)) == ({"a": "b"}, {"c": "d"})
    assert read.owners == (OwnerRef("Pod", "p", "o", controller=True),)
    assert json.loads(read.fields) == fields


def test_what_is_absent_is_empty(deployments: Resource) -> None:
    read = decode.meta(encode(body()), deployments)
    assert (dict(read.labels), dict(read.annotations), read.owners) == ({}, {}, ())
    assert read.fields == b"[]"
    assert not read.deleting


def test_a_whole_object_says_its_kind_itself() -> None:
    value = {**body(), "kind": "Deployment", "apiVersion": "apps/v1"}
    assert decode.meta(encode(value), None).ref == ObjectRef("apps", "Deployment", "shop", "web")
    value = {**body(), "kind": "Secret", "apiVersion": "v1"}
    assert decode.meta(encode(value), None).ref.group == ""


def test_last_applied_is_emptied_and_its_key_stays(configmaps: Resource) -> None:
    value = body(annotations={names.LAST_APPLIED: CANARY, "a": "b"})
    read = decode.meta(encode(value), configmaps)
    assert dict(read.annotations) == {names.LAST_APPLIED: "", "a": "b"}
    listed, _, _ = decode.metas(encode({"metadata": {}, "items": [value]}), configmaps)
    assert listed[0].annotations[names.LAST_APPLIED] == ""
    seen = decode.event(encode({"type": "ADDED", "object": value}), configmaps, whole=True)
    assert CANARY not in repr(seen)


def test_a_list_has_version_and_continue(configmaps: Resource) -> None:
    value = {"metadata": {"resourceVersion": "9", "continue": "c"}, "items": [body("a"), body("b")]}
    found, version, rest = decode.metas(encode(value), configmaps)
    assert ([meta.ref.name for meta in found], version, rest) == (["a", "b"], "9", "c")


@pytest.mark.parametrize("items", [None, []])
def test_an_empty_list_is_empty(configmaps: Resource, items: Any) -> None:
    assert decode.metas(encode({"metadata": {"resourceVersion": "9"}, "items": items}), configmaps)[0] == ()
    assert decode.page(encode({"metadata": {}, "items": items}), configmaps, whole=True).items == ()


def test_whole_items_get_their_kind_and_lose_managed_fields(deployments: Resource) -> None:
    item = {"metadata": body(managedFields=[{"manager": "m"}])["metadata"], "spec": {"replicas": 3}}
    page = decode.page(
        encode({"metadata": {"resourceVersion": "9"}, "items": [item]}), deployments, whole=True
    )
    (found,) = page.items
    assert found.object is not None
    assert (found.object["apiVersion"], found.object["kind"]) == ("apps/v1", "Deployment")
    assert found.object["spec"] == {"replicas": 3}
    assert "managedFields" not in found.object["metadata"]
    assert json.loads(found.meta.fields) == [{"manager": "m"}]


@pytest.mark.parametrize("whole", [True, False])
def test_events_are_read(deployments: Resource, whole: bool) -> None:  # noqa: FBT001
    value = {**body(), "spec": {"replicas": 3}, "code": "x", "reason": 7}
    seen = decode.event(encode({"type": "MODIFIED", "object": value}), deployments, whole=whole)
    assert seen.type == "MODIFIED"
    assert seen.meta is not None
    assert seen.meta.version == "7"
    assert (seen.object is not None) is whole


@pytest.mark.parametrize("whole", [True, False])
def test_a_bookmark_brings_a_version(deployments: Resource, whole: bool) -> None:  # noqa: FBT001
    line = encode(
        {"type": "BOOKMARK", "object": {"kind": "Deployment", "metadata": {"resourceVersion": "12"}}}
    )
    seen = decode.event(line, deployments, whole=whole)
    assert seen.meta is not None
    assert seen.meta.version == "12"


def test_an_error_event_brings_its_code(deployments: Resource) -> None:
    status = {"kind": "Status", "metadata": {}, "message": CANARY, "reason": "Expired", "code": 410}
    seen = decode.event(encode({"type": "ERROR", "object": status}), deployments, whole=False)
    assert (seen.meta, seen.code) == (None, 410)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"type": 7}', b'{"metadata": "hunter2"}'])
def test_what_does_not_read_is_an_error_without_content(configmaps: Resource, data: bytes) -> None:
    for read in (
        lambda: decode.meta(data, configmaps),
        lambda: decode.metas(data, configmaps),
        lambda: decode.page(data, configmaps, whole=True),
        lambda: decode.event(data, configmaps, whole=False),
    ):
        with pytest.raises(ServerFailed) as caught:
            read()
        assert CANARY not in str(caught.value)


def test_a_value_that_does_not_read_is_an_error_too() -> None:
    with pytest.raises(ServerFailed):
        decode.value(b"{")


def deep_text(levels: int, name: str = "x") -> bytes:
    """A whole object, too deep in its content and in its entries."""
    fields = b'[{"manager":"m","fieldsV1":' + b'{"f:a":' * levels + b"{}" + b"}" * levels + b"}]"
    metadata = b'{"name":"%s","resourceVersion":"7","managedFields":%s}' % (name.encode(), fields)
    return b'{"metadata":%s,"spec":%s,"z":1}' % (metadata, b"[" * levels + b"]" * levels)


def test_an_object_nested_without_end_is_read_without_its_depths(deployments: Resource) -> None:
    for levels in (1_100, 100_000):
        text = deep_text(levels)
        assert decode.meta(text, deployments).version == "7"
        found = decode.event(b'{"type":"ADDED","object":' + text + b"}", deployments, whole=True)
        assert found.meta is not None
        assert json.loads(found.meta.fields)[0]["manager"] == "m"
        assert found.object is not None
        assert found.object["z"] == 1
        assert deep.within(found.object, deep.MOST)
        assert decode.value(text)["z"] == 1


def test_an_object_nested_without_end_hides_no_other_of_its_list(deployments: Resource) -> None:
    other = encode({**body("other"), "spec": {"replicas": 3}})
    text = b'{"metadata":{"resourceVersion":"9"},"items":[%s,%s]}' % (deep_text(5_000), other)
    found, version, _ = decode.metas(text, deployments)
    assert ([meta.ref.name for meta in found], version) == (["x", "other"], "9")
    page = decode.page(text, deployments, whole=True)
    assert [item.meta.ref.name for item in page.items] == ["x", "other"]
    assert page.items[1].object is not None
    assert page.items[1].object["spec"] == {"replicas": 3}


def test_an_annotation_that_nests_is_unreadable(deployments: Resource) -> None:
    text = b'{"metadata":{"name":"x","annotations":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}}"
    with pytest.raises(ServerFailed):
        decode.meta(text, deployments)
