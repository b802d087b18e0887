"""Entries and field sets of managedFields."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.ownership import entries
from fleet.ownership.entries import Path
from tests.unit.ownership.objects import meta, ours, record

STEPS = st.sampled_from(["f:spec", "f:a", "f:b", 'k:{"name":"x"}', 'v:"x"', "i:0"])
PATHS = st.frozensets(st.lists(STEPS, min_size=1, max_size=5).map(tuple), max_size=12)


def encoded(owned: frozenset[Path]) -> bytes:
    return json.dumps(entries.encode(owned)).encode()


@given(PATHS)
def test_a_field_set_survives_being_written_and_read(owned: frozenset[Path]) -> None:
    assert entries.paths(encoded(owned)) == owned


@given(PATHS, PATHS)
def test_dropped_is_what_only_the_old_set_has(old: frozenset[Path], new: frozenset[Path]) -> None:
    assert entries.dropped(encoded(old), encoded(new)) == old - new


@given(PATHS)
def test_leaves_have_nothing_below_them_and_stand_for_all(owned: frozenset[Path]) -> None:
    leaves = entries.leaves(owned)
    assert not any(a != b and b[: len(a)] == a for a in leaves for b in owned)
    assert all(any(leaf[: len(path)] == path for leaf in leaves) for path in owned)


def test_a_container_is_owned_only_where_the_server_says_so() -> None:
    with_self = b'{"f:spec":{"f:ports":{".":{},"f:x":{}}}}'
    without = b'{"f:spec":{"f:ports":{"f:x":{}}}}'
    assert entries.paths(with_self) - entries.paths(without) == {("f:spec", "f:ports")}
    assert entries.paths(b"{}") == frozenset()


def test_our_entry_is_found_by_name_operation_and_subresource() -> None:
    tree: dict[str, Any] = {"f:data": {"f:a": {}}}
    lookalikes = (
        record("fleethub", "Update", tree),
        record("fleethub", "Apply", tree, subresource="status"),
        record("fleethub-status", "Apply", tree),
        record("kubectl", "Apply", tree),
    )
    assert entries.entry(meta(*lookalikes).fields) is None
    assert entries.own(meta(*lookalikes).fields) is None
    found = entries.entry(meta(*lookalikes, ours(tree)).fields)
    assert found is not None
    assert found.time == "2026-01-01T00:00:10Z"


def test_the_digest_follows_the_fields_alone() -> None:
    def digest(*records: dict[str, object]) -> bytes:
        found = entries.entry(meta(*records).fields)
        assert found is not None
        return found.digest

    mine = ours({"f:data": {"f:a": {}}})
    assert digest(mine) == digest(mine | {"time": "later", "apiVersion": "other/v1"})
    assert digest(mine) == digest(record("stranger", "Update", {"f:data": {"f:z": {}}}), mine)
    assert digest(mine) != digest(ours({"f:data": {"f:b": {}}}))
    assert len(digest(mine)) == 16


def test_an_entry_without_time_is_told_from_one_with() -> None:
    without = {key: value for key, value in ours().items() if key != "time"}
    found = entries.entry(meta(without).fields)
    assert found is not None
    assert found.time is None


@pytest.mark.parametrize("manager", ["kubectl-edit", "kubectl", "before-first-apply"])
def test_an_entry_of_the_takeover_list_beside_ours_is_noted(manager: str) -> None:
    beside = entries.entry(meta(ours(), record(manager, "Update", {})).fields)
    alone = entries.entry(meta(ours(), record("some-controller", "Update", {})).fields)
    assert beside is not None
    assert alone is not None
    assert beside.shared
    assert not alone.shared
    assert beside == alone  # it is no drift


def test_what_does_not_read_counts_as_no_entries() -> None:
    deep = b"{" + b'"f:a":{' * 5000 + b"}" * 5000 + b"}"
    listed = b'[{"manager":"fleethub","operation":"Apply","fieldsV1":' + deep + b"}]"
    for odd in (b"", b"null", b"[1]", b"{}", listed):
        assert entries.entry(odd) is None
        assert entries.entries(odd) == ()
    assert entries.paths(deep) == frozenset()
