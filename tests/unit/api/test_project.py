"""What a Project says."""

from __future__ import annotations

from fleet.api.parse import parse
from tests.unit.api import samples


def test_all_fields_are_read() -> None:
    spec = parse("Project", samples.GOOD["project, all fields"]).spec
    assert spec.source_namespaces == ("team-*",)
    assert spec.destinations[0].clusters == ("*",)
    assert spec.destinations[1].cluster_selector is not None
    assert spec.cluster_scoped_kinds[-1] == "*"
    assert (spec.service_account, spec.hub) == ("fleethub/team", True)


def test_a_project_without_spec_allows_nothing_in_particular() -> None:
    body = samples.project()
    del body["spec"]
    spec = parse("Project", body).spec
    assert (spec.source_repos, spec.destinations, spec.hub) == ((), (), False)
