"""Trees read from the object store: paths, links, and what is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.errors import LinkRefused, PathNotFound, SourceError
from fleet.git.objects import LARGEST
from fleet.model import Read
from tests.stage.gitrepo import Content, GitRepo, Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.git.objects import Objects
    from fleet.git.tree import Tree

    Grow = Callable[[dict[str, Content]], Tree]


@pytest.fixture
def grow(repo: GitRepo, objects: Objects) -> Grow:
    return lambda files: objects.tree(repo.commit(files))


def test_files_and_directories_are_read_without_a_checkout(grow: Grow) -> None:
    tree = grow({"apps/b.yaml": "b", "apps/a.yaml": "a", "apps/sub/c.yaml": "c"})
    assert tree.read("apps/a.yaml") == b"a"
    assert tree.read("./apps//sub/../b.yaml") == b"b"
    assert [(entry.name, entry.path, entry.is_directory) for entry in tree.list("apps/")] == [
        ("a.yaml", "apps/a.yaml", False),
        ("b.yaml", "apps/b.yaml", False),
        ("sub", "apps/sub", True),
    ]
    assert [entry.name for entry in tree.list("")] == ["apps"]
    assert tree.entry("") == tree.entry(".")


def test_every_look_up_is_recorded_with_its_hash(grow: Grow, repo: GitRepo) -> None:
    tree = grow({"apps/a.yaml": "a", "other": "o"})
    tree.read("apps/a.yaml")
    tree.list("apps")
    assert {(read.path, read.oid) for read in tree.reads} == {
        ("apps/a.yaml", repo.find("main:apps/a.yaml")),
        ("apps", repo.find("main:apps")),
    }
    assert {read.repo for read in tree.reads} == {"git.example/acme/deploy"}


def test_what_is_absent_is_recorded_from_the_first_missing_step(grow: Grow) -> None:
    tree = grow({"apps/a.yaml": "a"})
    assert tree.entry("apps/values-eu.yaml") is None
    assert tree.entry("base/deep/file") is None
    assert {(read.path, read.oid) for read in tree.reads} == {
        ("apps/values-eu.yaml", None),
        ("base", None),
        ("base/deep/file", None),
    }
    with pytest.raises(PathNotFound, match="base"):
        tree.list("base")
    with pytest.raises(PathNotFound, match=r"apps/none\.yaml"):
        tree.read("apps/none.yaml")


def test_a_file_on_the_way_is_recorded_too(grow: Grow, repo: GitRepo) -> None:
    tree = grow({"apps": "a file"})
    assert tree.entry("apps/x/y") is None
    assert Read("git.example/acme/deploy", "apps", repo.find("main:apps")) in tree.reads
    assert {read.path for read in tree.reads} == {"apps", "apps/x", "apps/x/y"}


def test_links_are_followed_and_each_step_is_recorded(grow: Grow, repo: GitRepo) -> None:
    tree = grow(
        {
            "apps/x/values.yaml": Link("../../shared/current/values.yaml"),
            "shared/current": Link("v2"),
            "shared/v2/values.yaml": "v: 2",
        }
    )
    assert tree.read("apps/x/values.yaml") == b"v: 2"
    assert {(read.path, read.oid) for read in tree.reads} == {
        ("apps/x/values.yaml", repo.find("main:apps/x/values.yaml")),
        ("shared/current", repo.find("main:shared/current")),
        ("shared/v2/values.yaml", repo.find("main:shared/v2/values.yaml")),
    }


def test_an_entry_through_links_tells_where_it_really_lies(grow: Grow) -> None:
    tree = grow({"a": Link("b"), "b/c": "c"})
    entry = tree.entry("a/c")
    assert entry is not None
    assert entry.path == "b/c"
    assert [listed.path for listed in tree.list("a")] == ["b/c"]
    assert next(listed for listed in tree.list("") if listed.name == "a").is_link


def test_a_dangling_link_is_absent_where_it_points_to(grow: Grow) -> None:
    tree = grow({"apps/a": Link("../base/none")})
    assert tree.entry("apps/a") is None
    assert {(read.path, read.oid is None) for read in tree.reads} == {
        ("apps/a", False),
        ("base", True),
        ("base/none", True),
    }


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "../../../../../etc/passwd", ".././../secret"])
def test_a_link_that_leaves_the_repository_is_refused_by_name(grow: Grow, target: str) -> None:
    tree = grow({"apps/leak.yaml": Link(target)})
    with pytest.raises(LinkRefused, match=r"apps/leak\.yaml leaves the repository"):
        tree.read("apps/leak.yaml")
    assert Read in {type(read) for read in tree.reads}


def test_links_in_a_circle_are_refused_by_name(grow: Grow) -> None:
    tree = grow({"a": Link("b"), "b": Link("a"), "c": Link("c/c")})
    with pytest.raises(LinkRefused, match="circle"):
        tree.entry("a")
    with pytest.raises(LinkRefused, match="the link c turns in a circle"):
        tree.entry("c/d")


def test_a_path_that_leaves_the_repository_is_not_found(grow: Grow) -> None:
    tree = grow({"a": "a"})
    with pytest.raises(PathNotFound, match="leaves the repository"):
        tree.entry("../a")


def test_a_submodule_is_not_entered(repo: GitRepo, objects: Objects) -> None:
    commit = repo.commit({"a": "a"})
    repo.git("update-ref", "refs/heads/sub", commit)
    listing = f"160000 commit {commit}\tmodule\n"
    made = repo.git("mktree", stdin=listing.encode())
    tree = objects.tree(repo.git("commit-tree", "-m", "x", made))
    entry = tree.entry("module")
    assert entry is not None
    assert not any((entry.is_file, entry.is_directory, entry.is_link))
    assert tree.entry("module/file") is None
    with pytest.raises(PathNotFound, match="submodule"):
        tree.list("module")


def test_names_of_a_hostile_tree_never_leave_it(repo: GitRepo, objects: Objects) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    raw = b"".join(
        b"100644 " + name + b"\0" + bytes.fromhex(blob) for name in (b"..", b".git", b"a/b", b"ok")
    )
    made = repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    tree = objects.tree(repo.git("commit-tree", "-m", "x", made))
    assert [entry.name for entry in tree.list("")] == ["ok"]


def test_a_name_that_is_no_utf_8_is_still_text(repo: GitRepo, objects: Objects) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    made = repo.git("mktree", "-z", stdin=f"100644 blob {blob}\t".encode() + b"caf\xe9.yaml\0")
    tree = objects.tree(repo.git("commit-tree", "-m", "x", made))
    assert [entry.name for entry in tree.list("")] == ["caf\\xe9.yaml"]
    assert tree.read("caf\\xe9.yaml") == b"x"


def test_a_file_that_is_too_large_is_refused_and_the_next_is_read(grow: Grow) -> None:
    tree = grow({"big": b"x" * (LARGEST + 1), "small": "s"})
    with pytest.raises(SourceError, match="larger than"):
        tree.read("big")
    assert tree.read("small") == b"s"
