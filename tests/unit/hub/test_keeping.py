"""Which commits a mirror holds on to."""

from __future__ import annotations

from fleet.hub import keeping
from fleet.model import ApplicationKey, Recorded, Revision, TargetKey

URL = "https://git.example/shop"
COMMIT, OTHER = "c" * 40, "d" * 64


def recorded(*commits: str) -> Recorded:
    """A parent that names these."""
    target = TargetKey(ApplicationKey("fleethub", "app"), "eu")
    return Recorded(target, tuple(Revision(URL, commit) for commit in commits), "render", "")


def test_whole_hashes_are_kept_and_what_else_a_parent_names_is_not() -> None:
    found = keeping.commits(URL, [recorded(COMMIT, "a\nb", "1.2.3", "", "c" * 39), recorded(OTHER)], [])
    assert found == {COMMIT, OTHER}


def test_commits_of_another_repository_are_not_kept() -> None:
    assert keeping.commits("https://git.example/other", [recorded(COMMIT)], []) == frozenset()
