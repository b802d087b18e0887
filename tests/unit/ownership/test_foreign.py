"""What people added by hand is told from managedFields; what controllers did is not (H25)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.model import Foreign
from fleet.ownership import foreign, patches
from fleet.ownership.foreign import Hands
from tests.unit.ownership.objects import REF, meta, ours, record, step
from tests.unit.ownership.test_patches import held, written

MINE: dict[str, Any] = {
    "f:metadata": {"f:annotations": {"f:fleethub.dev/manifest": {}}},
    "f:spec": {"f:containers": {step(name="web"): {".": {}, "f:image": {}, "f:name": {}}}},
}
SHELL = {"f:spec": {"f:containers": {step(name="shell"): {".": {}, "f:image": {}, "f:name": {}}}}}
NOTE = {"f:metadata": {"f:annotations": {".": {}, "f:note": {}}}}
HANDS = Hands(["k9s", "lens*"])


def found(*records: dict[str, Any], hands: Hands = HANDS, refused: str = "") -> tuple[Foreign, ...]:
    return foreign.found(REF, meta(ours(MINE), *records).fields, hands, refused)


@pytest.mark.parametrize("manager", ["kubectl", "kubectl-edit", "k9s", "lens", "lens-desktop"])
def test_a_persons_addition_is_told_with_manager_and_time(manager: str) -> None:
    assert found(record(manager, "Update", NOTE)) == (
        Foreign(REF, manager, "2026-01-01T00:00:10Z", ("metadata.annotations.note",)),
    )


@pytest.mark.parametrize(
    "manager", ["some-operator", "kube-controller-manager", "k9s-2", "before-first-apply"]
)
def test_nobody_elses_is(manager: str) -> None:
    assert found(record(manager, "Update", NOTE)) == ()


def test_an_item_is_one_addition() -> None:
    (one,) = found(record("kubectl-edit", "Update", SHELL))
    assert one.fields == ("spec.containers[name=shell]",)


def test_what_is_ours_too_and_what_holds_it_is_none() -> None:
    assert found(record("kubectl", "Apply", MINE)) == ()
    assert found(record("kubectl", "Update", {"f:metadata": {"f:annotations": {".": {}}}})) == ()


def test_requests_status_and_subresources_are_none() -> None:
    restarted = {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}}
    assert found(record("kubectl-rollout", "Update", {"f:spec": restarted})) == ()
    confirmed = {"f:metadata": {"f:annotations": {"f:fleethub.dev/prune": {}}}}
    assert found(record("kubectl-annotate", "Update", confirmed)) == ()
    assert found(record("kubectl-edit", "Update", {"f:status": {"f:phase": {}}})) == ()
    assert found(record("kubectl", "Update", {"f:spec": {"f:replicas": {}}}, subresource="scale")) == ()


def test_an_object_without_our_entry_has_none() -> None:
    assert foreign.found(REF, meta(record("kubectl-create", "Update", NOTE)).fields, HANDS) == ()


def test_what_stays_says_why() -> None:
    needed, free = found(record("kubectl-edit", "Update", {"f:spec": {"f:replicas": {}}, **NOTE}))[::-1]
    assert (needed.fields, needed.why) == (("spec.replicas",), foreign.NEEDED)
    assert (free.fields, free.why) == (("metadata.annotations.note",), "")
    old = record("kubectl-edit", "Update", {**SHELL, **NOTE}, apiVersion="apps/v1beta1")
    assert {one.fields: one.why for one in found(old)} == {
        ("metadata.annotations.note",): "",
        ("spec.containers[name=shell]",): foreign.OTHER_VERSION,
    }
    both = record("kubectl-edit", "Update", {**SHELL, **NOTE})
    refused = {one.fields: one.why for one in found(both, refused="spec.containers[1]")}
    assert refused["metadata.annotations.note",] == ""
    assert "spec.containers[1]" in refused["spec.containers[name=shell]",]


def test_many_are_counted() -> None:
    many = {"f:data": {f"f:key{number:02}": {} for number in range(25)}}
    (one,) = found(record("kubectl-edit", "Update", many))
    assert (len(one.fields), one.more) == (20, 5)


def test_the_same_fields_are_the_same_whatever_is_said_of_them() -> None:
    left = found(record("kubectl-edit", "Update", {"f:spec": {"f:replicas": {}}, **NOTE}))
    right = (Foreign(REF, "kubectl-edit", "later", ("metadata.annotations.note", "spec.replicas")),)
    assert foreign.same(left, right)
    assert not foreign.same(left, right[:0])


def test_strip_takes_exactly_these_and_back_gives_them_back() -> None:
    edited = record("kubectl-edit", "Update", {**SHELL, "f:status": {"f:x": {}}, **NOTE})
    proxy = record("injector", "Update", {"f:spec": {"f:containers": {step(name="proxy"): {".": {}}}}})
    before = meta(ours(MINE), edited, proxy)
    operations = patches.strip(before, HANDS)
    now = held(written(operations))
    assert now["injector"] == held([proxy])["injector"]
    assert now["kubectl-edit"] == {("f:status", "f:x"), ("f:metadata", "f:annotations")}
    assert now["fleethub"] - held([ours(MINE)])["fleethub"] == (
        held([edited])["kubectl-edit"] - now["kubectl-edit"]
    )
    after = meta(*written(operations))
    assert held(written(patches.back(after, before))) == held(json.loads(before.fields))
    assert patches.back(before, before) is None
    assert patches.strip(meta(ours(MINE), proxy), HANDS) is None
