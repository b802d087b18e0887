"""What people do to objects of ours is put back, whatever the kind; what is not ours is left alone."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.model import ObjectRef
from tests.integration.kinds import KINDS
from tests.stage.api import Api, until
from tests.stage.theatre import Theatre

TEAM = {"metadata": {"labels": {"team": None}}}
ANNOTATION = {"spec": {"template": {"metadata": {"annotations": {"x.y/z": None}}}}}
# A field of ours that somebody removes, kind by kind.
REMOVALS: dict[str, dict[str, Any]] = {
    "Deployment": ANNOTATION,
    "StatefulSet": ANNOTATION,
    "DaemonSet": ANNOTATION,
    "Service": {"spec": {"selector": None}},
    "ConfigMap": {"data": {"a": None}},
    "Secret": {"data": {"a": None}},
    "ServiceAccount": {"imagePullSecrets": None},
    "Role": {"rules": None},
    "ClusterRole": {"rules": None},
    "Ingress": {"spec": {"ingressClassName": None}},
    "HorizontalPodAutoscaler": TEAM,
    "CronJob": TEAM,
    "PodDisruptionBudget": TEAM,
    "Namespace": {"metadata": {"annotations": {"a.b/c": None}}},
    "PersistentVolumeClaim": TEAM,
    "CustomResourceDefinition": TEAM,
    "Widget": {"spec": {"size": None}},
    "ValidatingWebhookConfiguration": {"webhooks": None},
}
CLUSTER_SCOPE = ("ClusterRole", "CustomResourceDefinition", "ValidatingWebhookConfiguration", "Namespace")


class Stage:
    """An Application that holds one object of every kind on one member."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre
        self.member: Api = theatre.members["eu"]
        self.group = f"drift{theatre.number}.test"
        self.bodies = {kind: self._body(kind) for kind in KINDS}

    def _body(self, kind: str) -> dict[str, Any]:
        version, content, _ = copy.deepcopy(KINDS[kind])
        metadata = content.pop("metadata", {})
        name = f"drift{self.theatre.number}-{kind.lower()}"
        if kind == "CustomResourceDefinition":
            content["spec"]["group"] = self.group
            name = f"widgets.{self.group}"
        if kind == "Widget":
            version = f"{self.group}/v1"
        return {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, "labels": {"team": "platform"}, **metadata},
            **content,
        }

    def where(self, kind: str) -> tuple[str, str, str]:
        """Kind, name and namespace as the member's API wants them."""
        served = f"widgets.{self.group}" if kind == "Widget" else kind
        namespace = "" if kind in CLUSTER_SCOPE else self.theatre.namespace
        return served, self.bodies[kind]["metadata"]["name"], namespace

    def ref(self, kind: str) -> ObjectRef:
        """The live object's ref."""
        _, name, namespace = self.where(kind)
        group = self.bodies[kind]["apiVersion"].rpartition("/")[0]
        return ObjectRef(group, kind, namespace, name)

    async def live(self, kind: str) -> dict[str, Any] | None:
        """The live object."""
        return await self.member.get(*self.where(kind))

    async def patch(self, kind: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Change it as ``kubectl edit`` does."""
        return await self.member.patch(*self.where(kind), patch)

    async def back(self, kinds: Iterable[str] = KINDS, *, but: Mapping[str, str] | None = None) -> None:
        """Wait until the objects are as Git says, and are others than those with the UIDs ``but``."""
        wrong: dict[str, Any] = dict.fromkeys(kinds)

        async def look() -> bool:
            for kind in list(wrong):
                found = await self.live(kind)
                if contains(found, self.bodies[kind]) and found["metadata"]["uid"] != (but or {}).get(kind):
                    del wrong[kind]
                else:
                    wrong[kind] = found
            return not wrong

        try:
            await until(look, interval=0.05, what="all is as Git says")
        except AssertionError:
            status = await self.theatre.status()
            raise AssertionError(f"not as Git says: {wrong}; status: {status}") from None


def contains(live: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; of a list, all items in whatever order and no others."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(contains(live.get(key), wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        if not isinstance(live, list) or len(live) != len(wanted):
            return False
        return all(any(contains(one, item) for one in live) for item in wanted)
    return bool(live == wanted)


@pytest.fixture
async def stage(theatre: Theatre) -> AsyncIterator[Stage]:
    stage = Stage(theatre)
    manifests = "---\n".join(orjson.dumps(body).decode() + "\n" for body in stage.bodies.values())
    theatre.repo.commit({"apps/app/all.yaml": manifests})
    await theatre.register("eu")
    await theatre.start()
    await theatre.application()
    await theatre.synced()
    yield stage
    await theatre.stop()
    for kind in CLUSTER_SCOPE:
        await stage.member.delete(*stage.where(kind))


async def test_a_field_that_somebody_edits_is_put_back_whatever_the_kind(stage: Stage) -> None:
    for kind, (_, _, edit) in KINDS.items():
        assert not contains(await stage.patch(kind, edit), stage.bodies[kind]), kind
    await stage.back()
    await stage.theatre.synced()


async def test_a_field_that_somebody_removes_is_put_back_whatever_the_kind(stage: Stage) -> None:
    for kind in KINDS:
        assert not contains(await stage.patch(kind, REMOVALS[kind]), stage.bodies[kind]), kind
    await stage.back()
    await stage.theatre.synced()


async def test_an_object_that_somebody_deletes_is_made_again_whatever_the_kind(stage: Stage) -> None:
    # A Namespace stays Terminating for ever without its controller, which these planes do not run.
    kinds = [kind for kind in KINDS if kind != "Namespace"]
    before = {kind: (await stage.live(kind) or {})["metadata"]["uid"] for kind in kinds}
    for kind in kinds:
        await stage.member.delete(*stage.where(kind))
    # So does a claim, until its finalizer is gone.
    claim = await stage.live("PersistentVolumeClaim")
    if claim is not None and "deletionTimestamp" in claim["metadata"]:
        await stage.patch("PersistentVolumeClaim", {"metadata": {"finalizers": None}})
    await stage.back(kinds, but=before)
    await stage.theatre.synced()


async def test_foreign_annotations_and_labels_are_no_drift_whatever_the_kind(stage: Stage) -> None:
    note = {"metadata": {"annotations": {"example.com/note": "mine"}, "labels": {"example.com/mine": "yes"}}}
    versions = {kind: (await stage.patch(kind, note))["metadata"]["resourceVersion"] for kind in KINDS}
    worker = stage.theatre.hub.roster.get("eu")
    assert worker is not None
    assert worker.running is not None
    sightings = worker.running.member.sightings

    async def seen() -> bool:
        known = {kind: sightings.get(stage.ref(kind)) for kind in KINDS}
        return all(one is not None and int(one.version) >= int(versions[kind]) for kind, one in known.items())

    await until(seen, what="the hub has seen every annotation")
    # What is judged as drift waits in the first lane from the same moment on, or is in hand.
    assert worker.depth()[0] == 0
    for kind, version in versions.items():
        found = await stage.live(kind)
        assert found is not None
        assert found["metadata"]["annotations"]["example.com/note"] == "mine"
        if kind != "CustomResourceDefinition":  # its own controllers write its status
            assert found["metadata"]["resourceVersion"] == version, kind
    await stage.theatre.synced()


async def test_scaling_is_put_back_and_the_scaler_is_named(stage: Stage) -> None:
    kind, name, namespace = stage.where("Deployment")
    await stage.member.scale(name, namespace, 7, "kubectl-scale")
    await stage.back([kind])

    async def named() -> bool:
        events = await stage.theatre.api.list("Event", names.HUB_NAMESPACE)
        return any(
            event["reason"] == "DriftHealed"
            and f"{namespace}/{name}" in event["message"]
            and "spec.replicas" in event["message"]
            and "kubectl-scale" in event["message"]
            for event in events
        )

    await until(named, what="an Event names who scaled")
