"""Which commit a few digits mean, what contains it, what it changed: compared with what git itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.errors import SourceError
from fleet.git import history

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fleet.git.mirror import Mirror
    from fleet.git.process import Git
    from tests.stage.gitrepo import GitRepo


async def test_a_commit_is_found_by_the_beginning_of_its_hash_and_other_objects_are_not(
    repo: GitRepo, mirrored: Callable[[], Mirror]
) -> None:
    commit = repo.commit({"a": "1"})
    tree = repo.git("rev-parse", f"{commit}^{{tree}}").strip()
    mirror = mirrored()
    for name in (commit, commit[:7], commit[:20]):
        assert await history.find(mirror, name) == (commit,)
    for name in (tree, "0" * 40, commit[:6], "main", "--all", "HEAD", commit[:7].upper()):
        assert await history.find(mirror, name) == ()
    await mirror.close()


async def test_a_mirror_that_was_never_filled_knows_nothing(git: Git, tmp_path: Path) -> None:
    from fleet.git.mirror import Mirror  # noqa: PLC0415

    mirror = Mirror("https://git.example/acme/new.git", tmp_path / "new", git)
    assert await history.find(mirror, "0" * 40) == ()
    await mirror.close()


async def test_tips_that_descend_from_a_commit_near_and_far_contain_it(
    repo: GitRepo, mirrored: Callable[[], Mirror]
) -> None:
    first = repo.commit({"a": "0"})
    line = [repo.commit({"a": str(number)}) for number in range(1, history._NEAR + 10)]
    mirror = mirrored()
    tips = {first, line[0], line[-1], "f" * 40}
    assert await history.containing(mirror, first, tips) == {first, line[0], line[-1]}
    assert await history.containing(mirror, line[0], tips) == {line[0], line[-1]}
    assert await history.containing(mirror, line[-1], tips) == {line[-1]}
    await mirror.close()


async def test_a_merged_branch_is_contained_and_the_merge_brings_what_it_changed(
    repo: GitRepo, mirrored: Callable[[], Mirror]
) -> None:
    base = repo.commit({"a": "1"})
    tree = repo.git("rev-parse", f"{repo.commit({'a': '1', 'b/c': '1'})}^{{tree}}").strip()
    side = repo.git("commit-tree", tree, "-p", base, "-m", "side").strip()
    merge = repo.git("commit-tree", tree, "-p", base, "-p", side, "-m", "merge").strip()
    repo.git("update-ref", "refs/heads/merged", merge)
    mirror = mirrored()
    assert await history.containing(mirror, side, {merge, base}) == {merge}
    assert (await history.introduced(mirror, merge)).paths == {"b/c"}
    await mirror.close()


async def test_the_first_commit_brings_all_that_it_has(repo: GitRepo, mirrored: Callable[[], Mirror]) -> None:
    commit = repo.commit({"a": "1", "b/c": "1"})
    later = repo.commit({"a": "2"})
    mirror = mirrored()
    found = await history.introduced(mirror, commit)
    assert found.paths == found.reshaped == {"a", "b/c"}
    assert (await history.introduced(mirror, later)).paths == {"a"}
    with pytest.raises(SourceError):
        await history.introduced(mirror, "0" * 40)
    await mirror.close()
