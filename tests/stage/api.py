"""An API server as a test sees it: objects as JSON, and waiting on conditions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from fleet.clock import Clock
from fleet.errors import Expired, NotFound, Throttled, Unreachable
from fleet.kube import trusted
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.request import APPLY, JSON_PATCH, MERGE_PATCH, Request

WAIT = 60.0  # seconds that a condition may take to come true on a busy machine

PLURALS = {
    "Namespace": "/api/v1/namespaces",
    "ConfigMap": "/api/v1/{ns}configmaps",
    "Secret": "/api/v1/{ns}secrets",
    "Service": "/api/v1/{ns}services",
    "SecretStore": "/apis/external-secrets.io/v1/{ns}secretstores",
    "ServiceAccount": "/api/v1/{ns}serviceaccounts",
    "Pod": "/api/v1/{ns}pods",
    "Event": "/api/v1/{ns}events",
    "PersistentVolumeClaim": "/api/v1/{ns}persistentvolumeclaims",
    "Endpoints": "/api/v1/{ns}endpoints",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/{ns}endpointslices",
    "Deployment": "/apis/apps/v1/{ns}deployments",
    "StatefulSet": "/apis/apps/v1/{ns}statefulsets",
    "DaemonSet": "/apis/apps/v1/{ns}daemonsets",
    "CronJob": "/apis/batch/v1/{ns}cronjobs",
    "Role": "/apis/rbac.authorization.k8s.io/v1/{ns}roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/{ns}rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Ingress": "/apis/networking.k8s.io/v1/{ns}ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/{ns}networkpolicies",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/{ns}horizontalpodautoscalers",
    "PodDisruptionBudget": "/apis/policy/v1/{ns}poddisruptionbudgets",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "ResourceQuota": "/api/v1/{ns}resourcequotas",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "Lease": "/apis/coordination.k8s.io/v1/{ns}leases",
    "SealedSecret": "/apis/bitnami.com/v1alpha1/{ns}sealedsecrets",
    "Application": "/apis/fleethub.dev/v1alpha1/{ns}applications",
    "Cluster": "/apis/fleethub.dev/v1alpha1/{ns}clusters",
    "Project": "/apis/fleethub.dev/v1alpha1/{ns}projects",
}


class Api:
    """One API server, as its admin."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.send = client.send

    @classmethod
    async def of(cls, kubeconfig: Path) -> Api:
        """Open the server of a kubeconfig."""
        connection = await trusted.load(str(kubeconfig))
        return cls(Client(connection, cluster="test", budget=Budget(), clock=Clock()))

    async def close(self) -> None:
        """Drop the connections."""
        await self.client.close()

    async def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """An object; None where there is none."""
        try:
            answer = await self.send(Request("GET", f"{_path(kind, namespace)}/{name}"))
        except NotFound:
            return None
        found: dict[str, Any] = orjson.loads(answer.body)
        return found

    async def list(self, kind: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        """All objects of a kind."""
        query = (("labelSelector", selector),) if selector else ()
        answer = await self.send(Request("GET", _path(kind, namespace), query=query))
        found: list[dict[str, Any]] = orjson.loads(answer.body)["items"]
        return found

    async def apply(
        self, body: dict[str, Any], manager: str = "test", *, force: bool = True
    ) -> dict[str, Any]:
        """Server-side apply; waits while the server is still making its storage."""
        metadata = body["metadata"]
        path = f"{_path(body['kind'], metadata.get('namespace', ''))}/{metadata['name']}"
        query = (("fieldManager", manager), *((("force", "true"),) if force else ()))
        return await self._write(
            Request("PATCH", path, query=query, body=orjson.dumps(body), content_type=APPLY)
        )

    async def create(self, body: dict[str, Any], manager: str = "kubectl-create") -> dict[str, Any]:
        """Create, as ``kubectl create`` does."""
        path = _path(body["kind"], body["metadata"].get("namespace", ""))
        request = Request("POST", path, query=(("fieldManager", manager),), body=orjson.dumps(body))
        return await self._write(request)

    async def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        patch: dict[str, Any] | list[Any],
        manager: str = "kubectl-edit",
        *,
        part: str = "",
    ) -> dict[str, Any]:
        """A merge patch (a dict) or JSON patch (a list), of the object or of a subresource (``part``)."""
        form = JSON_PATCH if isinstance(patch, list) else MERGE_PATCH
        path = f"{_path(kind, namespace)}/{name}" + (f"/{part}" if part else "")
        query = (("fieldManager", manager),)
        return await self._write(
            Request("PATCH", path, query=query, body=orjson.dumps(patch), content_type=form)
        )

    async def scale(self, name: str, namespace: str, replicas: int, manager: str = "kubectl") -> None:
        """``kubectl scale`` of a Deployment."""
        path = f"{_path('Deployment', namespace)}/{name}/scale"
        body = orjson.dumps({"spec": {"replicas": replicas}})
        await self._write(
            Request("PATCH", path, query=(("fieldManager", manager),), body=body, content_type=MERGE_PATCH)
        )

    async def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete; nothing where there is none."""
        try:
            await self.send(Request("DELETE", f"{_path(kind, namespace)}/{name}"))
        except NotFound:
            return

    async def empty(self, kind: str, namespace: str) -> None:
        """Delete all objects of a kind in a namespace."""
        await self.send(Request("DELETE", _path(kind, namespace)))

    async def _write(self, request: Request) -> dict[str, Any]:
        for _ in range(100):
            try:
                answer = await self.send(request)
            except (Throttled, Expired):
                await asyncio.sleep(0.05)
            else:
                found: dict[str, Any] = orjson.loads(answer.body)
                return found
        answer = await self.send(request)
        result: dict[str, Any] = orjson.loads(answer.body)
        return result


def _path(kind: str, namespace: str) -> str:
    """The path of a kind's objects; kinds without a row are written ``plural.group`` and served at v1."""
    plural, _, group = kind.partition(".")
    path = f"/apis/{group}/v1/{{ns}}{plural}" if group else PLURALS[kind]
    return path.replace("{ns}", f"namespaces/{namespace}/" if namespace else "")


SELDOM = 0.3  # seconds between two looks, at the most


async def until(
    condition: Callable[[], Awaitable[Any]], timeout: float = WAIT, *, what: str = "", interval: float = 0.05
) -> Any:
    """Wait until ``condition`` gives something true, and give it; the last answer is in the failure.

    What has not come for long is asked for less often: the servers that answer are what is tested.
    """
    begun = time.monotonic()
    deadline = begun + timeout
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = await condition()
        except (Unreachable, Throttled) as error:
            last = error
        else:
            if last:
                return last
        await asyncio.sleep(max(interval, min(SELDOM, 0.06 * (time.monotonic() - begun))))
    raise AssertionError(f"not so after {timeout:g} s: {what or condition}; last: {last!r}")


async def holds(condition: Callable[[], Awaitable[Any]], seconds: float, *, what: str = "") -> None:
    """Assert that ``condition`` stays true for some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert await condition(), f"no longer so: {what or condition}"
        await asyncio.sleep(0.05)
