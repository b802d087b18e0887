"""Promotions on a real remote: at once, beside, and where nobody may push."""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleet.cli.environments.repository import Repository
from fleet.cli.environments.running import Running
from fleet.cli.errors import CliError
from fleet.cli.promote import landing, plan
from fleet.cli.promote.landing import Change
from fleet.cli.promote.message import Promotion
from tests.stage.gitrepo import ENVIRONMENT, GitRepo

TEXT = "Promote\n\nPromoted-From: staging\n"


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def remote(tmp_path: Path) -> GitRepo:
    repo = GitRepo(tmp_path / "remote.git")
    repo.commit({"a.yaml": "a: 1\n", "b.yaml": "b: 1\n", "c/d.yaml": "d\n"})
    return repo


def clone(remote: GitRepo, name: str = "clone") -> Repository:
    folder = remote.path.parent / name
    subprocess.run(["git", "clone", "--quiet", str(remote.path), str(folder)], check=True, env=ENVIRONMENT)
    return Repository.of(folder)


def test_two_at_once_both_land_and_the_clone_stays_as_it_is(remote: GitRepo) -> None:
    # Both have read the branch before either pushes, and b pushes when a has, so that b has to begin anew.
    meet, first = threading.Barrier(2), threading.Event()
    looked = []

    def promote(name: str) -> None:
        repository, waited = clone(remote, f"clone-{name}"), False

        def make(base: str) -> Change:
            nonlocal waited
            looked.append(base)
            if not waited:
                waited = True
                meet.wait(30)
                assert name == "a" or first.wait(30)
            (old,) = repository.read(base, [f"{name}.yaml"])
            assert old is not None
            return Change({f"{name}.yaml": old.replace(b"1", b"2")}, TEXT)

        landing.directly(repository, "main", make)
        first.set()
        assert (repository.root / f"{name}.yaml").read_text() == f"{name}: 1\n"

    with ThreadPoolExecutor(2) as both:
        list(both.map(promote, ["a", "b"]))
    assert len(looked) == 3
    assert remote.git("show", "main:a.yaml") == "a: 2"
    assert remote.git("show", "main:b.yaml") == "b: 2"
    assert remote.git("rev-list", "--count", "main") == "3"


def test_where_nobody_may_push_it_says_so_and_a_branch_takes_it(remote: GitRepo) -> None:
    hook = remote.path / "hooks" / "pre-receive"
    hook.write_text(
        '#!/bin/sh\nwhile read old new ref; do [ "$ref" = refs/heads/main ] && exit 1; done; exit 0\n'
    )
    hook.chmod(0o755)
    repository = clone(remote)
    before = remote.find("main")

    def make(_: str) -> Change:
        return Change({"c/d.yaml": b"e\n"}, TEXT)

    with pytest.raises(CliError) as caught:
        landing.directly(repository, "main", make)
    assert "lets nobody push to main" in caught.value.message
    assert "--pull-request" in caught.value.hint
    landed = landing.beside(repository, "main", "promote", make)
    assert remote.find("main") == before
    assert remote.git("show", "promote:c/d.yaml") == "e"
    assert remote.git("rev-parse", "promote^") == before
    # Again, it is left as it is; once the base has moved, it is made anew.
    assert landing.beside(repository, "main", "promote", make) == landed
    moved = remote.commit({"other": "x"})
    again = landing.beside(repository, "main", "promote", make)
    assert again.commit == remote.find("promote")
    assert remote.git("rev-parse", "promote^") == moved


def test_a_branch_of_others_is_left_alone(remote: GitRepo) -> None:
    theirs = remote.commit({"x": "theirs"}, "work")
    with pytest.raises(CliError) as caught:
        landing.beside(clone(remote), "main", "work", lambda _: Change({"a.yaml": b"a: 2\n"}, TEXT))
    assert "holds commits that are no promotion" in caught.value.message
    assert remote.find("work") == theirs
    # Nor are commits lost that lie below a promotion, and the base is no branch beside itself.
    repository = clone(remote, "other")
    above = repository.commit(repository.fetch("work"), {"x": b"more"}, TEXT)
    repository.push(above, "work", theirs)
    for branch, why in (("work", "holds commits that are no promotion"), ("main", "is the branch itself")):
        with pytest.raises(CliError) as caught:
            landing.beside(repository, "main", branch, lambda _: Change({"a.yaml": b"2\n"}, TEXT))
        assert why in caught.value.message
    assert remote.find("work") == above


def test_what_somebody_else_wrote_in_between_is_not_taken_back(remote: GitRepo) -> None:
    def promotion(old: str, new: str) -> Promotion:
        change = plan.Change(("spec", "source", "targetRevision"), old, new)
        return Promotion(
            "shop", "environments/prod/shop.yaml", b"", b"", Running("x"), plan.Plan(changes=[change])
        )

    shown, first, before = [promotion("a", "b")], True, remote.find("main")

    def make(_: str) -> Change:
        nonlocal first
        made, first = ([promotion("a", "b")] if first else [promotion("c", "b")]), False
        landing.overtaken(shown, made)
        nonlocal before
        before = remote.commit({"a.yaml": "a: 2\n"})  # a later promotion of the same is faster
        return Change({"a.yaml": b"a: 0\n"}, TEXT)

    with pytest.raises(CliError) as caught:
        landing.directly(clone(remote), "main", make)
    assert "spec.source.targetRevision was changed in the meantime, to c" in caught.value.message
    assert remote.find("main") == before
    landing.overtaken(shown, [])  # somebody has promoted the same


def test_names_are_taken_as_they_are(remote: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    head = remote.find("main")
    remote.commit({"x": "other"}, "a/refs/heads/main")
    repository = clone(remote)
    assert repository.fetch("main") == head
    assert repository.fetch("none") == ""
    for name in ("", "*", "main:refs/heads/x", "a b", "a..b"):
        with pytest.raises(CliError) as caught:
            repository.fetch(name)
        assert "cannot be named" in caught.value.message
    assert repository.fetch("--upload-pack=touch") == ""
    with pytest.raises(CliError) as caught:
        Repository.of(repository.root, "--upload-pack=touch")
    assert "has no remote" in caught.value.message
    # Files whose names git would quote, or which would be taken for two.
    odd = 'c/"q" \u00e9'
    commit = remote.commit({'c/\\"q\\" \u00e9': "1", "c/a\\nHEAD:b.yaml": "2"})
    repository.fetch("main")
    assert repository.files(commit, "c") == (odd, "c/d.yaml")
    landing.directly(repository, "main", lambda _: Change({odd: b"2"}, TEXT))
    assert remote.git("show", f"main:{odd}") == "2"
    assert remote.git("rev-list", "--count", "main") == "3"
    # In a hook of another repository it is still this one.
    monkeypatch.setenv("GIT_DIR", str(remote.path.parent / "nowhere"))
    assert Repository.of(repository.root).top == repository.top


def test_nothing_to_change_is_no_commit(remote: GitRepo) -> None:
    before = remote.find("main")
    assert landing.directly(clone(remote), "main", lambda _: Change({}, "")).commit == ""
    assert remote.find("main") == before


def test_a_folder_that_is_no_clone_says_so(tmp_path: Path) -> None:
    with pytest.raises(CliError) as caught:
        Repository.of(tmp_path)
    assert "is no clone of a repository" in caught.value.message


def test_history_is_counted_both_ways(remote: GitRepo) -> None:
    first = remote.find("main")
    second = remote.commit({"a.yaml": "a: 3\n"})
    repository = clone(remote)
    assert (repository.count(first, second), repository.count(second, first)) == (1, 0)
    assert repository.count(first, "f" * 40) is None
    assert repository.files(second, "c") == ("c/d.yaml",)
    assert repository.read(second, ["none", "c/d.yaml", "c", "a.yaml"]) == (None, b"d\n", None, b"a: 3\n")
