"""Applying on a real API server: what changes, what does not, and who owns it afterwards (H4, H9, H22)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from fleet import names
from fleet.clock import Clock
from fleet.errors import Invalid
from fleet.model import Cause, Resource, Sighting
from fleet.ownership import entries, membership
from fleet.ownership.entries import entry
from fleet.sync import ready, takeover
from fleet.sync.apply import apply
from fleet.sync.compare import compare


def seen(meta: Any) -> Sighting:
    now = entry(meta.fields)
    return Sighting(
        meta.uid, meta.version, now, now, membership.set_of(meta), meta.annotations.get(names.MANIFEST, "")
    )


def writes(lab: Any) -> int:
    return sum(request.writes for request in lab.sent)


async def test_an_object_is_created_then_unchanged_then_changed(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    assert (first.created, first.changed) == (True, True)
    assert membership.member(first.meta, lab.set_id())
    again = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), first.meta)
    assert (again.created, again.changed) == (False, False)
    assert again.meta.version == first.meta.version
    other = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "2"}), again.meta)
    assert (other.created, other.changed) == (False, True)
    assert len(lab.sent) == 3, "one request an apply"


async def test_an_apply_that_always_writes_is_no_change(lab: Any) -> None:
    """An empty list is stored as absent, so each apply of it is a write."""
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    shaped = lab.shaped(lab.network_policy, spec=spec)
    first = await apply(lab.send, shaped, None)
    again = await apply(lab.send, shaped, first.meta)
    assert not again.changed
    known = await apply(lab.send, shaped, None, seen=seen(first.meta))
    assert not known.changed


async def test_no_answer_holds_a_secrets_data(lab: Any) -> None:
    answers = []

    async def send(request: Any) -> Any:
        answer = await lab.send(request)
        answers.append(answer.body)
        return answer

    await apply(send, lab.shaped(lab.secret, stringData={"a": "canary"}), None)
    live = await lab.live(lab.secret)
    assert live["data"] == {"a": "Y2FuYXJ5"}
    assert b"Y2FuYXJ5" not in b"".join(answers)


async def test_a_removed_field_goes(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A", "B")), None)
    await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A")), first.meta)
    assert await lab.env() == ["A"]


async def made_by_kubectl_create(lab: Any) -> None:
    await lab.create(lab.deployment, **lab.deployed("A", "B"))


async def made_by_kubectl_apply(lab: Any) -> None:
    last = {"annotations": {names.LAST_APPLIED: "{}"}}
    await lab.create(
        lab.deployment, manager="kubectl-client-side-apply", metadata=last, **lab.deployed("A", "B")
    )


async def made_by_nobody(lab: Any) -> None:
    await lab.create(lab.deployment, **lab.deployed("A", "B"))
    await lab.strip(lab.deployment)


async def made_by_argocd(lab: Any) -> None:
    tracking = {"argocd.argoproj.io/tracking-id": f"shop:apps/Deployment:{lab.namespace}/web"}
    await lab.apply(
        lab.deployment, "argocd-controller", metadata={"annotations": tracking}, **lab.deployed("A", "B")
    )


async def made_by_helm(lab: Any) -> None:
    metadata = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": lab.namespace},
    }
    await lab.create(lab.deployment, manager="helm", metadata=metadata, **lab.deployed("A", "B"))


@pytest.mark.parametrize(
    ("maker", "adopt"),
    [
        (made_by_kubectl_create, set()),
        (made_by_kubectl_apply, set()),
        (made_by_nobody, set()),
        (made_by_argocd, {"argocd"}),
        (made_by_helm, {"helm"}),
    ],
)
async def test_what_git_never_had_goes_with_the_first_apply(lab: Any, maker: Any, adopt: set[str]) -> None:
    await maker(lab)
    found = await lab.meta(lab.deployment)
    allowed = frozenset(adopt)
    taken = await takeover.take(lab.send, lab.deployment, found, allowed, ours=frozenset())
    done = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A")), taken, adopt=allowed)
    assert await lab.env() == ["A"]
    assert done.changed
    assert done.meta.uid == found.uid
    assert names.LAST_APPLIED not in done.meta.annotations
    live = await lab.live(lab.deployment)
    assert live["spec"]["replicas"] == 1, "defaults stay"


async def test_what_was_ours_and_lost_its_entry_is_wholly_ours_again(lab: Any) -> None:
    await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A", "B")), None)
    stripped = await lab.strip(lab.deployment)
    taken = await takeover.take(lab.send, lab.deployment, stripped, frozenset(), ours={lab.set_id()})
    healed = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A", "B")), taken)
    await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A")), healed.meta)
    assert await lab.env() == ["A"]


async def test_a_field_that_a_person_applied_too_goes_when_git_drops_it(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A", "B")), None)
    both = await lab.apply(lab.deployment, "kubectl", **lab.deployed("A", "B"))
    assert entry(both.fields) == entry(first.meta.fields), "nothing shows in our entry"
    done = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A")), both)
    assert await lab.env() == ["A"]
    assert not done.warnings


async def test_it_goes_too_where_memory_alone_knows_the_object(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A", "B")), None)
    await lab.apply(lab.deployment, "kubectl", **lab.deployed("A", "B"))
    await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A")), None, seen=seen(first.meta))
    assert await lab.env() == ["A"]


async def test_what_people_added_beside_ours_stays(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A", "B")), None)
    await lab.apply(lab.deployment, "kubectl", **lab.deployed("A", "B"))
    note = {"metadata": {"annotations": {"note": "mine"}}}
    noted = await lab.merge(lab.deployment, note, "kubectl-annotate")
    for before, memory in ((noted, None), (None, seen(first.meta))):
        env = ("A",) if before else ("A", "C")
        await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed(*env)), before, seen=memory)
        live = await lab.live(lab.deployment)
        assert live["metadata"]["annotations"]["note"] == "mine"


async def test_a_field_that_a_controller_keeps_is_told(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A", "B")), None)
    both = await lab.apply(lab.deployment, "some-operator", **lab.deployed("A", "B"))
    done = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed("A")), both)
    (warning,) = done.warnings
    assert "some-operator" in warning
    assert "env[name=B]" in warning
    assert entry(first.meta.fields) != entry(done.meta.fields)


async def test_an_object_known_and_undisturbed_costs_one_request(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None)
    lab.sent.clear()
    await apply(lab.send, lab.shaped(lab.config_map, data={"a": "1"}), None, seen=seen(first.meta))
    assert [request.verb for request in lab.sent] == ["PATCH"]


async def test_drift_is_a_change(lab: Any) -> None:
    shaped = lab.shaped(lab.config_map, data={"a": "1"})
    await apply(lab.send, shaped, None)
    drifted = await lab.merge(lab.config_map, {"data": {"a": "2"}}, "kubectl-edit")
    healed = await apply(lab.send, shaped, None, seen=seen(drifted))
    assert healed.changed
    assert (await lab.live(lab.config_map))["data"] == {"a": "1"}


async def test_a_port_whose_number_was_changed_by_hand_is_healed_and_stays_usable(lab: Any) -> None:
    def service(port: int, target: int = 80) -> Any:
        spec = {"ports": [{"name": "http", "port": port, "targetPort": target}], "selector": {"a": "b"}}
        return lab.shaped(lab.service, spec=spec)

    await apply(lab.send, service(80), None)
    edit = [{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]
    edited = await lab.patch(lab.service, edit, "kubectl-edit")
    healed = await apply(lab.send, service(80), edited)
    assert [port["port"] for port in (await lab.live(lab.service))["spec"]["ports"]] == [80]
    await apply(lab.send, service(82, 90), healed.meta)
    assert [port["port"] for port in (await lab.live(lab.service))["spec"]["ports"]] == [82]


async def test_so_is_a_containers_port(lab: Any) -> None:
    def content(port: int) -> Any:
        return lab.deployed(ports=[{"name": "http", "containerPort": port}])

    await apply(lab.send, lab.shaped(lab.deployment, **content(80)), None)
    path = "/spec/template/spec/containers/0/ports/0/containerPort"
    edited = await lab.patch(lab.deployment, [{"op": "replace", "path": path, "value": 81}], "kubectl-edit")
    await apply(lab.send, lab.shaped(lab.deployment, **content(80)), edited)
    live = await lab.live(lab.deployment)
    (port,) = live["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert port["containerPort"] == 80


async def test_an_entry_of_a_version_without_a_new_default_does_not_block(lab: Any) -> None:
    """H22: the CRD gains v2 with a defaulted field while a controller's status entry stays at v1."""
    group = f"{lab.namespace}.example.dev"
    v1, v2 = (Resource(group, version, "Thing", "things", namespaced=True) for version in ("v1", "v2"))
    await crd(lab, group, {"v1": {}})
    await ready.served(lab.send, v1, clock=Clock(), timeout=20)
    first = await apply(lab.send, lab.shaped(v1, spec={"a": "1"}), None)
    path = f"/apis/{group}/v1/namespaces/{lab.namespace}/things/web/status"
    await lab.status(path, {"status": {"s": "x"}})
    await crd(lab, group, {"v1": {}, "v2": {"d": {"type": "string", "default": "d"}}})
    await ready.served(lab.send, v2, clock=Clock(), timeout=20)
    second = await apply(lab.send, lab.shaped(v2, spec={"a": "1"}), await lab.meta(v2))
    done = await apply(lab.send, lab.shaped(v2, spec={"a": "2"}), second.meta)
    assert done.changed
    assert done.meta.uid == first.meta.uid
    assert (await lab.live(v2))["spec"] == {"a": "2", "d": "d"}
    assert {one.api_version for one in entries.entries(done.meta.fields)} == {f"{group}/v2"}


async def crd(lab: Any, group: str, versions: dict[str, Any]) -> None:
    def schema(more: Any) -> Any:
        text = {"type": "string"}
        spec = {"type": "object", "properties": {"a": text, **more}}
        status = {"type": "object", "properties": {"s": text}}
        return {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}}

    newest = max(versions)
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": "Thing", "plural": "things"},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == newest,
                "schema": schema(more),
                "subresources": {"status": {}},
            }
            for name, more in versions.items()
        ],
    }
    shaped = lab.shaped(lab.crd, f"things.{group}", spec=spec)
    await apply(lab.send, shaped, None)
    await ready.wait(lab.send, lab.crd, shaped.ref, until=ready.established, clock=Clock(), timeout=20)


async def test_a_misspelled_field_is_a_fault_of_the_manifest(lab: Any) -> None:
    with pytest.raises(Invalid) as refused:
        await apply(lab.send, lab.shaped(lab.config_map, datta={"a": "canary"}), None)
    assert refused.value.field == "datta"
    assert "canary" not in str(refused.value)
    assert writes(lab) == 1, "nothing is mended"


async def test_a_field_that_cannot_change_is_refused_with_a_hint(lab: Any) -> None:
    first = await apply(lab.send, lab.shaped(lab.deployment, **lab.deployed()), None)
    content = orjson.loads(orjson.dumps(lab.deployed()).replace(b'"app":"web"', b'"app":"canary"'))
    with pytest.raises(Invalid) as refused:
        await apply(lab.send, lab.shaped(lab.deployment, **content), first.meta)
    assert refused.value.field == "spec.selector"
    assert "made anew" in str(refused.value)
    assert "canary" not in str(refused.value)


async def test_a_real_duplicate_is_refused_as_it_stands(lab: Any) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "http", "port": 81}]
    with pytest.raises(Invalid):
        await apply(lab.send, lab.shaped(lab.service, spec={"ports": ports}), None)
    assert writes(lab) == 1


async def test_a_comparison_writes_nothing_and_sees_what_an_apply_would_do(lab: Any) -> None:
    shaped = lab.shaped(lab.config_map, data={"a": "1"})
    missing = await compare(lab.send, shaped, None)
    assert missing is not None
    assert missing.cause is Cause.MISSING
    first = await apply(lab.send, shaped, None)
    lab.sent.clear()
    assert await compare(lab.send, shaped, first.meta) is None
    other = await compare(lab.send, lab.shaped(lab.config_map, data={"a": "2"}), first.meta)
    assert other is not None
    assert other.cause is Cause.DIFFERS
    drifted = await lab.merge(lab.config_map, {"data": {"a": "3"}}, "kubectl-edit")
    drift = await compare(lab.send, shaped, drifted)
    assert drift is not None
    assert (drift.manager, drift.fields) == ("kubectl-edit", ("data.a",))
    assert writes(lab) == 0
    assert (await lab.meta(lab.config_map)).version == drifted.version


async def test_a_comparison_of_what_always_writes_finds_no_difference(lab: Any) -> None:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    shaped = lab.shaped(lab.network_policy, spec=spec)
    first = await apply(lab.send, shaped, None)
    await lab.until_the_next_second()
    assert await compare(lab.send, shaped, first.meta) is None


async def test_a_value_changed_under_our_own_name_is_found(lab: Any) -> None:
    shaped = lab.shaped(lab.config_map, data={"a": "1"})
    first = await apply(lab.send, shaped, None)
    forged = orjson.loads(shaped.body) | {"data": {"a": "2"}}
    metadata = forged.pop("metadata")
    metadata.pop("name")
    stranger = await lab.apply(lab.config_map, names.FIELD_MANAGER, metadata=metadata, data={"a": "2"})
    assert entry(stranger.fields).digest == entry(first.meta.fields).digest
    await lab.until_the_next_second()
    drift = await compare(lab.send, shaped, stranger)
    assert drift is not None
    assert drift.cause is Cause.DIFFERS
