"""One member as the verbs of `sync` see it, with strangers who write to it too. `lab` does what they do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fleet.kube import decode, paths
from fleet.kube.request import APPLY, JSON, JSON_PATCH, MERGE_PATCH, Request
from fleet.model import ApplicationKey, Manifest, Meta, ObjectRef, Origin, Resource, TargetKey
from fleet.sync import shape
from fleet.sync.scope import Placed
from fleet.sync.sets import set_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fleet.kube.request import Answer, Send


class Lab:
    """A namespace on a real API server. Requests through `send` are kept in `sent`."""

    config_map = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
    secret = Resource("", "v1", "Secret", "secrets", namespaced=True)
    service = Resource("", "v1", "Service", "services", namespaced=True)
    deployment = Resource("apps", "v1", "Deployment", "deployments", namespaced=True)
    network_policy = Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", namespaced=True)
    claim = Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", namespaced=True)
    namespace_kind = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
    crd = Resource(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
    )

    def __init__(self, send: Send, namespace: str) -> None:
        self._send = send
        self.namespace = namespace
        self.sent: list[Request] = []

    async def send(self, request: Request) -> Answer:
        self.sent.append(request)
        return await self._send(request)

    def target(self, application: str = "a") -> TargetKey:
        return TargetKey(ApplicationKey(self.namespace, application), "eu-1")

    def set_id(self, application: str = "a") -> str:
        return set_id(self.target(application))

    def ref(self, resource: Resource, name: str = "web") -> ObjectRef:
        namespace = self.namespace if resource.namespaced else ""
        return ObjectRef(resource.group, resource.kind, namespace, name)

    def shaped(self, resource: Resource, name: str = "web", application: str = "a", **content: Any) -> Any:
        """What the Application would send; ``content`` is the object's, ``metadata`` merged."""
        ref = self.ref(resource, name)
        body = orjson.dumps(self.body(resource, name, **content))
        manifest = Manifest(ref, resource.version, body, Origin("app.yaml"))
        return shape.body(Placed(manifest, resource), shape.Marks(self.set_id(application), b"key"))

    def body(self, resource: Resource, name: str = "web", **content: Any) -> dict[str, Any]:
        version = f"{resource.group}/{resource.version}" if resource.group else resource.version
        metadata = {"name": name, **content.pop("metadata", {})}
        return {"apiVersion": version, "kind": resource.kind, "metadata": metadata, **content}

    def deployed(self, *env: str, **more: Any) -> dict[str, Any]:
        """The content of a Deployment whose container has these environment variables."""
        container = {"name": "web", "image": "web:1", "env": [{"name": name, "value": "1"} for name in env]}
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container | more]}}
        return {"spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template}}

    # --- what strangers do ---

    async def create(
        self, resource: Resource, name: str = "web", manager: str = "kubectl-create", **content: Any
    ) -> Meta:
        path = paths.collection_path(resource, self.namespace)
        body = self.body(resource, name, **content)
        return await self._as(Request("POST", path, body=orjson.dumps(body)), resource, manager)

    async def merge(self, resource: Resource, patch: dict[str, Any], manager: str, name: str = "web") -> Meta:
        return await self._patch(resource, name, patch, MERGE_PATCH, manager)

    async def patch(
        self, resource: Resource, patch: list[dict[str, Any]], manager: str, name: str = "web"
    ) -> Meta:
        return await self._patch(resource, name, patch, JSON_PATCH, manager)

    async def apply(self, resource: Resource, manager: str, name: str = "web", **content: Any) -> Meta:
        body = self.body(resource, name, **content)
        return await self._patch(resource, name, body, APPLY, manager, ("force", "true"))

    async def strip(self, resource: Resource, name: str = "web") -> Meta:
        """Take off all managedFields, as some tools do."""
        patch: list[dict[str, Any]] = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
        return await self.patch(resource, patch, "stripper", name)

    async def status(self, path: str, patch: dict[str, Any], manager: str = "controller") -> None:
        """Write a status, as a controller does."""
        query = (("fieldManager", manager),)
        await self._send(Request("PATCH", path, query, orjson.dumps(patch), MERGE_PATCH))

    async def remove(self, resource: Resource, name: str = "web") -> None:
        await self._send(Request("DELETE", paths.object_path(resource, self.namespace, name)))

    async def remove_kinds(self) -> None:
        """Remove the CRDs that this lab has made: the server is shared with other tests."""
        path = paths.collection_path(self.crd, None)
        found = orjson.loads((await self._send(Request("GET", path))).body)
        for name in (crd["metadata"]["name"] for crd in found["items"]):
            if name.startswith(f"things.{self.namespace}."):
                await self._send(Request("DELETE", f"{path}/{name}"))

    async def leaving(self, name: str) -> None:
        """Make a namespace that is being removed and stays so: something in it has a finalizer."""
        content = orjson.dumps(self.body(self.namespace_kind, name))
        await self._send(Request("POST", "/api/v1/namespaces", body=content))
        held = self.body(self.config_map, "held", metadata={"finalizers": ["example.dev/hold"]})
        await self._send(Request("POST", f"/api/v1/namespaces/{name}/configmaps", body=orjson.dumps(held)))
        await self._send(Request("DELETE", f"/api/v1/namespaces/{name}"))

    async def release_namespace(self, name: str) -> None:
        """Let go what `leaving` holds."""
        patch = orjson.dumps({"metadata": {"finalizers": None}})
        path = f"/api/v1/namespaces/{name}/configmaps/held"
        await self._send(Request("PATCH", path, body=patch, content_type=MERGE_PATCH))

    async def _patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        content_type: str,
        manager: str,
        *query: tuple[str, str],
    ) -> Meta:
        path = paths.object_path(resource, self.namespace, name)
        request = Request("PATCH", path, query, orjson.dumps(patch), content_type)
        return await self._as(request, resource, manager)

    async def _as(self, request: Request, resource: Resource, manager: str) -> Meta:
        query = (*request.query, ("fieldManager", manager))
        answer = await self._send(replace(request, query=query, accept=JSON))
        return decode.meta(answer.body, resource)

    # --- the state of the world ---

    async def live(self, resource: Resource, name: str = "web") -> dict[str, Any]:
        answer = await self._send(Request("GET", paths.object_path(resource, self.namespace, name)))
        found: dict[str, Any] = orjson.loads(answer.body)
        return found

    async def meta(self, resource: Resource, name: str = "web") -> Meta:
        answer = await self._send(paths.get_meta(resource, self.ref(resource, name)))
        return decode.meta(answer.body, resource)

    async def until_the_next_second(self) -> None:
        """Wait until the server's clock, which writes seconds, has gone on: an object's times tell."""
        begun = await self._second()
        while await self._second() == begun:
            pass

    async def _second(self) -> str:
        body = orjson.dumps(self.body(self.config_map, "clock", data={}))
        path = paths.collection_path(self.config_map, self.namespace)
        answer = await self._send(Request("POST", path, (("dryRun", "All"),), body))
        found: str = orjson.loads(answer.body)["metadata"]["creationTimestamp"]
        return found

    async def env(self, name: str = "web") -> list[str]:
        """The environment variables that the Deployment's container has."""
        live = await self.live(self.deployment, name)
        container = live["spec"]["template"]["spec"]["containers"][0]
        return [variable["name"] for variable in container.get("env", ())]


@pytest.fixture
async def lab(send: Send, namespace: str) -> AsyncIterator[Lab]:
    made = Lab(send, namespace)
    yield made
    await made.remove_kinds()
