"""Drift is told from our entry, and named by the others'."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.model import Cause, Drift, Meta, Sighting
from fleet.names import APPLYSET_PART_OF, MANIFEST
from fleet.ownership import entries
from fleet.ownership.drift import MAX_FIELDS, judge
from tests.unit.ownership.objects import LABEL, REF, SET, meta, ours, record, step

EARLIER, THEN, LATER, LATEST = (f"2026-01-01T00:00:{second}Z" for second in ("05", "10", "20", "30"))
REPLICAS: dict[str, Any] = {"f:replicas": {}}
LEFT = {"f:spec": {"f:paused": {}, **REPLICAS}}
TAKEN: dict[str, Any] = {"f:spec": {"f:paused": {}}}


def after_our_apply(found: Meta | None = None) -> Sighting:
    left = found or meta(ours(LEFT))
    sent = entries.entry(left.fields)
    return Sighting(left.uid, left.version, sent, sent, SET, left.annotations.get(MANIFEST, ""))


def drift(*records: dict[str, Any], **more: Any) -> Drift | None:
    return judge(REF, after_our_apply(), meta(*records, **more))


def test_as_we_left_it_is_no_drift() -> None:
    assert drift(ours(LEFT)) is None


def test_what_others_add_is_no_drift() -> None:
    annotated = record("kubectl-annotate", "Update", {"f:metadata": {"f:annotations": {"f:x": {}}}})
    assert drift(ours(LEFT), annotated, version="9", annotations={MANIFEST: "digest", "x": "y"}) is None


def test_a_deletion_in_progress_is_no_drift_by_itself() -> None:
    assert drift(ours(LEFT), deleting=True) is None


def test_without_an_apply_of_ours_to_compare_with_there_is_no_judgement() -> None:
    before = Sighting("uid-1", "7", None, None, SET, "digest")
    assert judge(REF, before, None) is None
    assert judge(REF, before, meta()) is None


def test_a_scaled_deployment_names_who_when_and_what() -> None:
    scaled = record("kubectl", "Update", {"f:spec": REPLICAS}, subresource="scale", time=LATER)
    assert drift(ours(TAKEN), scaled) == Drift(
        REF, Cause.CHANGED, "kubectl", "Update", LATER, ("spec.replicas",)
    )


def test_the_newest_that_holds_what_we_lost_is_named_not_who_wrote_the_status() -> None:
    found = drift(
        ours(TAKEN),
        record("old", "Update", {"f:spec": {"f:x": {}}}, time=LATER),
        record("kubectl-edit", "Update", {"f:spec": REPLICAS}, time=LATEST),
        record("controller", "Update", {"f:status": {"f:y": {}}}, subresource="status", time=LATEST),
    )
    assert found is not None
    assert (found.manager, found.fields) == ("kubectl-edit", ("spec.replicas",))


def test_who_wrote_before_our_apply_is_not_blamed() -> None:
    found = drift(ours(TAKEN), record("old", "Update", {"f:spec": {"f:x": {}}}, time=EARLIER))
    assert found == Drift(REF, Cause.CHANGED)


def test_a_field_that_was_only_removed_is_blamed_on_the_newest_writer() -> None:
    shared = record("kubectl-edit", "Update", TAKEN, time=LATER)
    assert drift(ours(TAKEN), shared) == Drift(REF, Cause.CHANGED, "kubectl-edit", "Update", LATER)


def test_an_edit_under_our_own_name_is_seen() -> None:
    found = drift(ours(TAKEN), record("fleethub", "Update", {"f:spec": REPLICAS}, time=LATER))
    assert found is not None
    assert (found.manager, found.operation, found.fields) == ("fleethub", "Update", ("spec.replicas",))


def test_an_apply_under_our_name_changes_the_time_alone() -> None:
    assert drift(ours(LEFT, time=LATER)) == Drift(REF, Cause.CHANGED, "fleethub", "Apply", LATER)


def test_a_time_that_went_missing_is_drift() -> None:
    bare = {key: value for key, value in ours(LEFT).items() if key != "time"}
    assert drift(bare) == Drift(REF, Cause.CHANGED, "fleethub", "Apply", "")


def test_another_manifest_digest_is_drift_though_our_fields_are_untouched() -> None:
    assert drift(ours(LEFT), annotations={MANIFEST: "other"}) == Drift(
        REF, Cause.CHANGED, fields=("metadata.annotations[fleethub.dev/manifest]",)
    )
    assert drift(ours(LEFT), annotations={}) is not None


@pytest.mark.parametrize(
    "records", [(), (record("before-first-apply", "Update", {**LABEL, **LEFT}, time=LATER),)]
)
def test_our_entry_gone_is_drift(records: tuple[dict[str, Any], ...]) -> None:
    found = drift(*records)
    assert found is not None
    assert found.cause is Cause.ENTRY_LOST
    assert found.manager == ("before-first-apply" if records else "")


@pytest.mark.parametrize("labels", [{}, {APPLYSET_PART_OF: "applyset-other-v1"}])
def test_a_label_taken_off_or_turned_is_named_so(labels: dict[str, str]) -> None:
    bare = record("fleethub", "Apply", LEFT)
    taken = record("kubectl-label", "Update", LABEL if labels else {"f:x": {}}, time=LATER)
    found = judge(REF, after_our_apply(), meta(bare, taken, labels=labels))
    assert found is not None
    assert (found.cause, found.manager) == (Cause.LABEL_LOST, "kubectl-label")


def test_gone_and_made_again_by_somebody_are_both_deleted() -> None:
    assert judge(REF, after_our_apply(), None) == Drift(REF, Cause.DELETED)
    again = meta(record("kubectl-create", "Update", LEFT, time=LATER), uid="uid-2", labels={})
    found = judge(REF, after_our_apply(), again)
    assert found is not None
    assert (found.cause, found.manager) == (Cause.DELETED, "kubectl-create")


def test_fields_are_leaves_and_capped() -> None:
    env: dict[str, Any] = {
        step(name=f"E{number}"): {".": {}, "f:name": {}, "f:value": {}} for number in range(20)
    }
    found = drift(ours(TAKEN), record("kubectl-edit", "Update", {"f:spec": {"f:env": env}}, time=LATER))
    assert found is not None
    assert len(found.fields) == MAX_FIELDS
    assert found.fields[0] == "spec.env[name=E0].name"
    assert not any(field == "spec.env[name=E0]" for field in found.fields)


def test_values_of_sets_are_not_told() -> None:
    found = drift(ours(TAKEN), record("x", "Update", {"f:spec": {"f:tags": {'v:"hunter2"': {}}}}, time=LATER))
    assert found is not None
    assert found.fields == ("spec.tags[*]",)


def test_our_apply_leaves_it_undrifted_again() -> None:
    healed = meta(ours(LEFT, time=LATEST))
    assert judge(REF, after_our_apply(healed), healed) is None
    assert THEN != LATEST
