"""Which Applications must look again when a cluster changes."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from fleet.api.cluster import Cluster
from fleet.model import ApplicationKey
from fleet.placement.affected import affected
from fleet.placement.place import place
from tests.unit.placement.fleet import application, cluster

BY_LABEL = application("by-label", placement={"clusterSelector": {"matchLabels": {"env": "prod"}}})
BY_NAME = application("by-name", placement={"clusters": ["eu-1"]})
BY_SERVER = application("by-server", destination={"server": "https://eu-1.example:6443"})
ALL = application("all", placement={"clusterSelector": {}})
HUB = application("root", placement={"hub": True})
APPLICATIONS = (BY_LABEL, BY_NAME, BY_SERVER, ALL, HUB)


def names(found: set[ApplicationKey]) -> set[str]:
    return {key.name for key in found}


def test_a_relabelled_cluster_concerns_those_that_select_by_the_label() -> None:
    old, new = cluster("eu-1", env="test"), cluster("eu-1", env="prod")
    assert names(affected(old, new, APPLICATIONS)) == {"by-label"}
    assert names(affected(new, old, APPLICATIONS)) == {"by-label"}


def test_a_cluster_that_comes_or_goes_concerns_all_that_take_it() -> None:
    made = cluster("eu-1", env="prod")
    assert names(affected(None, made, APPLICATIONS)) == {"by-label", "by-name", "by-server", "all"}
    assert affected(made, None, APPLICATIONS) == affected(None, made, APPLICATIONS)


def test_a_cluster_that_moves_concerns_those_that_name_its_server() -> None:
    old, new = cluster("eu-1"), cluster("eu-1", "https://moved.example")
    assert names(affected(old, new, APPLICATIONS)) == {"by-server"}


def test_a_label_that_nobody_selects_by_concerns_nobody() -> None:
    assert affected(cluster("eu-1"), cluster("eu-1", colour="red"), APPLICATIONS) == set()


@given(st.sampled_from([None, "test", "prod"]), st.sampled_from([None, "test", "prod"]))
def test_whose_placement_differs_is_affected(before: str | None, after: str | None) -> None:
    old, new = (cluster("eu-1", env=env) if env else None for env in (before, after))

    def there(found: Cluster | None) -> list[Cluster]:
        return [cluster("us-1", env="prod"), *([found] if found else [])]

    for each in APPLICATIONS:
        differs = place(each, there(old)) != place(each, there(new))
        assert (each.key in affected(old, new, APPLICATIONS)) == differs


def test_ten_thousand_applications_are_looked_through_in_a_moment() -> None:
    many = [BY_LABEL, BY_NAME, ALL, BY_SERVER] * 2500
    begun = time.process_time()
    affected(cluster("eu-1", env="test"), cluster("eu-1", env="prod"), many)
    assert time.process_time() - begun < 0.2


def test_an_edit_that_placement_does_not_look_at_looks_at_nobody() -> None:
    def never() -> object:
        raise AssertionError

    assert affected(cluster("eu-1"), cluster("eu-1"), (never() for _ in range(1))) == set()  # type: ignore[misc]
