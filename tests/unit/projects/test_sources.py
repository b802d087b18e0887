"""Applications before their Projects and those of their parents."""

from __future__ import annotations

import pytest

from fleet.names import HUB_CLUSTER
from fleet.projects import sources
from tests.unit.projects.chains import application, chain, project, unlimited

REPO = "https://git.test/acme"
WIDE = [{"clusters": ["*"], "namespaces": ["*"]}]


def told(found: object) -> str:
    return " ".join(fault.text for fault in found)  # type: ignore[attr-defined]


def test_nothing_is_against_what_every_project_allows() -> None:
    own = project("own", sourceNamespaces=["team"], sourceRepos=[REPO])
    assert sources.breaches(application(), chain(("team/web", own), ("fleethub/root", unlimited()))) == ()


def test_each_breach_names_project_and_rule() -> None:
    own = project("own")
    text = told(sources.breaches(application(), chain(("team/web", own))))
    assert "Project own (sourceNamespaces) does not admit Applications of namespace team" in text
    assert "Project own (sourceRepos) does not cover the repository git.test/acme/deploy" in text


def test_a_password_in_a_url_is_not_told() -> None:
    text = told(
        sources.breaches(application("https://me:hunter2@git.test/a"), chain(("team/web", project())))
    )
    assert "hunter2" not in text


def test_a_parents_project_counts_as_much_as_ones_own() -> None:
    own = project("own", sourceNamespaces=["*"], sourceRepos=["*"])
    above = project("above", sourceNamespaces=["team"], sourceRepos=["https://git.test/other"])
    text = told(sources.breaches(application(), chain(("team/web", own), ("team/root", above))))
    assert "Project above (sourceRepos)" in text
    assert "team/root, which holds this Application" in text


def test_a_limited_root_of_the_hub_puts_children_only_where_its_project_admits_them() -> None:
    own = project("own", sourceNamespaces=["*"], sourceRepos=["*"])
    above = project("above", sourceNamespaces=["other"], sourceRepos=["*"])
    text = told(sources.breaches(application(), chain(("team/web", own), ("fleethub/root", above))))
    assert "Project above (sourceNamespaces) does not admit children in namespace team" in text


@pytest.mark.parametrize("whose", [0, 1])
def test_an_unknown_project_anywhere_in_the_chain_lets_nothing_through(whose: int) -> None:
    own = project("own", sourceNamespaces=["team"], sourceRepos=["*"])
    links = [("team/web", own), ("team/root", own)]
    links[whose] = (links[whose][0], None)  # type: ignore[assignment]
    (found,) = sources.breaches(application(), chain(*links))
    assert found.reason == "ProjectUnknown"


def test_a_parent_that_is_not_there_is_no_way_out() -> None:
    assert sources.breaches(application(), chain(("team/web", unlimited()), lost=True))


def test_clusters_are_barred_one_by_one() -> None:
    mine = [{"clusterSelector": {"matchLabels": {"team": "a"}}, "namespaces": ["a"]}]
    found = chain(
        ("team/web", project("own", destinations=mine)), ("team/root", project("up", destinations=WIDE))
    )
    barred = sources.barred(found, ["eu", "us"], {"eu": {"team": "a"}})
    assert list(barred) == ["us"]
    assert "Project own (destinations) does not cover cluster us" in barred["us"].text


def test_the_hub_is_barred_where_one_project_of_the_chain_allows_no_app_of_apps() -> None:
    found = chain(("team/web", unlimited()), ("team/root", project("above", hub=False)))
    assert "Project above (hub)" in sources.barred(found, [HUB_CLUSTER], {})[HUB_CLUSTER].text
    assert not sources.barred(chain(("team/web", project(hub=True))), [HUB_CLUSTER], {})


def test_a_bare_account_is_one_of_fleethubs_namespace_and_the_parents_is_inherited() -> None:
    above = project("above", serviceAccount="deployer")
    assert sources.account(chain(("team/web", unlimited()))) is None
    assert sources.account(chain(("team/web", unlimited()), ("team/root", above))) == "fleethub/deployer"
    assert sources.account(chain(("team/web", project(serviceAccount="a/b")))) == "a/b"


def test_two_accounts_in_one_chain_are_a_breach() -> None:
    own = project("own", serviceAccount="mighty", sourceNamespaces=["*"], sourceRepos=["*"])
    above = project("above", serviceAccount="team", sourceNamespaces=["*"], sourceRepos=["*"])
    text = told(sources.breaches(application(), chain(("team/web", own), ("team/root", above))))
    assert "fleethub/mighty (Project own)" in text
    assert "fleethub/team (Project above)" in text
