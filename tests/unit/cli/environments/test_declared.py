"""environments.yaml, and what is wrong with it."""

from __future__ import annotations

import pytest

from fleet.cli.environments.declared import environments
from fleet.cli.errors import CliError

SELECTOR = "clusterSelector: {matchLabels: {env: x}}"


def made(*lines: str) -> bytes:
    return ("environments:\n" + "".join(f"- {{{line}}}\n" for line in lines)).encode()


def test_each_comes_behind_the_one_that_it_is_after() -> None:
    found = environments(
        made(
            f"name: prod, after: staging, {SELECTOR}",
            f"name: staging, after: dev, {SELECTOR}",
            f"name: dev, {SELECTOR}",
            f"name: edge, after: staging, {SELECTOR}",
        )
    )
    assert [one.name for one in found] == ["dev", "staging", "prod", "edge"]
    assert found[0].folder == "environments/dev"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            made(
                f"name: a, after: c, {SELECTOR}",
                f"name: b, after: a, {SELECTOR}",
                f"name: c, after: b, {SELECTOR}",
            ),
            "environments[0].after: they go in a circle: a after c after b after a",
        ),
        (made(f"name: a, after: a, {SELECTOR}"), "environments[0].after: they go in a circle: a after a"),
        (made(f"name: a, after: b, {SELECTOR}"), "environments[0].after: there is no environment b"),
        (made(f"name: a, {SELECTOR}", f"name: a, {SELECTOR}"), "environments[1].name: a is there twice"),
        (
            made("name: a, clusterSelector: {matchLabel: {env: x}}"),
            "environments[0].clusterSelector.matchLabel: unknown field",
        ),
        (
            made("name: a, clusterSelector: {matchLabels: [env]}"),
            "environments[0].clusterSelector.matchLabels: must be an object",
        ),
        (made("name: a, clusterSelector: env"), "environments[0].clusterSelector: must be a label selector"),
        (made("name: a"), "environments[0].clusterSelector: is required; {} means every cluster"),
        (made(f"name: a, selector: x, {SELECTOR}"), "environments[0].selector: unknown field"),
        (made(f"name: ../a, {SELECTOR}"), "environments[0].name: must be a name"),
        (b"environments: dev\n", "environments: must be a list"),
        (b"environments: []\n", "environments: must have at least one item"),
        (b"environments: [\n", "environments.yaml"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_field(content: bytes, text: str) -> None:
    with pytest.raises(CliError) as caught:
        environments(content)
    assert text in caught.value.message
    assert caught.value.message.startswith("environments.yaml")
