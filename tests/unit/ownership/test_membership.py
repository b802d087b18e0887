"""Members are told from objects that merely carry the label (H1)."""

from __future__ import annotations

import pytest

from fleet.model import OwnerRef
from fleet.names import APPLYSET_PART_OF
from fleet.ownership.membership import member, owns_label, set_of
from tests.unit.ownership.objects import LABEL, SET, meta, ours, record


def test_an_object_whose_label_we_applied_is_a_member() -> None:
    assert member(meta(ours()), SET)
    assert member(meta(ours()))


def test_a_copied_label_makes_no_member() -> None:
    copied = meta(record("kube-controller-manager", "Update", LABEL))
    assert set_of(copied) == SET
    assert not member(copied)


def test_what_a_controller_owns_is_no_member() -> None:
    controlled = (OwnerRef("Service", "web", "u", controller=True),)
    referred = (OwnerRef("Service", "web", "u", controller=False),)
    assert not member(meta(ours(), owners=controlled))
    assert member(meta(ours(), owners=referred))


def test_a_member_of_another_set_is_none_of_this_one() -> None:
    other = meta(ours(), labels={APPLYSET_PART_OF: "applyset-other-v1"})
    assert not member(other, SET)
    assert member(other)
    assert not member(meta(ours(), labels={}))
    assert not member(meta(ours(), labels={}), SET)


@pytest.mark.parametrize(
    "entry",
    [
        record("fleethub", "Update", LABEL),
        record("fleethub", "Apply", LABEL, subresource="status"),
        record("fleethub", "Apply", {"f:metadata": {"f:labels": {"f:app": {}}}}),
        # A template's label of that name is not the object's.
        record("fleethub", "Apply", {"f:spec": {"f:template": LABEL}}),
        record("fleethub", "Apply", {"f:metadata": {}}),
        record("fleethub", "Apply", {}),
    ],
)
def test_only_our_apply_of_the_objects_own_label_counts(entry: dict[str, object]) -> None:
    assert not owns_label(meta(entry).fields)
    assert not member(meta(entry))


@pytest.mark.parametrize("fields", [b"", b"null", b"[]", b"[1]", b'[{"fieldsV1":7}]'])
def test_odd_fields_make_no_member(fields: bytes) -> None:
    assert not owns_label(fields)
