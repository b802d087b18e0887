"""One Project's rules."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.projects import rules
from tests.unit.projects.chains import project, unlimited


def test_an_empty_list_allows_nothing() -> None:
    empty = project()
    assert not rules.admits(empty, "team", "fleethub")
    assert not rules.reads(empty, "https://git.test/a.git")
    assert rules.namespaces(empty, "eu", {}) is None


def test_the_hubs_own_namespace_may_always_name_it() -> None:
    assert rules.admits(project(), "fleethub", "fleethub")


@pytest.mark.parametrize(
    ("pattern", "namespace", "good"),
    [
        ("team", "team", True),
        ("team-*", "team-a", True),
        ("team-?", "team-ab", False),
        ("team", "team-a", False),
        ("*", "any", True),
    ],
)
def test_namespaces_are_globs_of_the_whole_name(pattern: str, namespace: str, *, good: bool) -> None:
    assert rules.admits(project(sourceNamespaces=[pattern]), namespace, "fleethub") is good


@pytest.mark.parametrize(
    ("prefix", "url", "good"),
    [
        ("*", "https://git.test/acme/deploy.git", True),
        ("https://git.test/acme", "https://git.test/acme/deploy.git", True),
        ("https://git.test/acme/deploy", "https://git.test/acme/deploy.git", True),
        ("https://git.test/acme", "https://git.test/acme-evil/deploy.git", False),
        ("https://git.test", "https://git.test.evil.dev/acme/deploy.git", False),
        ("https://git.test/acme", "http://git.test/acme/deploy.git", False),
        ("https://git.test/acme", "https://git.test:8443/acme/deploy.git", False),
    ],
)
def test_repositories_are_covered_by_whole_segments(prefix: str, url: str, *, good: bool) -> None:
    assert rules.reads(project(sourceRepos=[prefix]), url) is good


def test_a_cluster_gets_the_namespaces_of_every_destination_that_means_it() -> None:
    found = project(
        destinations=[
            {"clusters": ["eu-*"], "namespaces": ["a"]},
            {"clusterSelector": {"matchLabels": {"env": "dev"}}, "namespaces": ["a", "b"]},
            {"clusters": ["us-1"], "namespaces": ["c"]},
        ]
    )
    assert rules.namespaces(found, "eu-1", {}) == ("a",)
    assert rules.namespaces(found, "eu-1", {"env": "dev"}) == ("a", "b")
    assert rules.namespaces(found, "us-2", {}) is None


def test_an_empty_selector_means_every_cluster_and_an_absent_one_none() -> None:
    assert rules.namespaces(project(destinations=[{"clusterSelector": {}}]), "eu", {}) == ()
    assert rules.namespaces(project(destinations=[{"namespaces": ["*"]}]), "eu", {}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"hub": False},
        {"serviceAccount": "deployer"},
        {"sourceRepos": ["https://git.test"]},
        {"clusterScopedKinds": ["Namespace"]},
        {"destinations": [{"clusters": ["*"], "namespaces": ["a"]}]},
        {"destinations": [{"clusterSelector": {"matchLabels": {"a": "b"}}, "namespaces": ["*"]}]},
    ],
)
def test_whatever_limits_it_makes_it_limited(change: dict[str, Any]) -> None:
    everything: dict[str, Any] = {
        "sourceRepos": ["*"],
        "destinations": [{"clusterSelector": {}, "namespaces": ["*"]}],
        "clusterScopedKinds": ["*"],
        "hub": True,
    }
    assert rules.everything(unlimited())
    assert rules.everything(project(**everything))
    assert not rules.everything(project(**{**everything, **change}))
