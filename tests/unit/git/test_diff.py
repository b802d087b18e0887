"""Differences of commits, compared with what git itself says."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from fleet.errors import SourceError
from fleet.git import diff
from tests.stage.gitrepo import Content, GitRepo, Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.git.mirror import Mirror


async def test_files_that_came_went_or_changed_are_named(
    repo: GitRepo, mirrored: Callable[[], Mirror]
) -> None:
    old = repo.commit({"a/x": "1", "a/y": "1", "b/z": "1", "same/s": "1", "kind": "1"})
    new = repo.commit({"a/x": "2", "a/y": None, "c/new": "1", "kind": Link("a")})
    mirror = mirrored()
    found = await diff.changed(mirror, old, new)
    assert found.paths == {"a/x", "a/y", "c/new", "kind"}
    assert found.reshaped == {"a/y", "c/new", "kind"}
    assert (await diff.changed(mirror, old, old)).paths == frozenset()
    await mirror.close()


async def test_a_directory_in_place_of_a_file_is_both(repo: GitRepo, mirrored: Callable[[], Mirror]) -> None:
    old = repo.commit({"a": "1", "b": "1"})
    new = repo.commit({"a": None, "a/x": "1"})
    mirror = mirrored()
    assert (await diff.changed(mirror, old, new)).reshaped == {"a", "a/x"}
    assert (await diff.changed(mirror, new, old)).reshaped == {"a", "a/x"}
    await mirror.close()


async def test_it_agrees_with_git_on_random_histories(repo: GitRepo, mirrored: Callable[[], Mirror]) -> None:
    chance = random.Random(7)  # noqa: S311 (the same each time)
    commits = []
    for _ in range(12):
        files: dict[str, Content] = {}
        for _ in range(6):
            top, below, leaf = chance.choice("abc"), chance.choice("xyz"), chance.choice(["f", "g", "h"])
            files[f"{top}/{below}/{leaf}"] = chance.choice([None, "1", "2", Link("f")])
        commits.append(repo.commit(files))
    mirror = mirrored()
    for old, new in zip(commits, commits[1:] + commits[:1], strict=True):
        lines = repo.git("diff-tree", "-r", "--no-renames", "--name-status", old, new).splitlines()
        told = {path: letter for letter, path in (line.split("\t") for line in lines)}
        found = await diff.changed(mirror, old, new)
        assert found.paths == set(told)
        assert found.reshaped == {path for path, letter in told.items() if letter in "ADT"}
    await mirror.close()


async def test_a_commit_that_is_not_there_is_an_error(repo: GitRepo, mirrored: Callable[[], Mirror]) -> None:
    commit = repo.commit({"a": "1"})
    mirror = mirrored()
    with pytest.raises(SourceError):
        await diff.changed(mirror, "1" * 40, commit)
    await mirror.close()


async def test_a_tree_that_repeats_itself_without_end_is_given_up(
    repo: GitRepo, mirrored: Callable[[], Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff, "MOST_PATHS", 1000)
    old = repo.commit({"a": "1"})
    made = repo.find("main^{tree}")
    for _ in range(8):
        lines = "".join(f"040000 tree {made}\t{number}\n" for number in range(8))
        made = repo.git("mktree", stdin=lines.encode())
    new = repo.git("commit-tree", "-m", "x", made)
    repo.git("update-ref", "refs/heads/bomb", new)
    mirror = mirrored()
    with pytest.raises(SourceError, match="more than 1000"):
        await diff.changed(mirror, old, new)
    await mirror.close()
