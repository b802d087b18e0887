"""Patches on managedFields, proved on a real API server: what they free, and what they leave alone."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from fleet import names
from fleet.errors import ApiError, Invalid
from fleet.kube import decode, paths
from fleet.kube.request import JSON_PATCH, Request, Send
from fleet.model import Meta, ObjectRef, Resource
from fleet.ownership import entries, patches
from tests.integration.kinds import POD, SELECTOR, SIZED

LABELS = {names.APPLYSET_PART_OF: "applyset-patches-v1"}
DEPLOYMENT = Resource("apps", "v1", "Deployment", "deployments", namespaced=True)
JOB = Resource("batch", "v1", "Job", "jobs", namespaced=True)
CLAIM = Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", namespaced=True)
WEB: dict[str, Any] = {
    "name": "web",
    "image": "nginx",
    "env": [{"name": "A", "value": "1"}],
    "ports": [{"name": "http", "containerPort": 80}],
    "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
}
SPEC: dict[str, Any] = {
    "replicas": 1,
    "strategy": {"type": "Recreate"},
    "selector": SELECTOR,
    "template": {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [WEB], "volumes": [{"name": "v", "configMap": {"name": "c"}}]},
    },
}
SIDECAR = {
    "name": "sidecar",
    "image": "s",
    "ports": [{"name": "side", "containerPort": 7}],
    "env": [{"name": "S", "value": "1"}],
}
CONTAINER = "/spec/template/spec/containers/0"
EDITS: dict[str, tuple[str, Any]] = {
    "the number of a port": (f"{CONTAINER}/ports/0/containerPort", 8080),
    "a variable's source": (
        f"{CONTAINER}/env/0",
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ),
    "a probe's way": (f"{CONTAINER}/livenessProbe", {"exec": {"command": ["x"]}}),
    "a volume's source": ("/spec/template/spec/volumes/0", {"name": "v", "emptyDir": {}}),
    "the strategy": ("/spec/strategy", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}),
}


class Object:
    """One object on the server."""

    def __init__(self, send: Send, resource: Resource, namespace: str, spec: dict[str, Any]) -> None:
        self._send = send
        self.resource = resource
        self.ref = ObjectRef(resource.group, resource.kind, namespace, "web")
        self.path = paths.object_path(resource, namespace, "web")
        version = "/".join(filter(None, (resource.group, resource.version)))
        metadata = {
            "name": "web",
            "namespace": namespace,
            "labels": LABELS,
            "annotations": {names.MANIFEST: "m"},
        }
        self.body = {"apiVersion": version, "kind": resource.kind, "metadata": metadata, "spec": spec}

    async def apply(self) -> Meta:
        request = paths.apply(self.resource, self.ref, orjson.dumps(self.body), manager=names.FIELD_MANAGER)
        return decode.meta((await self._send(request)).body, self.resource)

    async def read(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads((await self._send(Request("GET", self.path))).body)
        return found

    async def meta(self) -> Meta:
        return decode.meta((await self._send(paths.get_meta(self.resource, self.ref))).body, self.resource)

    async def patch(
        self, operations: list[dict[str, Any]] | None, manager: str = names.FIELD_MANAGER
    ) -> None:
        assert operations is not None
        body = orjson.dumps(operations)
        query = (("fieldManager", manager),)
        await self._send(Request("PATCH", self.path, query=query, body=body, content_type=JSON_PATCH))

    async def refused(self) -> ApiError:
        with pytest.raises(Invalid) as caught:
            await self.apply()
        return caught.value

    async def stripped(self) -> None:
        """Take all entries off, as some backup and policy tools do."""
        await self.patch([{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}], "stranger")

    async def merged(self) -> dict[str, Any]:
        """Apply, take what the server gave to nobody, and apply again."""
        await self.patch(patches.merge(await self.apply()))
        assert patches.merge(await self.apply()) is None
        return await self.read()


@pytest.mark.parametrize("manager", ["kubectl-edit", "some-operator"])
@pytest.mark.parametrize("edit", EDITS)
async def test_an_apply_that_a_strangers_field_blocks_is_freed_and_an_injected_container_stays(
    edit: str, manager: str, send: Send, namespace: str
) -> None:
    web = Object(send, DEPLOYMENT, namespace, SPEC)
    await web.apply()
    add = {"op": "add", "path": "/spec/template/spec/containers/-", "value": SIDECAR}
    await web.patch([add], "injector")
    before = await web.read()
    path, value = EDITS[edit]
    await web.patch([{"op": "replace", "path": path, "value": value}], manager)
    refusal = await web.refused()
    await web.patch(patches.move(await web.meta(), refusal.field))
    await web.apply()
    assert (await web.read())["spec"] == before["spec"]
    assert patches.move(await web.meta(), refusal.field) is None


async def test_a_job_without_entries_is_ours_again_though_it_never_changes(
    send: Send, namespace: str
) -> None:
    job = Object(send, JOB, namespace, {"template": {"spec": {**POD, "restartPolicy": "Never"}}})
    await job.apply()
    before = await job.read()
    await job.stripped()
    assert (await job.merged())["spec"] == before["spec"]


async def test_a_bound_claim_without_entries_keeps_its_volume_and_its_finalizers(
    send: Send, namespace: str
) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": SIZED, "storageClassName": "x"}
    claim = Object(send, CLAIM, namespace, spec)
    await claim.apply()
    bound = [
        {"op": "add", "path": "/spec/volumeName", "value": "pv"},
        {"op": "add", "path": "/metadata/annotations/pv.kubernetes.io~1bind-completed", "value": "yes"},
    ]
    await claim.patch(bound, "kube-controller-manager")
    before = await claim.read()
    assert before["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    await claim.stripped()
    after = await claim.merged()
    assert after["spec"] == before["spec"]
    for kept in ("finalizers", "annotations", "labels"):
        assert after["metadata"][kept] == before["metadata"][kept]


async def test_replicas_that_git_does_not_name_are_not_scaled_to_one_by_a_takeover(
    send: Send, namespace: str
) -> None:
    web = Object(send, DEPLOYMENT, namespace, {key: SPEC[key] for key in SPEC if key != "replicas"})
    theirs = {
        **web.body,
        "spec": {**SPEC, "replicas": 7},
        "metadata": {"name": "web", "namespace": namespace},
    }
    await send(
        Request(
            "POST",
            web.path.rpartition("/")[0],
            query=(("fieldManager", "kubectl-create"),),
            body=orjson.dumps(theirs),
        )
    )
    await web.patch(patches.merge(await web.meta()))
    await web.apply()
    assert (await web.read())["spec"]["replicas"] == 7


async def test_pods_are_not_restarted_again_when_the_one_who_asked_is_taken_over(
    send: Send, namespace: str
) -> None:
    web = Object(send, DEPLOYMENT, namespace, SPEC)
    await web.apply()
    restarted = {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}
    add = {"op": "add", "path": "/spec/template/metadata/annotations", "value": restarted["annotations"]}
    await web.patch([add], "kubectl-rollout")
    before = await web.read()
    assert patches.merge(await web.meta()) is not None  # the map itself is taken, its content is not
    await web.patch(patches.merge(await web.meta()))
    await web.apply()
    assert (await web.read())["spec"]["template"] == before["spec"]["template"]


async def test_an_orphan_keeps_all_that_it_holds_and_nothing_of_ours(send: Send, namespace: str) -> None:
    web = Object(send, DEPLOYMENT, namespace, SPEC)
    await web.apply()
    before = await web.read()
    await web.patch(patches.orphan(await web.meta()))
    after = await web.read()
    assert after["spec"] == before["spec"]
    assert not after["metadata"].get("labels")
    assert names.MANIFEST not in after["metadata"].get("annotations", {})
    assert entries.entry((await web.meta()).fields) is None
    assert patches.orphan(await web.meta()) is None
