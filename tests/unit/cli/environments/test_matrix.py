"""Applications by environments."""

from __future__ import annotations

from typing import Any

from fleet.api.selector import LabelSelector
from fleet.cli.environments import matrix
from fleet.cli.environments.declared import Environment
from fleet.cli.environments.layout import File, Layout
from fleet.cli.environments.running import Image, Running, Target

EVERY = LabelSelector()
DEV, STAGING = Environment("dev", "", EVERY), Environment("staging", "dev", EVERY)
PROD = Environment("prod", "staging", EVERY)
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
HISTORY = ["a" * 40, "b" * 40, "c" * 40]


def file(name: str) -> File:
    return File(f"environments/{name}/shop.yaml", b"", 0, "fleethub", f"shop-{name}", {})


def runs(commit: str, digest: str, **changes: Any) -> Running:
    image = Image("eu", "Deployment shop/shop", "docker.io/acme/shop", "1", digest, 0.0, "p")
    told = {"targets": (Target("eu", "Synced", "Healthy", "", (commit,)),), "images": (image,), **changes}
    return Running("fleethub/shop", {"source": {}}, healthy_since=1_700_000_000.0, **told)


def count(since: str, until: str) -> int | None:
    return max(0, HISTORY.index(until) - HISTORY.index(since))


def rows(found: dict[tuple[str, str], Running]) -> list[tuple[str, dict[str, matrix.Cell]]]:
    files = {name: file(name) for _, name in found}
    return list(matrix.rows(Layout("", (DEV, STAGING, PROD), {"shop": files}), found, count))


def test_each_environment_is_held_against_the_one_before() -> None:
    found = rows(
        {
            ("shop", "dev"): runs(HISTORY[2], TWO),
            ("shop", "staging"): runs(HISTORY[0], ONE),
            ("shop", "prod"): runs(HISTORY[1], ONE),
        }
    )
    ((_, cells),) = found
    assert [(one.behind, one.ahead, one.differs) for one in cells.values()] == [
        (None, None, False),
        (2, 0, True),
        (0, 1, False),
    ]
    names = ("dev", "staging", "prod")
    lines = list(matrix.drawn(iter(found), names, lambda _: "2023-11-14T22:13:20Z"))
    assert lines[0] == ("shop", "commit", "ccccccc", "aaaaaaa", "bbbbbbb")
    assert lines[1][:3] == ("shop", "image", "shop@222222222222")
    assert lines[3:] == [("shop", "behind", "", "2", "0"), ("shop", "not before", "", "0", "1")]
    told = matrix.structured(iter(found), lambda _: "then")["items"][0]["environments"][2]
    assert (told["behind"], told["lackedByTheOneBefore"], told["healthySince"]) == (0, 1, "then")


def test_what_is_not_well_says_why() -> None:
    ill = Target("us", "Synced", "Degraded", "", (HISTORY[0],))
    found = rows(
        {
            ("shop", "dev"): runs(HISTORY[0], "", targets=(ill,)),
            ("shop", "staging"): Running("fleethub/x"),
            ("shop", "prod"): runs(HISTORY[0], ONE, targets=()),
        }
    )
    ((_, cells),) = found
    assert [one.state for one in cells.values()] == ["us: Degraded", "not on the hub", "on no cluster"]
    assert cells["dev"].images == ("shop:1",)
    assert cells["prod"].behind is None
