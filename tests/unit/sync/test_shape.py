"""What is sent for a manifest."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet import names
from fleet.errors import ManifestRefused
from fleet.model import Resource
from fleet.sync.shape import Marks, body

MARKS = Marks("applyset-x-v1", b"key")
CANARY = "s3cr3t-canary"


def sent(placed: Any, marks: Marks = MARKS) -> Any:
    return orjson.loads(body(placed, marks).body)


def test_the_body_carries_label_and_digest_and_its_namespace(make: Any) -> None:
    shaped = body(make.placed(make.config_map, data={"a": "1"}), MARKS)
    metadata = orjson.loads(shaped.body)["metadata"]
    assert metadata["labels"] == {names.APPLYSET_PART_OF: "applyset-x-v1"}
    assert metadata["annotations"] == {names.MANIFEST: shaped.digest}
    assert metadata["namespace"] == "team"
    assert len(shaped.digest) == 32
    assert not shaped.warnings


def test_the_digest_needs_the_key_and_follows_content_and_set(make: Any) -> None:
    one, other = (make.placed(make.config_map, data={"a": value}) for value in "12")
    digests = {
        body(one, MARKS).digest,
        body(other, MARKS).digest,
        body(one, Marks("applyset-x-v1", b"other")).digest,
        body(one, Marks("applyset-y-v1", b"key")).digest,
    }
    assert len(digests) == 4


def test_the_digest_does_not_follow_the_order_of_keys(make: Any) -> None:
    one = make.placed(make.config_map, data={"a": "1", "b": "2"})
    other = make.placed(make.config_map, data={"b": "2", "a": "1"})
    assert body(one, MARKS).digest == body(other, MARKS).digest


def test_what_the_server_sets_is_left_out_and_named(make: Any) -> None:
    metadata = {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 1,
        "managedFields": [{}],
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "selfLink": "/x",
        "annotations": {names.LAST_APPLIED: CANARY, "kept": "yes"},
    }
    shaped = body(make.placed(make.deployment, metadata=metadata, status={"replicas": 1}), MARKS)
    content = orjson.loads(shaped.body)
    assert set(content["metadata"]) == {"name", "namespace", "labels", "annotations"}
    assert set(content["metadata"]["annotations"]) == {"kept", names.MANIFEST}
    assert "status" not in content
    told = " ".join(shaped.warnings)
    for name in ("status", *(name for name in metadata if name != "annotations"), names.LAST_APPLIED):
        assert name in told
    assert CANARY not in told


def test_what_generators_leave_empty_goes_without_a_word(make: Any) -> None:
    shaped = body(make.placed(make.deployment, metadata={"creationTimestamp": None}, status={}), MARKS)
    assert "creationTimestamp" not in orjson.loads(shaped.body)["metadata"]
    assert not shaped.warnings


def test_the_hubs_marks_are_the_hubs_to_set(make: Any) -> None:
    metadata = {
        "labels": {names.APPLYSET_PART_OF: "mine", "app": "web"},
        "annotations": {names.MANIFEST: "0" * 32, names.APPLYSET_TOOLING: "x/1"},
    }
    shaped = body(make.placed(make.config_map, metadata=metadata), MARKS)
    content = orjson.loads(shaped.body)["metadata"]
    assert content["labels"] == {"app": "web", names.APPLYSET_PART_OF: "applyset-x-v1"}
    assert content["annotations"] == {names.MANIFEST: shaped.digest}
    assert len(shaped.warnings) == 3


def test_owners_and_finalizers_stay_as_written(make: Any) -> None:
    metadata = {"finalizers": ["ex.dev/hold"], "ownerReferences": [{"kind": "A", "name": "a", "uid": "u"}]}
    content = sent(make.placed(make.config_map, metadata=metadata))["metadata"]
    assert {key: content[key] for key in metadata} == metadata


def test_an_aggregated_role_goes_without_rules(make: Any) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    aggregated = make.placed(make.cluster_role, rules=rules, aggregationRule={"clusterRoleSelectors": [{}]})
    assert "rules" not in sent(aggregated)
    assert sent(make.placed(make.cluster_role, rules=rules))["rules"] == rules


def test_the_namespace_of_a_cluster_scoped_kind_is_left_out(make: Any) -> None:
    shaped = body(make.placed(make.cluster_role, metadata={"namespace": "team"}), MARKS)
    assert "namespace" not in orjson.loads(shaped.body)["metadata"]
    assert "metadata.namespace" in shaped.warnings[0]


def test_string_data_becomes_data_and_wins_over_it(make: Any) -> None:
    secret = make.placed(make.secret, data={"a": "eA==", "b": "eA=="}, stringData={"b": "y", "c": "ü"})
    content = sent(secret)
    assert "stringData" not in content
    assert {key: base64.b64decode(value).decode() for key, value in content["data"].items()} == {
        "a": "x",
        "b": "y",
        "c": "ü",
    }


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"stringData": {"pin": 471152}}, "stringData.pin"),
        ({"stringData": {"on": True}}, "stringData.on"),
        ({"stringData": {"none": None}}, "stringData.none"),
        ({"data": {"plain": CANARY + "!"}}, "data.plain"),
        ({"data": {"short": "YQ"}}, "data.short"),
        ({"data": {"number": 12}}, "data.number"),
        ({"data": CANARY}, "data"),
        ({"metadata": {"labels": {"a": 1}}}, "metadata.labels.a"),
        ({"metadata": {"annotations": {"a": True}}}, "metadata.annotations.a"),
        ({"metadata": {"annotations": [CANARY]}}, "metadata.annotations"),
    ],
)
def test_a_value_that_is_no_string_is_refused_by_its_key_alone(make: Any, content: Any, field: str) -> None:
    with pytest.raises(ManifestRefused) as refused:
        body(make.placed(make.secret, **content), MARKS)
    assert refused.value.field == field
    assert field in str(refused.value)
    assert CANARY not in str(refused.value)
    assert "471152" not in str(refused.value)


def test_a_config_map_of_numbers_is_refused_too(make: Any) -> None:
    with pytest.raises(ManifestRefused, match=r"data\.port"):
        body(make.placed(make.config_map, data={"port": 80}), MARKS)


def test_base64_over_several_lines_is_base64(make: Any) -> None:
    text = base64.encodebytes(b"x" * 100).decode()
    assert sent(make.placed(make.secret, data={"a": text}))["data"]["a"] == text


def test_nothing_of_the_body_shows_in_a_repr(make: Any) -> None:
    shaped = body(make.placed(make.secret, stringData={"a": CANARY}), MARKS)
    assert CANARY not in repr(shaped)
    assert base64.b64encode(CANARY.encode()).decode() not in repr(shaped)
    assert "key" not in repr(MARKS)


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(spec=json)
def test_all_else_is_sent_as_written(make: Any, spec: Any) -> None:
    assert sent(make.placed(make.deployment, spec=spec))["spec"] == spec


def test_what_the_hub_keeps_on_its_own_kinds_is_left_out_of_them_alone(make: Any) -> None:
    kind = Resource(
        names.GROUP, names.VERSION, names.APPLICATION, "applications", namespaced=True, verbs=frozenset()
    )
    marks = {names.PLACED: "eu", names.LEAVING: "eu", names.MADE_FROM: "eu", names.CONFIRM: "abc"}
    metadata = {"annotations": marks, "finalizers": [names.FINALIZER, "theirs.example/x"]}
    shaped = body(make.placed(kind, metadata=metadata), MARKS)
    content = orjson.loads(shaped.body)["metadata"]
    assert content["annotations"] == {names.CONFIRM: "abc", names.MANIFEST: shaped.digest}
    assert content["finalizers"] == ["theirs.example/x"]
    assert len(shaped.warnings) == 4
    assert (
        sent(make.placed(make.config_map, metadata=metadata))["metadata"]["finalizers"]
        == metadata["finalizers"]
    )
