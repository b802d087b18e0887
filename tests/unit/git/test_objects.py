"""The object store: one process, restarted when it dies, shared by threads."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from fleet.git import objects as module
from fleet.git.objects import Damaged, Objects
from tests.stage.gitrepo import GitRepo

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.git.process import Git


def test_objects_that_come_later_are_seen(repo: GitRepo, objects: Objects) -> None:
    first = repo.commit({"a": "1"})
    assert objects.tree(first).read("a") == b"1"
    second = repo.commit({"a": "2"})
    assert objects.known(second)
    repo.git("repack", "-adq")
    third = repo.commit({"b": "3"})
    assert objects.tree(third).read("a") == b"2"
    assert not objects.damaged


def test_a_process_that_was_killed_is_started_again(repo: GitRepo, objects: Objects) -> None:
    commit = repo.commit({"a": "1", "b": "2"})
    assert objects.tree(commit).read("a") == b"1"
    assert objects._process is not None
    os.kill(objects._process._process.pid, signal.SIGKILL)
    assert objects.tree(commit).read("b") == b"2"


def test_threads_share_it(repo: GitRepo, objects: Objects) -> None:
    commit = repo.commit({f"d{number}/f": str(number) for number in range(50)})

    def read(number: int) -> bytes:
        return objects.tree(commit).read(f"d{number}/f")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(50))) == [str(number).encode() for number in range(50)]


def test_only_commits_are_known(repo: GitRepo, objects: Objects) -> None:
    commit = repo.commit({"a": "1"})
    tag = repo.tag("v1", commit, annotated=True)
    assert objects.known(commit)
    assert not objects.known(tag)
    assert not objects.known(repo.find("main:a"))
    assert not objects.known("0" * 39 + "1")


def test_a_tag_of_a_tag_shows_the_commit(repo: GitRepo, objects: Objects) -> None:
    commit = repo.commit({"a": "1"})
    outer = repo.tag("v2", repo.tag("v1", commit, annotated=True), annotated=True)
    assert objects.peel(outer) == commit
    assert objects.peel(commit) == commit
    assert objects.peel(repo.find("main:a")) == repo.find("main:a")


def test_parents_are_those_of_the_commit(repo: GitRepo, objects: Objects) -> None:
    first = repo.commit({"a": "1"})
    second = repo.commit({"a": "2"})
    assert objects.parents(second) == (first,)
    assert objects.parents(first) == ()
    assert objects.parents("0" * 39 + "1") == ()


def test_a_missing_object_says_that_the_mirror_is_damaged(repo: GitRepo, objects: Objects) -> None:
    commit = repo.commit({"a": "content"})
    blob = repo.find("main:a")
    (repo.path / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)
    for pack in (repo.path / "objects" / "pack").iterdir():
        pack.unlink()
    with pytest.raises(Damaged):
        objects.tree(commit).read("a")
    assert objects.damaged
    objects.forget()
    assert not objects.damaged


def test_parsed_trees_are_bounded(repo: GitRepo, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ENTRIES", 10)
    commit = repo.commit({f"d{number}/f": str(number) for number in range(20)})
    tree = objects.tree(commit)
    for number in range(20):
        assert tree.read(f"d{number}/f") == str(number).encode()
    assert objects._entries <= 21 + 2


def test_a_repository_of_sha_256_is_read(git: Git, tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "new.git", form="sha256")
    commit = repo.commit({"a/b": "1", "a/c": "2"})
    objects = Objects("r", lambda: git.converse(["cat-file", "--batch"], folder=repo.path))
    assert objects.tree(commit).read("a/c") == b"2"
    objects.close()
