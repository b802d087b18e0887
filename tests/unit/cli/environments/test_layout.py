"""What a commit of a repository by environment holds, and what is missing in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fleet.cli.environments import layout
from fleet.cli.environments.repository import Repository
from fleet.cli.errors import CliError
from tests.stage.gitrepo import ENVIRONMENT, Content, GitRepo

DECLARED = """\
environments:
- {name: dev, clusterSelector: {}}
- {name: prod, after: dev, clusterSelector: {}}
"""
APPLICATION = """\
# notes
apiVersion: fleethub.dev/v1alpha1
kind: Application
metadata: {name: shop}
spec: {source: {repoURL: https://git.example/a, path: x}, placement: {hub: true}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> tuple[GitRepo, Repository]:
    remote = GitRepo(tmp_path / "remote.git")
    remote.commit({"environments.yaml": DECLARED, "environments/dev/team/shop.yml": APPLICATION})
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(remote.path), str(folder)], check=True, env=ENVIRONMENT)
    return remote, Repository.of(folder)


def test_an_application_is_named_by_its_path_below_the_environment(
    repository: tuple[GitRepo, Repository],
) -> None:
    remote, clone = repository
    other = "kind: ConfigMap\n---\n" + APPLICATION.replace("name: shop", "name: shop-prod")
    files: dict[str, Content] = {
        "environments/prod/team/shop.yaml": other,
        "environments/prod/shop/kustomization.yaml": "resources: []\n",
    }
    commit = remote.commit(files)
    found = layout.load(clone, "main")
    assert found.commit == commit
    assert list(found.applications) == ["team/shop"]
    assert found.file("team/shop", "prod").document == 1
    assert (found.file("team/shop", "dev").namespace, found.file("team/shop", "dev").name) == (
        "fleethub",
        "shop",
    )
    with pytest.raises(CliError) as caught:
        found.file("shop", "prod")
    assert "there is no environments/prod/shop.yaml with an Application" in caught.value.message


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "environments.yaml: environment prod: its folder environments/prod is missing or empty"),
        ({"environments.yaml": None}, "the repository has no environments.yaml"),
        ({"environments/prod/a.yaml": f"{APPLICATION}---\n{APPLICATION}"}, "holds more than one Application"),
        (
            {"environments/prod/a.yaml": APPLICATION.replace("source", "sorce")},
            "environments/prod/a.yaml, line 2: spec.sorce: unknown field",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_told_by_file(
    repository: tuple[GitRepo, Repository], files: dict[str, Content], text: str
) -> None:
    remote, clone = repository
    if files:
        remote.commit(files)
    with pytest.raises(CliError) as caught:
        layout.load(clone, "main")
    assert text in caught.value.message
    with pytest.raises(CliError):
        layout.load(clone, "another")


def test_two_files_that_are_one_application_are_told(repository: tuple[GitRepo, Repository]) -> None:
    remote, clone = repository
    remote.commit({"environments/prod/team/shop.yaml": APPLICATION})
    with pytest.raises(CliError) as caught:
        layout.load(clone, "main")
    assert caught.value.message == (
        "environments/dev/team/shop.yml and environments/prod/team/shop.yaml are both Application fleethub/shop"
    )
    twice = {f"environments/prod/shop.{end}": APPLICATION.replace("shop", end) for end in ("yaml", "yml")}
    remote.commit({"environments/prod/team/shop.yaml": None, **twice})
    with pytest.raises(CliError) as caught:
        layout.load(clone, "main")
    assert "environments/prod has shop twice" in caught.value.message
