"""Mirrors without a server; with servers: tests/integration/test_git_mirror.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.errors import RepositoryRefused, RevisionNotFound
from fleet.git.mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fleet.git.process import Git
    from tests.stage.gitrepo import GitRepo


def test_a_mirror_is_not_made_of_a_url_that_is_refused(git: Git, tmp_path: Path) -> None:
    with pytest.raises(RepositoryRefused):
        Mirror("http://git.example/x", tmp_path / "m", git)
    assert (
        Mirror("http://git.example/x", tmp_path / "m", git, ("http://git.example",)).repo == "git.example/x"
    )


async def test_commits_and_trees_are_read_from_the_folder(
    repo: GitRepo, mirrored: Callable[[], Mirror]
) -> None:
    commit = repo.commit({"apps/a.yaml": "a"})
    mirror = mirrored()
    assert mirror.known(commit)
    assert not mirror.known("1" * 40)
    tree = mirror.tree(commit)
    assert tree.read("apps/a.yaml") == b"a"
    assert {read.repo for read in tree.reads} == {mirror.url}
    await mirror.close()
    assert mirror.tree(commit).read("apps/a.yaml") == b"a"
    await mirror.close()


async def test_known_commits_are_remembered_within_a_bound(
    repo: GitRepo, mirrored: Callable[[], Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.git.mirror._KNOWN", 3)
    commits = [repo.commit({"a": str(number)}) for number in range(6)]
    mirror = mirrored()
    assert all(mirror.known(commit) for commit in commits)
    assert len(mirror._commits) == 3
    await mirror.close()


async def test_a_commit_is_brought_by_its_whole_hash_only(mirrored: Callable[[], Mirror]) -> None:
    mirror = mirrored()
    for name in ("main", "abcdef1", "--upload-pack=x"):
        with pytest.raises(RevisionNotFound, match="whole hash"):
            await mirror.bring(name)
