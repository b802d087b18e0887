"""A mirror's folder: what a killed git left, refs as files, broken refs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.git import folder
from fleet.git.objects import Damaged
from fleet.git.refs import Refs

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.git.objects import Objects
    from fleet.git.process import Git
    from tests.stage.gitrepo import GitRepo


def test_a_folder_is_a_mirror_of_its_own_url_only(git: Git, tmp_path: Path) -> None:
    place = tmp_path / "below" / "mirror"
    assert not folder.opened(place, "h/r")
    folder.make(place, "h/r", git, 40)
    assert folder.opened(place, "h/r")
    assert not folder.opened(place, "h/other")
    assert folder.width(place) == 40
    folder.make(place, "h/r", git, 64)
    assert folder.width(place) == 64


def test_what_a_killed_git_left_is_swept_away(git: Git, tmp_path: Path) -> None:
    place = tmp_path / "mirror"
    folder.make(place, "h/r", git, 40)
    left = ["packed-refs.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_x", "gc.pid", "shallow.lock"]
    kept = ["objects/pack/pack-1.pack", "refs/heads/main"]
    for name in left + kept:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("x")
    assert folder.opened(place, "h/r")
    assert [name for name in left if (place / name).exists()] == []
    assert all((place / name).exists() for name in kept)


def test_refs_are_read_loose_and_packed_with_tags_peeled(repo: GitRepo, objects: Objects) -> None:
    first = repo.commit({"a": "1"})
    repo.tag("light", first)
    repo.tag("packed", first, annotated=True)
    repo.git("pack-refs", "--all")
    second = repo.commit({"a": "2"})
    repo.commit({"a": "3"}, "team/x")
    repo.tag("loose", second, annotated=True)
    repo.git("update-ref", "refs/fleethub/keep/" + first, first)
    found = folder.refs(repo.path, "refs/heads/main", "h/r", objects.peel)
    assert found == Refs(
        {"main": second, "team/x": repo.find("team/x")},
        {"light": first, "packed": first, "loose": second},
        "refs/heads/main",
        "h/r",
    )
    assert folder.kept(repo.path) == {first}
    repo.git("pack-refs", "--all")
    assert folder.refs(repo.path, "refs/heads/main", "h/r", objects.peel) == found
    assert folder.kept(repo.path) == {first}


@pytest.mark.parametrize("name", ["packed-refs", "refs/heads/main"])
def test_a_broken_ref_says_that_the_mirror_is_damaged(repo: GitRepo, objects: Objects, name: str) -> None:
    repo.commit({"a": "1"})
    (repo.path / name).write_text("\0\0\0\0\n")
    with pytest.raises(Damaged):
        folder.refs(repo.path, "", "h/r", objects.peel)


def test_a_folder_with_many_packs_is_crowded(repo: GitRepo) -> None:
    assert not folder.crowded(repo.path)
    for number in range(40):
        (repo.path / "objects" / "pack" / f"pack-{number}.pack").touch()
    assert folder.crowded(repo.path)
