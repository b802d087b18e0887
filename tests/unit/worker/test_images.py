"""What the pods of a workload run."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.model import ObjectRef
from fleet.worker.images import fold, selected

WEB = ObjectRef("apps", "Deployment", "shop", "web")
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def pod(name: str, image_id: str, at: str = "2026-01-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    told = {"name": "web", "imageID": image_id, "state": {"running": {"startedAt": at}}}
    return {
        "metadata": {"name": name, **more},
        "spec": {"containers": [{"name": "web", "image": "acme/web:1"}]},
        "status": {"phase": "Running", "containerStatuses": [told]},
    }


def test_equal_digests_are_one_and_the_oldest_start_counts() -> None:
    (one,) = fold(
        WEB,
        [
            pod("b", f"docker.io/acme/web@{OLD}", "2026-01-02T00:00:00Z"),
            pod("a", f"docker-pullable://acme/web@{OLD}"),
        ],
    )
    assert (one.image, one.digest, one.pods, one.since) == ("acme/web:1", OLD, 2, "2026-01-01T00:00:00Z")


def test_a_tag_that_moved_shows_as_two_digests() -> None:
    found = fold(WEB, [pod("a", f"acme/web@{OLD}"), pod("b", f"acme/web@{NEW}")])
    assert [one.digest for one in found] == [OLD, NEW]


def test_what_no_registry_knows_is_no_digest() -> None:
    for told in ("", "sha256:" + "c" * 64):
        (one,) = fold(WEB, [pod("a", told)])
        assert (one.digest, one.pod) == ("", "a")


@pytest.mark.parametrize(
    ("image", "told", "digest"),
    [
        ("nginx:1", f"docker.io/library/nginx@{OLD}", OLD),
        ("docker.io/nginx:1", f"docker.io/library/nginx@{OLD}", OLD),
        ("localhost:5000/a/web:1", f"localhost:5000/a/web@{OLD}", OLD),
        ("web:1", f"quay.example/team/web@{OLD}", OLD),  # a node's own list of registries
        ("docker.io/acme/web:1", f"mirror.example/acme/web@{OLD}", ""),
        ("acme/web:1", f"docker.io/library/import-2026-01-01@{OLD}", ""),
        (f"acme/web:1@{OLD}", f"docker.io/library/import-2026-01-01@{NEW}", OLD),
        (f"acme/web@{OLD}", f"acme/web@{NEW}", OLD),  # of an index, the node may tell its own part
        (f"acme/web:1@{OLD}", "", ""),
    ],
)
def test_a_digest_is_one_that_the_images_own_repository_has(image: str, told: str, digest: str) -> None:
    made = pod("a", told)
    made["spec"]["containers"][0]["image"] = image
    (one,) = fold(WEB, [made])
    assert one.digest == digest


def test_pods_that_end_do_not_count() -> None:
    over = {**pod("a", f"acme/web@{OLD}"), "status": {"phase": "Failed"}}
    assert fold(WEB, [over, pod("b", f"acme/web@{OLD}", deletionTimestamp="2026-01-01T00:00:00Z")]) == ()


def test_a_selector_is_asked_for_as_it_is_written() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "x", "operator": "DoesNotExist"},
    ]
    body = {"spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": expressions}}}
    assert selected(body) == "app=web,tier in (a,b),!x"
    assert selected({}) == ""
