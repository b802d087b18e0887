"""From a chain to the walls of a target."""

from __future__ import annotations

from fleet.model import Fence, Walls
from fleet.names import HUB_CLUSTER
from fleet.projects.walls import walls
from tests.unit.projects.chains import chain, project, unlimited


def test_every_project_of_the_chain_makes_a_fence_once() -> None:
    own = project("own", destinations=[{"clusters": ["eu"], "namespaces": ["a"]}], serviceAccount="s")
    above = project(
        "above", destinations=[{"clusters": ["*"], "namespaces": ["*"]}], clusterScopedKinds=["*"]
    )
    found = walls(chain(("t/web", own), ("t/mid", above), ("t/root", above)), "eu", {})
    fences = (Fence("own", ("a",), ()), Fence("above", ("*",), ("*",)))
    assert found == Walls("own", "fleethub/s", fences)


def test_a_cluster_that_no_destination_means_gets_nothing() -> None:
    assert walls(chain(("t/web", project("own"))), "eu", {}).fences == (Fence("own", (), ()),)


def test_on_the_hub_only_an_unlimited_root_of_its_own_namespace_may_hold_walls() -> None:
    team = project("team", hub=True, sourceNamespaces=["team"], serviceAccount="s")
    applications = ("Application.fleethub.dev",)
    assert walls(chain(("fleethub/root", unlimited())), HUB_CLUSTER, {}) == Walls(
        "default", None, (Fence("default", ("*",), ("*",)),)
    )
    assert walls(chain(("team/root", team)), HUB_CLUSTER, {}) == Walls(
        "team", None, (Fence("team", ("team",), applications),)
    )
    assert walls(chain(("fleethub/root", team)), HUB_CLUSTER, {}) == Walls(
        "team", None, (Fence("team", ("fleethub", "team"), applications),)
    )
    held = chain(("fleethub/mid", unlimited()), ("fleethub/root", team))
    assert walls(held, HUB_CLUSTER, {}).fences == (Fence("team", ("fleethub", "team"), applications),)
