"""What an app of apps may hold."""

from __future__ import annotations

import pytest

from fleet.model import ObjectRef
from fleet.projects.hub_kinds import allowed


@pytest.mark.parametrize("kind", ["Application", "Cluster", "Project"])
def test_the_hubs_own_kinds_are_allowed(kind: str) -> None:
    assert allowed(ObjectRef("fleethub.dev", kind, "fleethub", "x"))


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("", "Secret"),
        ("", "Cluster"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("argoproj.io", "Application"),
        ("fleethub.dev.evil.example", "Application"),
        ("fleethub.dev", "Other"),
    ],
)
def test_nothing_else_is(group: str, kind: str) -> None:
    assert not allowed(ObjectRef(group, kind, "fleethub", "x"))
