"""What an app of apps may hold, by its chain."""

from __future__ import annotations

import pytest

from fleet.model import ObjectRef
from fleet.projects.children import refusal
from tests.unit.projects.chains import chain, project, unlimited

TEAM = project("team", hub=True, sourceNamespaces=["team"])


def ref(kind: str, namespace: str) -> ObjectRef:
    return ObjectRef("fleethub.dev", kind, namespace, "x")


@pytest.mark.parametrize("kind", ["Application", "Cluster", "Project"])
@pytest.mark.parametrize("namespace", ["fleethub", "team"])
def test_an_unlimited_root_of_the_hub_may_hold_anything_anywhere(kind: str, namespace: str) -> None:
    root = chain(("fleethub/root", unlimited()))
    assert refusal(ref(kind, namespace), root, lambda _: True) is None


@pytest.mark.parametrize(
    "root",
    [
        chain(("team/root", TEAM)),
        chain(("team/root", unlimited())),
        chain(("fleethub/root", TEAM)),
        chain(("fleethub/mid", unlimited()), ("fleethub/root", TEAM)),
    ],
)
@pytest.mark.parametrize("kind", ["Cluster", "Project"])
def test_no_other_moves_walls(root: object, kind: str) -> None:
    assert refusal(ref(kind, "fleethub"), root, lambda _: False)  # type: ignore[arg-type]


def test_children_stay_in_their_parents_namespace() -> None:
    root = chain(("team/root", TEAM))
    assert refusal(ref("Application", "team"), root, lambda _: True) is None
    assert refusal(ref("Application", "fleethub"), root, lambda _: False)
    assert refusal(ref("Application", "other"), root, lambda _: False)


def test_a_limited_root_of_the_hub_goes_where_its_project_admits_and_takes_nothing_over() -> None:
    root = chain(("fleethub/root", TEAM))
    assert refusal(ref("Application", "team"), root, lambda _: True) is None
    assert refusal(ref("Application", "other"), root, lambda _: False)
    assert refusal(ref("Application", "fleethub"), root, lambda _: False) is None
    assert refusal(ref("Application", "fleethub"), root, lambda _: True)
