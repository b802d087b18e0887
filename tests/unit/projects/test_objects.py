"""Objects before their fences."""

from __future__ import annotations

import pytest

from fleet import names
from fleet.model import Fence, ObjectRef, Walls
from fleet.projects import objects

WALLS = Walls("team", None, (Fence("team", ("team", "team-*"), ("Namespace", "ClusterRole.rbac.test")),))
SECRET = ObjectRef("", "Secret", "team", "s")


def refused(ref: ObjectRef, walls: Walls = WALLS, body: bytes = b"") -> str:
    found = objects.breach(ref, walls, namespaced=bool(ref.namespace), body=body)
    return found.text if found is not None else ""


@pytest.mark.parametrize(
    "ref",
    [
        ObjectRef("", "ConfigMap", "team", "a"),
        ObjectRef("apps", "Deployment", "team-x", "a"),
        ObjectRef("rbac.test", "ClusterRole", "", "a"),
        ObjectRef("", "Namespace", "", "team-new"),
        SECRET,
    ],
)
def test_what_the_fence_names_passes(ref: ObjectRef) -> None:
    assert not refused(ref)


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (ObjectRef("", "ConfigMap", "kube-system", "a"), "namespace kube-system"),
        (ObjectRef("", "ConfigMap", "teams", "a"), "namespace teams"),
        (ObjectRef("other.test", "ClusterRole", "", "a"), "ClusterRole.other.test"),
        (ObjectRef("", "Namespace", "", "kube-system"), "namespace kube-system"),
        (ObjectRef("fleethub.dev", "Application", "team", "a"), "Application.fleethub.dev"),
    ],
)
def test_what_it_does_not_name_is_refused_by_rule_and_object(ref: ObjectRef, words: str) -> None:
    text = refused(ref)
    assert words in text
    assert str(ref) in text
    assert "Project team" in text


def test_of_several_fences_every_one_must_let_it_pass() -> None:
    inner, outer = Fence("inner", ("*",), ("*",)), Fence("outer", ("team",), ())
    both = Walls("inner", None, (inner, outer))
    assert not refused(ObjectRef("", "ConfigMap", "team", "a"), both)
    assert "Project outer" in refused(ObjectRef("", "ConfigMap", "else", "a"), both)
    assert "Project outer" in refused(ObjectRef("", "Namespace", "", "team"), both)


@pytest.mark.parametrize(
    "body",
    [
        b'{"metadata":{"labels":{"fleethub.dev/secret-type":"cluster"}}}',
        b'{"metadata":{"labels":{"fleethub.dev/secret\\u002dtype":"repository"}}}',
    ],
)
def test_a_secret_that_registers_something_is_a_hub_object_however_it_is_spelt(body: bytes) -> None:
    assert names.SECRET_TYPE in refused(SECRET, body=body)
    wide = Walls("team", None, (Fence("team", ("*",), ("Cluster.fleethub.dev",)),))
    assert not refused(SECRET, wide, body)


def test_a_secret_that_only_speaks_of_it_is_an_ordinary_one() -> None:
    assert not refused(SECRET, body=b'{"metadata":{"labels":{}},"data":{"fleethub.dev/secret-type":""}}')


def test_walls_are_open_where_nothing_is_limited() -> None:
    assert objects.open_(Walls("default", None, (Fence("default", ("*",), ("*",)),)))
    assert not objects.open_(WALLS)
    assert not objects.open_(Walls("a", None, (Fence("a", ("*",), ("*",)), Fence("b", ("*",), ()))))


def test_stale_objects_that_are_out_of_reach_are_held_by_name() -> None:
    near, far = ObjectRef("", "ConfigMap", "team", "a"), ObjectRef("", "ConfigMap", "else", "b")
    left, hold = objects.fenced([near, far], WALLS)
    assert left == (near,)
    assert hold is not None
    assert hold.refs == (far,)
    assert objects.fenced([near], WALLS) == ((near,), None)
