"""Names of revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.errors import RevisionAmbiguous, RevisionNotFound
from fleet.git.refs import Refs, backward, listed, resolve
from fleet.model import Revision

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.git.mirror import Mirror
    from tests.stage.gitrepo import GitRepo

A, B, C = "a" * 40, "b" * 40, "c" * 40
REFS = Refs({"main": A, "feature/x": B, "both": A}, {"v1": C, "both": A}, "refs/heads/main", "git.example/r")


def yes(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("name", "commit", "ref"),
    [
        ("main", A, "refs/heads/main"),
        ("feature/x", B, "refs/heads/feature/x"),
        ("refs/heads/main", A, "refs/heads/main"),
        ("v1", C, "refs/tags/v1"),
        ("refs/tags/v1", C, "refs/tags/v1"),
        ("HEAD", A, "refs/heads/main"),
        ("", A, "refs/heads/main"),
        ("refs/heads/both", A, "refs/heads/both"),
        ("refs/tags/both", A, "refs/tags/both"),
        (B, B, ""),
        (B.upper(), B, ""),
        ("d" * 64, "d" * 64, ""),
    ],
)
def test_branches_tags_head_and_commits_are_resolved(name: str, commit: str, ref: str) -> None:
    assert resolve(name, REFS, yes) == Revision("git.example/r", commit, ref)


def test_one_name_for_a_branch_and_a_tag_is_said_even_where_both_show_the_same_commit() -> None:
    with pytest.raises(RevisionAmbiguous, match="write refs/heads/both or refs/tags/both"):
        resolve("both", REFS, yes)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none", "no branch or tag is called none"),
        ("refs/heads/none", "refs/heads/none is not in the repository"),
        ("refs/pull/1/head", "only these are read"),
        ("abcdef1", "whole hash"),
        ("--upload-pack=x", "no branch or tag"),
        ("main~1", "no branch or tag"),
        ("main\nx", "no name of a branch"),
        ("x" * 300, "no name of a branch"),
    ],
)
def test_other_names_are_not_found(name: str, text: str) -> None:
    with pytest.raises(RevisionNotFound, match=text):
        resolve(name, REFS, yes)


def test_a_commit_that_the_mirror_lacks_is_not_found() -> None:
    for name in (B, "main"):
        with pytest.raises(RevisionNotFound):
            resolve(name, REFS, lambda _: False)


def test_a_detached_head_says_what_to_do() -> None:
    with pytest.raises(RevisionNotFound, match="name one"):
        resolve("HEAD", Refs({"main": A}), yes)


def test_the_lines_of_ls_remote() -> None:
    output = (
        f"ref: refs/heads/main\tHEAD\n{A}\tHEAD\n{A}\trefs/heads/main\n{B}\trefs/heads/x/y\n"
        f"{C}\trefs/pull/1/head\n{C}\trefs/tags/v1\n{B}\trefs/tags/v1^{{}}\n{A}\trefs/tags/light\n"
    ).encode()
    assert listed(output, "r") == Refs({"main": A, "x/y": B}, {"v1": B, "light": A}, "refs/heads/main", "r")


def test_a_head_that_names_nothing_is_none() -> None:
    assert listed(f"{A}\tHEAD\n".encode(), "").head == ""
    assert listed(f"ref: refs/heads/gone\tHEAD\n{A}\trefs/heads/main\n".encode(), "").head == ""
    assert listed(b"", "") == Refs()


async def test_a_branch_goes_backward_only_to_an_ancestor(
    repo: GitRepo, mirrored: Callable[[], Mirror]
) -> None:
    commits = [repo.commit({"a": str(number)}) for number in range(40)]
    other = repo.commit({"a": "other"}, "side", parent=commits[3])
    mirror = mirrored()
    assert await backward(mirror, commits[9], commits[3])
    assert await backward(mirror, commits[39], commits[0])
    assert not await backward(mirror, commits[3], commits[9])
    assert not await backward(mirror, commits[0], commits[39])
    assert not await backward(mirror, commits[3], commits[3])
    assert not await backward(mirror, commits[9], other)
    assert not await backward(mirror, "1" * 40, commits[3])
    await mirror.close()
