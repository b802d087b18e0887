"""The Project that every installation has."""

from __future__ import annotations

from fleet.api.parse import parse
from fleet.projects import default


def test_it_is_a_valid_project_that_allows_everything() -> None:
    project = parse("Project", default.manifest("hub"))
    assert (project.metadata.namespace, project.metadata.name) == ("hub", "default")
    assert project.spec.source_repos == project.spec.cluster_scoped_kinds == ("*",)
    assert project.spec.destinations[0].clusters == project.spec.destinations[0].namespaces == ("*",)
    assert project.spec.hub


def test_each_call_gives_a_new_manifest() -> None:
    default.manifest("hub")["spec"].clear()
    assert default.manifest("hub")["spec"]
