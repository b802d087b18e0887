"""What people add by hand to an object of ours: found in its metadata, and taken away where it is asked for (H25)."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from fleet.ownership import entries, foreign
from fleet.ownership.foreign import Hands
from fleet.sync.apply import apply
from fleet.sync.strict import strip

HANDS = Hands()
POD = "/spec/template/spec"
WEB = f"{POD}/containers/0"
ADDITIONS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "an environment variable": (
        [{"op": "add", "path": f"{WEB}/env/-", "value": {"name": "X", "value": "1"}}],
        "spec.template.spec.containers[name=web].env[name=X]",
    ),
    "a container": (
        [{"op": "add", "path": f"{POD}/containers/-", "value": {"name": "side", "image": "s"}}],
        "spec.template.spec.containers[name=side]",
    ),
    "a node's network": (
        [{"op": "add", "path": f"{POD}/hostNetwork", "value": True}],
        "spec.template.spec.hostNetwork",
    ),
    "a whole list": (
        [{"op": "add", "path": f"{POD}/tolerations", "value": [{"operator": "Exists"}]}],
        "spec.template.spec.tolerations",
    ),
    "a map": (
        [{"op": "add", "path": f"{WEB}/resources", "value": {"limits": {"cpu": "1"}}}],
        "spec.template.spec.containers[name=web].resources.limits.cpu",
    ),
    "a volume": (
        [{"op": "add", "path": f"{POD}/volumes", "value": [{"name": "v", "emptyDir": {}}]}],
        "spec.template.spec.volumes[name=v]",
    ),
    "a value that has a default": (
        [{"op": "replace", "path": f"{POD}/terminationGracePeriodSeconds", "value": 7}],
        "spec.template.spec.terminationGracePeriodSeconds",
    ),
    "a label": ([{"op": "add", "path": "/metadata/labels/team", "value": "x"}], "metadata.labels.team"),
    "an annotation": (
        [{"op": "add", "path": "/metadata/annotations/note", "value": "x"}],
        "metadata.annotations.note",
    ),
    "an annotation of the pods": (
        [{"op": "add", "path": "/spec/template/metadata/annotations", "value": {"note": "x"}}],
        "spec.template.metadata.annotations.note",
    ),
}


async def applied(lab: Any) -> Any:
    """A Deployment of ours to which an injector and a controller have added what is theirs."""
    shaped = lab.shaped(lab.deployment, **lab.deployed("A"))
    await apply(lab.send, shaped, None)
    sidecar = {"name": "proxy", "image": "p", "env": [{"name": "P", "value": "1"}]}
    await lab.patch(
        lab.deployment, [{"op": "add", "path": f"{POD}/containers/-", "value": sidecar}], "injector"
    )
    note = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}}}
    await lab.merge(lab.deployment, note, "kube-controller-manager")
    return shaped


@pytest.mark.parametrize("what", ADDITIONS)
async def test_what_a_person_adds_is_named_and_taken_away_and_nothing_else(lab: Any, what: str) -> None:
    shaped = await applied(lab)
    before = await lab.live(lab.deployment)
    ours = entries.entry((await lab.meta(lab.deployment)).fields)
    patch, name = ADDITIONS[what]
    edited = await lab.patch(lab.deployment, patch, "kubectl-edit")
    assert entries.entry(edited.fields) == ours, "no drift"
    (found,) = foreign.found(shaped.ref, edited.fields, HANDS)
    assert (found.manager, found.fields, found.why) == ("kubectl-edit", (name,), "")
    assert found.at
    done = await strip(lab.send, shaped, edited, HANDS)
    assert [one.fields for one in done.removed] == [(name,)]
    assert not done.left
    after = await lab.live(lab.deployment)
    assert after["spec"] == before["spec"]
    for part in ("labels", "annotations"):
        assert after["metadata"][part] == before["metadata"][part]
    now = entries.entry((await lab.meta(lab.deployment)).fields)
    assert now is not None
    assert ours is not None
    assert now.digest == ours.digest
    writes = len([request for request in lab.sent if request.writes])
    again = await strip(lab.send, shaped, done.meta, HANDS)
    assert not again.removed
    assert len([request for request in lab.sent if request.writes]) == writes, "nothing is left to write"


async def test_scale_restarts_and_status_are_no_additions(lab: Any) -> None:
    shaped = lab.shaped(lab.deployment, **lab.deployed("A"))
    await apply(lab.send, shaped, None)
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": restarted}}}}
    await lab.merge(lab.deployment, patch, "kubectl-rollout")
    path = f"/apis/apps/v1/namespaces/{lab.namespace}/deployments/web"
    await lab.status(f"{path}/scale", {"spec": {"replicas": 5}}, "kubectl-scale")
    await lab.status(f"{path}/status", {"status": {"observedGeneration": 1}}, "kubectl-edit")
    meta = await lab.meta(lab.deployment)
    assert foreign.found(shaped.ref, meta.fields, HANDS) == ()
    done = await strip(lab.send, shaped, meta, HANDS)
    assert done.meta.version == meta.version
    assert (await lab.live(lab.deployment))["spec"]["replicas"] == 5


async def test_what_an_object_may_need_is_named_and_stays(lab: Any) -> None:
    shaped = lab.shaped(lab.deployment, **lab.deployed("A"))
    await apply(lab.send, shaped, None)
    patch = {"spec": {"replicas": 4}, "metadata": {"finalizers": ["example.dev/hold"]}}
    edited = await lab.merge(lab.deployment, patch, "kubectl-edit")
    done = await strip(lab.send, shaped, edited, HANDS)
    (left,) = done.left
    assert left.fields == ("metadata.finalizers[*]", "spec.replicas")
    assert left.why
    assert done.meta.version == edited.version
    await lab.merge(lab.deployment, {"metadata": {"finalizers": None}}, "kubectl-edit")


async def test_what_the_server_does_not_let_go_is_said_and_given_back(lab: Any) -> None:
    shaped = lab.shaped(
        lab.claim,
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    )
    await apply(lab.send, shaped, None)
    await lab.merge(lab.claim, {"metadata": {"annotations": {"note": "x"}}}, "kubectl-annotate")
    edited = await lab.merge(lab.claim, {"spec": {"storageClassName": "slow"}}, "kubectl-edit")
    done = await strip(lab.send, shaped, edited, HANDS)
    assert [one.fields for one in done.removed] == [("metadata.annotations.note",)], "what can go goes"
    (left,) = done.left
    assert (left.manager, left.fields) == ("kubectl-edit", ("spec.storageClassName",))
    assert "refuses" in left.why
    live = await lab.live(lab.claim)
    assert live["spec"]["storageClassName"] == "slow"
    before, after = (
        {one.manager: entries.paths(one.fields) for one in entries.entries(meta.fields)}
        for meta in (edited, done.meta)
    )
    assert after[names.FIELD_MANAGER] == before[names.FIELD_MANAGER], "it is whose it was"
    assert after["kubectl-edit"] == before["kubectl-edit"]
    await apply(lab.send, shaped, done.meta)
    lab.sent.clear()
    again = await strip(lab.send, shaped, await lab.meta(lab.claim), HANDS, known=done.left)
    assert again.left == done.left
    assert not [request for request in lab.sent if request.writes], "it is not tried again"


async def test_a_tool_that_the_hub_names_is_a_person_too_and_no_other_is(lab: Any) -> None:
    shaped = await applied(lab)
    patch, name = ADDITIONS["an annotation"]
    edited = await lab.patch(lab.deployment, patch, "k9s-2")
    assert foreign.found(shaped.ref, edited.fields, HANDS) == ()
    (found,) = foreign.found(shaped.ref, edited.fields, Hands(["k9s*"]))
    assert found.fields == (name,)
    done = await strip(lab.send, shaped, edited, Hands(["k9s*"]))
    assert not foreign.found(shaped.ref, done.meta.fields, Hands(["k9s*"]))
    containers = (await lab.live(lab.deployment))["spec"]["template"]["spec"]["containers"]
    assert [one["name"] for one in containers] == ["web", "proxy"]
