"""A git that runs, and an object store on a local repository."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from fleet.git import folder
from fleet.git.mirror import Mirror
from fleet.git.objects import Objects
from fleet.git.process import Git
from tests.stage.gitrepo import ENVIRONMENT, GitRepo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    made = Git(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo.git")


@pytest.fixture
def objects(git: Git, repo: GitRepo) -> Iterator[Objects]:
    made = Objects("git.example/acme/deploy", lambda: git.converse(["cat-file", "--batch"], folder=repo.path))
    yield made
    made.close()


@pytest.fixture
def mirrored(git: Git, repo: GitRepo, tmp_path: Path) -> Callable[[], Mirror]:
    """Make a mirror whose folder holds what the repository has, as a fetch would have brought it."""

    def make() -> Mirror:
        url, place = "https://git.example/acme/deploy.git", tmp_path / "mirror"
        mirror = Mirror(url, place, git)
        folder.make(place, mirror.repo, git, 40)
        subprocess.run(
            ["git", "--git-dir", str(place), "fetch", "-q", str(repo.path), "+refs/*:refs/*"],
            env=ENVIRONMENT,
            check=True,
        )
        mirror._open()
        return mirror

    return make
