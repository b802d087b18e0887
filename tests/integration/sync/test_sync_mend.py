"""Applies that a stranger's field blocks: freed, healed, and nobody else's field touched (D2, "List keys")."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from fleet.errors import Invalid
from fleet.ownership import entries
from fleet.sync.apply import apply

POD = "/spec/template/spec"
WEB = f"{POD}/containers/0"
FROM_FIELD = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}
EDITS: dict[str, list[dict[str, Any]]] = {
    "the number of a port": [{"op": "replace", "path": f"{WEB}/ports/0/containerPort", "value": 81}],
    "a variable's source": [{"op": "replace", "path": f"{WEB}/env/0", "value": FROM_FIELD}],
    "a probe's kind": [
        {"op": "replace", "path": f"{WEB}/livenessProbe", "value": {"exec": {"command": ["x"]}}}
    ],
    "a volume's source": [
        {"op": "replace", "path": f"{POD}/volumes/0", "value": {"name": "v", "emptyDir": {}}}
    ],
    "the strategy": [{"op": "replace", "path": "/spec/strategy", "value": ROLLING}],
}
BACK: dict[str, Any] = {
    "name": "web",
    "image": "web:1",
    "env": [{"name": "A", "value": "1"}],
    "ports": [{"name": "http", "containerPort": 80}],
    "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
}


def content(strategy: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    volumes = [{"name": "v", "configMap": {"name": "c"}}]
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{**BACK, **container}], "volumes": volumes},
    }
    selector = {"matchLabels": {"app": "web"}}
    return {
        "spec": {"selector": selector, "template": template, "strategy": strategy or {"type": "Recreate"}}
    }


async def injected(lab: Any) -> None:
    sidecar = {"name": "proxy", "image": "p", "env": [{"name": "P", "value": "1"}]}
    await lab.patch(
        lab.deployment, [{"op": "add", "path": f"{POD}/containers/-", "value": sidecar}], "injector"
    )


@pytest.mark.parametrize("manager", ["kubectl-edit", "some-operator"])
@pytest.mark.parametrize("edit", EDITS)
async def test_a_stranger_who_changed_the_key_or_the_kind_of_a_field_is_healed(
    lab: Any, edit: str, manager: str
) -> None:
    shaped = lab.shaped(lab.deployment, **content())
    await apply(lab.send, shaped, None)
    await injected(lab)
    before = await lab.live(lab.deployment)
    edited = await lab.patch(lab.deployment, EDITS[edit], manager)
    healed = await apply(lab.send, shaped, edited)
    assert healed.changed
    assert (await lab.live(lab.deployment))["spec"] == before["spec"]
    # The next change from Git finds nobody in its way.
    lab.sent.clear()
    await apply(lab.send, lab.shaped(lab.deployment, **content(image="web:2")), healed.meta)
    assert len([request for request in lab.sent if request.writes]) == 1


async def test_the_rolling_update_that_git_wants_comes_back_from_recreate(lab: Any) -> None:
    shaped = lab.shaped(lab.deployment, **content(strategy=ROLLING))
    await apply(lab.send, shaped, None)
    before = await lab.live(lab.deployment)
    edit = [{"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}}]
    edited = await lab.patch(lab.deployment, edit, "kubectl-edit")
    await apply(lab.send, shaped, edited)
    assert (await lab.live(lab.deployment))["spec"] == before["spec"]


async def test_a_manifest_that_is_wrong_in_itself_moves_nothing_of_others(lab: Any) -> None:
    """Somebody holds a variable of the list in which Git's own is invalid."""
    await apply(lab.send, lab.shaped(lab.deployment, **content()), None)
    extra = [{"op": "add", "path": f"{WEB}/env/-", "value": {"name": "X", "value": "1"}}]
    edited = await lab.patch(lab.deployment, extra, "injector")
    wrong = [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    with pytest.raises(Invalid) as refused:
        await apply(lab.send, lab.shaped(lab.deployment, **content(env=wrong)), edited)
    assert refused.value.field.startswith("spec.template.spec.containers[0].env[0]")
    now = await lab.meta(lab.deployment)
    held = [
        {one.manager: entries.paths(one.fields) for one in entries.entries(meta.fields)}
        for meta in (edited, now)
    ]
    assert held[0] == held[1]
    assert names.FIELD_MANAGER in held[0]
    await apply(lab.send, lab.shaped(lab.deployment, **content()), now)
    assert await lab.env() == ["A", "X"], "the injector's stays"
