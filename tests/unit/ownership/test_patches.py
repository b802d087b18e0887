"""Patches on managedFields change who owns what, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.model import Meta, ObjectRef
from fleet.names import APPLYSET_PART_OF, LAST_APPLIED, MANIFEST
from fleet.ownership import entries, patches
from fleet.ownership.kept import kept
from tests.unit.ownership.objects import LABEL, REF, SET, meta, ours, record, step
from tests.unit.ownership.test_entries import PATHS

ENV: dict[str, Any] = {"f:spec": {"f:env": {step(name="B"): {".": {}, "f:value": {}}}}}
TEST = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
PORT_80, PORT_81 = step(port=80, protocol="TCP"), step(port=81, protocol="TCP")


def written(operations: list[patches.Operation] | None) -> list[dict[str, Any]]:
    """The entries that a patch writes; it must test the version first."""
    assert operations is not None
    assert operations[0] == TEST
    (replaced,) = [one for one in operations if one["path"] == "/metadata/managedFields"]
    assert replaced["op"] == "replace"
    records: list[dict[str, Any]] = replaced["value"]
    return records


def after(operations: list[patches.Operation] | None, before: Meta) -> Meta:
    return meta(*written(operations), ref=before.ref)


def held(records: list[dict[str, Any]]) -> dict[str, frozenset[entries.Path]]:
    return {one["manager"]: entries.paths_of(one["fieldsV1"]) for one in records}


@pytest.mark.parametrize(
    ("manager", "operation", "adopt"),
    [
        ("kubectl-client-side-apply", "Update", ()),
        ("kubectl-create", "Update", ()),
        ("kubectl", "Apply", ()),
        ("before-first-apply", "Update", ()),
        ("fleethub", "Update", ()),
        ("helm", "Update", ("helm",)),
        ("argocd-controller", "Apply", ("argocd",)),
        ("kustomize-controller", "Apply", ("flux",)),
    ],
)
def test_merge_takes_over_what_the_list_names(manager: str, operation: str, adopt: tuple[str, ...]) -> None:
    records = written(patches.merge(meta(ours(), record(manager, operation, ENV)), frozenset(adopt)))
    assert [(one["manager"], one["operation"]) for one in records] == [("fleethub", "Apply")]
    assert held(records)["fleethub"] == entries.paths_of({**LABEL, **ENV})


def test_merge_makes_our_entry_where_there_is_none() -> None:
    (only,) = written(patches.merge(meta(record("kubectl-create", "Update", ENV))))
    assert only == {
        "manager": "fleethub",
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": ENV,
    }


@pytest.mark.parametrize(
    "records",
    [
        (),
        (ours(ENV),),
        (ours(), record("some-operator", "Update", ENV)),
        (ours(), record("helm", "Update", ENV)),
        (ours(), record("kubectl", "Update", ENV, subresource="scale")),
        (ours(), record("kubectl-create", "Update", {})),
    ],
)
def test_merge_has_nothing_to_do_where_nobody_of_the_list_holds_anything(
    records: tuple[dict[str, Any], ...],
) -> None:
    assert patches.merge(meta(*records)) is None


def test_merge_leaves_other_managers_as_they_stand() -> None:
    operator = record("some-operator", "Update", {"f:x": {}}, extra="field of a newer server")
    records = written(patches.merge(meta(operator, record("kubectl", "Apply", ENV))))
    assert operator in records


def test_merge_drops_the_last_applied_annotation() -> None:
    annotated = meta(record("kubectl", "Update", ENV), annotations={LAST_APPLIED: ""})
    operations = patches.merge(annotated)
    assert operations is not None
    assert operations[-1] == {
        "op": "remove",
        "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    }


def test_merge_leaves_what_controllers_wrote_with_its_holder() -> None:
    finalizers: dict[str, Any] = {"f:metadata": {"f:finalizers": {'v:"x"': {}}}}
    scaled = {"f:spec": {**ENV["f:spec"], "f:replicas": {}}}
    before = meta(record("before-first-apply", "Update", {**finalizers, **scaled}))
    operations = patches.merge(before)
    found = held(written(operations))
    assert found["fleethub"] == entries.paths_of(ENV)
    assert found["before-first-apply"] == entries.paths_of({**finalizers, "f:spec": {"f:replicas": {}}})
    assert patches.merge(after(operations, before)) is None


def test_merge_minds_the_kind() -> None:
    selector = record("before-first-apply", "Update", {"f:spec": {"f:selector": {}}})
    assert patches.merge(meta(selector, ref=ObjectRef("batch", "Job", "team", "x"))) is None
    assert patches.merge(meta(selector, ref=ObjectRef("", "Service", "team", "x"))) is not None


def test_merge_can_be_narrowed() -> None:
    both = meta(ours(), record("kubectl-edit", "Update", {**ENV, "f:mine": {}}))
    found = held(written(patches.merge(both, only=lambda path: path[0] == "f:spec")))
    assert found["kubectl-edit"] == {("f:mine",)}
    assert found["fleethub"] == entries.paths_of({**LABEL, **ENV})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(PATHS, PATHS, PATHS)
def test_merge_loses_no_path_and_is_done_after_once(
    mine: frozenset[entries.Path], theirs: frozenset[entries.Path], others: frozenset[entries.Path]
) -> None:
    before = meta(
        record("fleethub", "Apply", entries.encode(mine)),
        record("kubectl-edit", "Update", entries.encode(theirs)),
        record("controller", "Update", entries.encode(others)),
    )
    operations = patches.merge(before)
    taken = {path for path in theirs if not kept(path, REF)}
    if not taken:
        assert operations is None
        return
    found = held(written(operations))
    assert found["fleethub"] == mine | taken
    assert found.get("kubectl-edit", frozenset()) == theirs - taken
    assert found["controller"] == others
    assert patches.merge(after(operations, before)) is None


def test_move_takes_the_strangers_item_of_the_refused_list() -> None:
    port: dict[str, Any] = {".": {}, "f:name": {}, "f:port": {}}
    edited = {"f:spec": {"f:ports": {PORT_81: port}, "f:sessionAffinity": {}}}
    before = meta(ours({"f:spec": {"f:selector": {}}}), record("kubectl-edit", "Update", edited))
    operations = patches.move(before, "spec.ports[1].name")
    found = held(written(operations))
    assert ("f:spec", "f:ports", PORT_81, "f:name") in found["fleethub"]
    assert found["kubectl-edit"] == {("f:spec", "f:sessionAffinity")}
    assert patches.move(after(operations, before), "spec.ports[1].name") is None


def test_move_asks_people_before_controllers_and_controllers_newest_first() -> None:
    def port(key: str) -> dict[str, Any]:
        return {"f:spec": {"f:ports": {key: {"f:port": {}}}}}

    older = record("older", "Update", port(PORT_80), time="2026-01-01T00:00:01Z")
    newer = record("newer", "Update", port(PORT_81), time="2026-01-01T00:00:02Z")
    person = record("kubectl-edit", "Update", port(step(port=82)), time="2026-01-01T00:00:00Z")
    assert set(held(written(patches.move(meta(ours(), older, newer, person), "spec.ports[0]")))) == {
        "fleethub",
        "older",
        "newer",
    }
    assert set(held(written(patches.move(meta(ours(), newer, older), "spec.ports[0]")))) == {
        "fleethub",
        "older",
    }


def test_move_leaves_an_injected_container_alone() -> None:
    web, sidecar = step(name="web"), step(name="sidecar")

    def containers(**each: Any) -> dict[str, Any]:
        return {"f:spec": {"f:containers": {key: each[name] for name, key in KEYS.items() if name in each}}}

    KEYS = {"web": web, "sidecar": sidecar}  # noqa: N806
    mine = ours(containers(web={".": {}, "f:env": {step(name="A"): {"f:value": {}}}}))
    editor = record(
        "kubectl-edit", "Update", containers(web={"f:env": {step(name="A"): {"f:valueFrom": {}}}})
    )
    injector = record("injector", "Update", containers(sidecar={".": {}, "f:env": {step(name="S"): {}}}))
    found = held(written(patches.move(meta(mine, injector, editor), "spec.containers[0].env[0].valueFrom")))
    assert ("f:spec", "f:containers", web, "f:env", step(name="A"), "f:valueFrom") in found["fleethub"]
    assert found["injector"] == entries.paths_of(injector["fieldsV1"])
    assert "kubectl-edit" not in found


def test_move_has_nothing_to_do_where_nobody_is_in_the_way() -> None:
    assert patches.move(meta(ours(), record("x", "Update", {"f:data": {}})), "spec.ports[0].name") is None
    assert patches.move(meta(ours()), "spec.ports[0].name") is None


def test_reversion_sets_one_version_and_keeps_all_else() -> None:
    status = record("ctrl", "Update", {"f:status": {}}, apiVersion="acme.example/v1", subresource="status")
    before = meta(ours(apiVersion="acme.example/v2"), status)
    records = written(patches.reversion(before, "acme.example/v2"))
    assert records == [ours(apiVersion="acme.example/v2"), status | {"apiVersion": "acme.example/v2"}]
    assert (
        patches.reversion(after(patches.reversion(before, "acme.example/v2"), before), "acme.example/v2")
        is None
    )
    assert patches.reversion(meta(), "acme.example/v2") is None


def test_orphan_takes_off_our_entries_and_marks_and_nothing_else() -> None:
    status = record("fleethub", "Update", {"f:status": {}}, subresource="status")
    other = record("kubectl-edit", "Update", {"f:x": {}})
    operations = patches.orphan(meta(ours(), record("fleethub", "Update", ENV), other, status))
    assert written(operations) == [other, status]
    assert operations is not None
    assert [(one["op"], one["path"]) for one in operations[2:]] == [
        ("remove", f"/metadata/labels/{APPLYSET_PART_OF.replace('/', '~1')}"),
        ("remove", f"/metadata/annotations/{MANIFEST.replace('/', '~1')}"),
    ]


def test_orphan_of_an_object_that_is_ours_alone_clears_the_entries() -> None:
    # An empty list would mean "as before" to the server.
    assert written(patches.orphan(meta(ours()))) == [{}]


def test_orphan_has_nothing_to_do_on_a_strangers_object() -> None:
    assert patches.orphan(meta(record("x", "Update", {}), labels={}, annotations={})) is None
    assert patches.orphan(meta(ours(), labels={}, annotations={})) is not None
    assert patches.orphan(meta(labels={APPLYSET_PART_OF: SET}, annotations={})) is not None


@given(st.sampled_from(["merge", "orphan", "move"]), PATHS)
def test_every_patch_is_json(verb: str, theirs: frozenset[entries.Path]) -> None:
    found = meta(ours(ENV), record("kubectl-edit", "Update", entries.encode(theirs)))
    operations = getattr(patches, verb)(found)
    assert json.loads(json.dumps(operations)) == operations


def test_fields_that_do_not_read_make_no_patch() -> None:
    odd = Meta(ObjectRef("", "ConfigMap", "a", "b"), "u", "7", {}, {}, (), b"null")
    assert patches.merge(odd) is None
    assert patches.move(odd) is None
    assert patches.orphan(odd) is None
    assert patches.reversion(odd, "v1") is None
