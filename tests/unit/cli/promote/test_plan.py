"""What a promotion changes, and what stands against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleet.cli.environments.running import Image, Running, Target, split
from fleet.cli.promote.plan import Bounds, Plan, make

NOW = 1_000_000.0
OLD, NEW = "a" * 40, "b" * 40
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
BOUNDS = Bounds("environments/staging", "environments/prod", 600.0, NOW)
REPO = "https://git.example/acme/fleet.git"
SHARED = {"repoURL": REPO, "path": "bases/shop"}
SHOP = Image("eu", "Deployment shop/shop", "docker.io/acme/shop", "2", ONE, NOW - 900, "shop-1")


def target(cluster: str = "eu", **changes: Any) -> Target:
    return replace(Target(cluster, "Synced", "Healthy", "", (NEW,)), **changes)


def running(*images: Image, **changes: Any) -> Running:
    made = Running(
        "fleethub/shop-staging",
        {"source": {**SHARED, "targetRevision": "main"}},
        looked=True,
        healthy_since=NOW - 900,
        targets=(target(),),
        images=images or (SHOP,),
    )
    made = replace(made, **changes)
    return made if "revision" in changes else replace(made, revision=(*made.commits, "")[0])


def spec(**source: Any) -> dict[str, Any]:
    return {"source": {**SHARED, "targetRevision": OLD, **source}}


def told(plan: Plan) -> dict[str, str]:
    return {".".join(map(str, one.path)): one.new for one in plan.changes}


def against(plan: Plan) -> list[tuple[str, bool]]:
    return [(one.text, one.final) for one in plan.against]


def test_the_commit_and_the_digest_that_run_are_what_goes_on() -> None:
    plan = make(
        running(), spec(kustomize={"images": ["shop=acme/shop:1", "other:3", "x={region}/x:1"]}), BOUNDS
    )
    assert against(plan) == []
    assert told(plan) == {
        "spec.source.targetRevision": NEW,
        "spec.source.kustomize.images.0": f"shop=acme/shop:2@{ONE}",
    }
    assert plan.notes == [
        "x={region}/x:1 is made of facts of the cluster, and stays as it is",
        "docker.io/library/other runs nowhere there, and stays as it is",
    ]
    assert plan.evidence == [f"bases/shop {NEW}", f"docker.io/acme/shop:2@{ONE}"]


def test_what_is_there_already_is_no_change() -> None:
    there = spec(targetRevision=NEW, kustomize={"images": [f"shop=acme/shop:2@{ONE}"]})
    assert make(running(), there, BOUNDS).changes == []


def test_values_of_a_chart_are_changed_where_they_name_the_image() -> None:
    values = {
        "web": {"image": {"registry": "docker.io", "repository": "acme/shop", "tag": "1", "digest": ""}}
    }
    parameters = [
        {"name": "job.image.repository", "value": "acme/shop"},
        {"name": "job.image.tag", "value": "1"},
        {"name": "tag", "value": "of nothing"},
    ]
    chart = {"repoURL": "https://charts.example", "chart": "shop"}
    live = running(spec={"source": {**chart, "targetRevision": "^1"}}, targets=(target(commits=("1.4.0",)),))
    helm = {"valuesObject": values, "parameters": parameters}
    plan = make(live, {"source": {**chart, "targetRevision": "1.2.0", "helm": helm}}, BOUNDS)
    assert told(plan) == {
        "spec.source.targetRevision": "1.4.0",
        "spec.source.helm.valuesObject.web.image.tag": "2",
        "spec.source.helm.valuesObject.web.image.digest": ONE,
        "spec.source.helm.parameters.1.value": "2",
    }
    assert plan.notes == ["docker.io/acme/shop is promoted by its tag alone: give its values a 'digest'"]


def test_of_several_sources_each_gets_its_own_commit_and_the_environments_own_stays() -> None:
    own = {"repoURL": REPO, "targetRevision": "main"}
    live = running(
        spec={
            "sources": [{**own, "path": "environments/staging/shop"}, {**SHARED, "targetRevision": "main"}]
        },
        targets=(target(commits=(OLD, NEW)),),
    )
    sources = [{**SHARED, "targetRevision": OLD}, {**own, "path": "environments/prod/shop"}]
    assert told(make(live, {"sources": sources}, BOUNDS)) == {"spec.sources.0.targetRevision": NEW}


def test_a_folder_of_the_environment_that_is_at_a_commit_goes_on_too() -> None:
    live = running(spec={"source": {"repoURL": REPO, "path": "environments/staging/shop"}})
    there = {"source": {"repoURL": REPO, "path": "./environments/prod/shop/", "targetRevision": OLD}}
    assert told(make(live, there, BOUNDS)) == {"spec.source.targetRevision": NEW}


def test_unhealthy_clusters_stand_against_it_by_name() -> None:
    ill = running(
        targets=(target(), target("us", health="Degraded"), target("ap", sync="OutOfSync", reason="Manual")),
        healthy_since=0.0,
    )
    assert against(make(ill, spec(), BOUNDS)) == [
        ("us: Synced, Degraded", False),
        ("ap: OutOfSync, Healthy (Manual)", False),
    ]


def test_a_soak_that_is_not_over_stands_against_it() -> None:
    young = running(healthy_since=NOW - 192, targets=(target(), target("us")))
    assert against(make(young, spec(), BOUNDS)) == [("eu, us: healthy for 3m12s of 10m", False)]
    unseen = running(healthy_since=0.0)
    assert against(make(unseen, spec(), BOUNDS)) == [("eu: not seen healthy all at once yet", False)]


def test_clusters_at_several_commits_have_nothing_in_common() -> None:
    plan = make(running(targets=(target(), target("us", commits=(OLD,)))), spec(), BOUNDS)
    assert against(plan)[0] == (
        "its clusters are not at one commit: eu is at bbbbbbb, us is at aaaaaaa",
        True,
    )
    assert plan.changes == []


def test_a_tag_that_moved_after_it_was_taken_stands_against_it() -> None:
    moved = running(SHOP, replace(SHOP, cluster="us", digest=TWO))
    plan = make(moved, spec(kustomize={"images": ["shop=acme/shop:2"]}), BOUNDS)
    assert (
        "us: Deployment shop/shop runs docker.io/acme/shop:2 as sha256:222222222222, and others another digest",
        True,
    ) in against(plan)
    anew = running(replace(SHOP, digest=TWO, since=NOW - 60))
    plan = make(anew, spec(kustomize={"images": ["shop=acme/shop:2"]}), BOUNDS)
    assert against(plan) == [
        (
            "eu: Deployment shop/shop runs docker.io/acme/shop as sha256:222222222222 for 1m of 10m",
            False,
        )
    ]


def test_a_pod_without_a_digest_stands_against_it() -> None:
    plan = make(running(replace(SHOP, digest="")), spec(kustomize={"images": ["shop=acme/shop:1"]}), BOUNDS)
    assert against(plan) == [
        (
            "eu: Deployment shop/shop: pod shop-1 does not tell which digest of docker.io/acme/shop it runs",
            False,
        )
    ]
    assert told(plan)["spec.source.kustomize.images.0"] == "shop=acme/shop:2"


def test_what_the_hub_does_not_know_stands_against_it() -> None:
    assert against(make(Running("fleethub/x"), spec(), BOUNDS)) == [("fleethub/x is not on the hub", True)]
    assert against(make(running(targets=()), spec(), BOUNDS)) == [
        ("fleethub/shop-staging is on no cluster", True)
    ]
    stale = make(running(looked=False, problems=(("eu", "it does not answer"),)), spec(), BOUNDS)
    assert against(stale) == [
        ("fleethub/shop-staging: the hub has not looked at its newest version yet", False),
        ("eu: its images are not known: it does not answer", False),
    ]
    strange = make(running(strangers=("eu",)), spec(), BOUNDS)
    assert against(strange) == [
        ("eu: its labels make it no cluster of this environment (environments.yaml)", False)
    ]
    other = make(running(), {"source": {"repoURL": REPO, "path": "elsewhere"}}, BOUNDS)
    assert against(other) == [("the two files have no source in common", True)]


def test_a_soak_of_another_commit_is_none_of_this_one() -> None:
    plan = make(running(revision=OLD), spec(), BOUNDS)
    assert against(plan) == [
        (
            "fleethub/shop-staging: the hub has not judged bbbbbbb yet: its status is about aaaaaaa",
            False,
        )
    ]


def test_a_digest_that_is_not_known_takes_the_old_one_away_with_the_old_tag() -> None:
    chart = {"repoURL": "https://charts.example", "chart": "shop", "targetRevision": "1"}
    values = {"image": {"repository": "acme/shop", "tag": "1", "digest": TWO}}
    live = running(replace(SHOP, digest=""), spec={"source": chart}, targets=(target(commits=("1",)),))
    plan = make(live, {"source": {**chart, "helm": {"valuesObject": values}}}, BOUNDS)
    at = "spec.source.helm.valuesObject.image"
    assert told(plan) == {f"{at}.tag": "2", f"{at}.digest": ""}
    assert [one.final for one in plan.against] == [False]


def test_an_image_without_a_tag_is_promoted_by_its_digest_or_not_at_all() -> None:
    chart = {"repoURL": "https://charts.example", "chart": "shop", "targetRevision": "1"}
    values = {"image": {"repository": "acme/shop", "tag": "1"}}
    bare = {"spec": {"source": chart}, "targets": (target(commits=("1",)),)}
    there = {"source": {**chart, "helm": {"valuesObject": values}}}
    plan = make(running(replace(SHOP, tag=""), **bare), there, BOUNDS)
    assert against(plan) == [("docker.io/acme/shop runs without a tag: give its values a 'digest'", True)]
    assert plan.changes == []
    assert plan.evidence == ["shop 1"]
    named = spec(kustomize={"images": ["shop=acme/shop:1"]})
    plan = make(running(replace(SHOP, tag="")), named, BOUNDS)
    assert told(plan)["spec.source.kustomize.images.0"] == f"shop=acme/shop@{ONE}"
    plan = make(running(replace(SHOP, tag="", digest="")), named, BOUNDS)
    assert ("docker.io/acme/shop runs without a tag: its pods tell no digest either", True) in against(plan)


def test_a_tag_that_reads_as_a_number_is_not_passed_over() -> None:
    chart = {"repoURL": "https://charts.example", "chart": "shop", "targetRevision": "1"}
    values = {"web": [{"image": {"repository": "acme/shop", "tag": 1.27}}], "other": {"tag": 2}}
    live = running(spec={"source": chart}, targets=(target(commits=("1",)),))
    plan = make(live, {"source": {**chart, "helm": {"valuesObject": values}}}, BOUNDS)
    at = "spec.source.helm.valuesObject.web.0.image.tag"
    assert against(plan) == [(f"{at} is a number: quote it", True)]


def test_the_same_chart_twice_is_promoted_in_order() -> None:
    chart = {"repoURL": "https://charts.example", "chart": "shop"}
    live = running(spec={"sources": [chart, chart]}, targets=(target(commits=("1.1", "1.2")),))
    there = {"sources": [{**chart, "targetRevision": "1.0"}, {**chart, "targetRevision": "1.0"}]}
    assert told(make(live, there, BOUNDS)) == {
        "spec.sources.0.targetRevision": "1.1",
        "spec.sources.1.targetRevision": "1.2",
    }


def test_names_of_images_are_compared_whole() -> None:
    digest = f"sha256:{'1' * 64}"
    assert split("nginx") == ("docker.io/library/nginx", "", "")
    assert split("docker.io/nginx:1.27") == ("docker.io/library/nginx", "1.27", "")
    assert split(f"localhost:5000/a/b:1@{digest}") == ("localhost:5000/a/b", "1", digest)
    assert split("acme/shop:2") == ("docker.io/acme/shop", "2", "")
