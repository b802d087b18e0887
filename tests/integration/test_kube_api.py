"""The door, paths, decode, failure and discovery against a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local.plane import Plane
from fleet import names
from fleet.clock import Clock
from fleet.errors import ApiError, Conflict, Expired, Invalid, NotFound, Unanswered, Unreachable
from fleet.kube import decode, discovery, failure, listing, paths, trusted
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.request import Request
from fleet.model import Meta, ObjectRef, Resource

CANARY = "hunter2"
CONFIGMAPS = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
SECRETS = Resource("", "v1", "Secret", "secrets", namespaced=True)
DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments", namespaced=True)
SERVICES = Resource("", "v1", "Service", "services", namespaced=True)


@pytest.fixture
async def client(plane: Plane) -> AsyncIterator[Client]:
    connection = await trusted.load(str(plane.kubeconfig))
    client = Client(connection, cluster="a", budget=Budget(), clock=Clock())
    yield client
    await client.close()


def configmap(name: str, data: dict[str, str], **metadata: Any) -> bytes:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}
    return json.dumps(body).encode()


def deployment(**spec: Any) -> bytes:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    whole = {"selector": {"matchLabels": labels}, "template": template, **spec}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": whole}
    return json.dumps(body).encode()


async def apply(client: Client, resource: Resource, ref: ObjectRef, body: bytes) -> Meta:
    answer = await client.send(paths.apply(resource, ref, body, manager="fleethub"))
    return decode.meta(answer.body, resource)


async def test_discovery_knows_what_is_served(client: Client) -> None:
    found = await discovery.read(client.send)
    assert found.version.startswith("v1.")
    assert found.stale == frozenset()
    assert found.find("apps", "Deployment") is not None
    hpa = found.find("autoscaling", "HorizontalPodAutoscaler")
    assert hpa is not None
    assert hpa.version == "v2"
    namespaces = found.find("", "Namespace")
    assert namespaces is not None
    assert not namespaces.namespaced
    assert "watch" in namespaces.verbs


async def test_legacy_discovery_finds_the_same(client: Client) -> None:
    async def old(request: Request) -> Any:
        if request.path in ("/api", "/apis"):
            request = Request("GET", request.path)
        return await client.send(request)

    new, legacy = await discovery.read(client.send), await discovery.read(old)
    assert legacy.kinds.keys() == new.kinds.keys()
    assert {k: [r.version for r in v] for k, v in legacy.kinds.items()} == {
        k: [r.version for r in v] for k, v in new.kinds.items()
    }


async def test_an_apply_is_answered_with_metadata_and_our_entry(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "ConfigMap", namespace, "x")
    meta = await apply(client, CONFIGMAPS, ref, configmap("x", {"a": "1"}, labels={"l": "v"}))
    assert meta.ref == ref
    assert dict(meta.labels) == {"l": "v"}
    (entry,) = json.loads(meta.fields)
    assert (entry["manager"], entry["operation"]) == ("fleethub", "Apply")
    again = await apply(client, CONFIGMAPS, ref, configmap("x", {"a": "1"}, labels={"l": "v"}))
    assert again == meta


async def test_no_answer_holds_a_secret_s_data(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "Secret", namespace, "s")
    data = {"a": "aHVudGVyMg=="}
    last = {names.LAST_APPLIED: json.dumps({"data": {"a": CANARY}})}
    metadata = {"name": "s", "annotations": last, "finalizers": ["example.com/wait"]}
    body = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}).encode()
    answers = [await client.send(paths.apply(SECRETS, ref, body, manager="fleethub"))]
    meta = decode.meta(answers[0].body, SECRETS)
    assert meta.annotations[names.LAST_APPLIED] == ""
    answers.append(await client.send(paths.get_meta(SECRETS, ref)))
    answers.append(await client.send(paths.list_meta(SECRETS, namespace)))
    answers.append(await client.send(paths.apply(SECRETS, ref, body, manager="fleethub", dry_run=True)))
    answers.append(await client.send(paths.delete(SECRETS, ref, uid=meta.uid, version=meta.version)))
    assert decode.meta(answers[-1].body, SECRETS).deleting
    patch = [{"op": "remove", "path": "/metadata/finalizers"}]
    answers.append(await client.send(paths.json_patch(SECRETS, ref, patch, "fleethub")))
    assert all(b"aHVudGVyMg" not in answer.body for answer in answers)


async def test_a_dry_run_changes_nothing(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "ConfigMap", namespace, "x")
    await client.send(paths.apply(CONFIGMAPS, ref, configmap("x", {}), manager="fleethub", dry_run=True))
    with pytest.raises(NotFound):
        await client.send(paths.get_meta(CONFIGMAPS, ref))


async def test_a_delete_spares_an_object_that_changed_meanwhile(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "ConfigMap", namespace, "x")
    old = await apply(client, CONFIGMAPS, ref, configmap("x", {"a": "1"}))
    new = await apply(client, CONFIGMAPS, ref, configmap("x", {"a": "2"}))
    with pytest.raises(Conflict):
        await client.send(paths.delete(CONFIGMAPS, ref, uid=old.uid, version=old.version))
    await client.send(paths.delete(CONFIGMAPS, ref, uid=new.uid, version=new.version))
    with pytest.raises(NotFound):
        await client.send(paths.get_meta(CONFIGMAPS, ref))


async def test_a_json_patch_whose_test_fails_is_told_apart(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "ConfigMap", namespace, "x")
    await apply(client, CONFIGMAPS, ref, configmap("x", {}))
    ops = [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}]
    with pytest.raises(Invalid) as caught:
        await client.send(paths.json_patch(CONFIGMAPS, ref, ops, "fleethub"))
    assert caught.value.cause == failure.PATCH_REFUSED


async def refused(client: Client, resource: Resource, ref: ObjectRef, body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await apply(client, resource, ref, body)
    assert CANARY not in str(caught.value)
    assert not isinstance(caught.value.__cause__, Exception)
    return caught.value


@pytest.mark.parametrize(
    ("spec", "field", "cause"),
    [
        ({"foo": CANARY}, "spec.foo", failure.FIELD_NOT_DECLARED),
        ({"replicas": CANARY}, "spec.replicas", "FieldValueTypeInvalid"),
        ({"replicas": -5}, "spec.replicas", "FieldValueInvalid"),
        (
            {"selector": {"matchLabels": {"app": CANARY}}},
            "spec.template.metadata.labels",
            "FieldValueInvalid",
        ),
        ({"strategy": {"type": CANARY}}, "spec.strategy", "FieldValueNotSupported"),
    ],
)
async def test_an_invalid_field_is_named_and_its_value_is_not(
    client: Client, namespace: str, spec: dict[str, Any], field: str, cause: str
) -> None:
    error = await refused(
        client, DEPLOYMENTS, ObjectRef("apps", "Deployment", namespace, "web"), deployment(**spec)
    )
    assert isinstance(error, Invalid)
    assert (error.field, error.cause) == (field, cause)


async def test_a_secret_s_value_is_never_in_an_error(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "Secret", namespace, "s")
    for part in (
        {"data": {"a": f"{CANARY}!!"}},
        {"stringData": {"a": [CANARY]}},
        {"data": {f"{CANARY} b": "YQ=="}},
    ):
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, **part}
        assert isinstance(await refused(client, SECRETS, ref, json.dumps(body).encode()), Invalid)


async def test_duplicate_list_keys_are_told_apart(client: Client, namespace: str) -> None:
    metadata, ports = {"name": "w"}, [{"port": 80}, {"port": 80}]
    body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    ref = ObjectRef("", "Service", namespace, "w")
    error = await refused(client, SERVICES, ref, json.dumps(body).encode())
    assert error.cause == failure.DUPLICATE


async def test_a_missing_namespace_is_named(client: Client) -> None:
    ref = ObjectRef("", "ConfigMap", "nowhere", "x")
    error = await refused(client, CONFIGMAPS, ref, configmap("x", {}))
    assert isinstance(error, NotFound)
    assert "namespace nowhere does not exist" in str(error)


async def test_a_list_of_the_future_is_expired(client: Client) -> None:
    request = paths.also(paths.list_meta(CONFIGMAPS, None), ("resourceVersion", "999999999"))
    with pytest.raises(Expired):
        await client.send(request)


async def test_a_list_of_many_pages_is_complete(
    client: Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 7)
    wanted = {f"m{number}" for number in range(30)}
    for name in wanted:
        ref = ObjectRef("", "ConfigMap", namespace, name)
        await apply(client, CONFIGMAPS, ref, configmap(name, {"v": name}, labels={"set": "one"}))
    found = await listing.read(client.send, CONFIGMAPS, namespace, selector="set=one")
    assert {item.meta.ref.name for item in found.items} == wanted
    whole = await listing.read(client.send, CONFIGMAPS, namespace, selector="set=one", whole=True)
    assert {item.object["data"]["v"] for item in whole.items if item.object} == wanted


async def test_a_halted_server_costs_a_write_its_timeout_and_the_object_is_unknown(
    client: Client, namespace: str, plane: Plane
) -> None:
    ref = ObjectRef("", "ConfigMap", namespace, "x")
    await apply(client, CONFIGMAPS, ref, configmap("x", {"a": "1"}))
    plane.pause()
    try:
        request = paths.apply(CONFIGMAPS, ref, configmap("x", {"a": "2"}), manager="fleethub")
        short = Request(
            request.verb, request.path, request.query, request.body, request.content_type, timeout=1.0
        )
        start = asyncio.get_running_loop().time()
        with pytest.raises(Unanswered):
            await client.send(short)
        with pytest.raises(Unreachable):  # no kept connection is left: the handshake gets no answer
            await client.send(Request("GET", "/version", timeout=1.0))
        assert asyncio.get_running_loop().time() - start < 5
    finally:
        plane.resume()
    assert (await client.send(Request("GET", "/version"))).status == 200


async def test_a_restarted_server_is_talked_to_again(client: Client, plane: Plane) -> None:
    await client.send(Request("GET", "/version"))
    await asyncio.to_thread(plane.stop)
    with pytest.raises(Unreachable):
        await client.send(Request("PATCH", "/api/v1/namespaces/default/configmaps/x", body=b"{}"))
    await asyncio.to_thread(plane.restart)
    assert (await client.send(Request("GET", "/version"))).status == 200


async def test_a_client_certificate_works_without_a_file(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    connection = await trusted.load(str(plane.kubeconfig))
    assert connection.client_cert is not None
    client = Client(connection, cluster="a", budget=Budget(), clock=Clock())
    assert (await client.send(Request("GET", "/api/v1/namespaces"))).status == 200
    await client.close()
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
