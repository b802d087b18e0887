"""Who reads what a commit changed, and up to which commit a desired state is right."""

from fleet.git.diff import Changed
from fleet.hub.readers import Following, Readers
from fleet.model import ApplicationKey, Read

A, B, C = (ApplicationKey("hub", name) for name in "abc")
MAIN, TOPIC = Following("repo", "main"), Following("repo", "topic")


def reads(*paths: str) -> frozenset[Read]:
    return frozenset(Read("repo", path, None) for path in paths)


def test_what_a_commit_changed_is_held_against_all_who_follow_its_repository():
    readers = Readers()
    for key, following in ((A, MAIN), (B, TOPIC), (C, Following("other", "main"))):
        readers.follow(key, [following])
        readers.computed(key, {following: "1"}, reads("apps", f"apps/{key.name}.yaml"))
    one = Changed(frozenset({"apps/b.yaml"}), frozenset())
    assert readers.touched("repo", one) == {B}
    new = Changed(frozenset({"apps/new.yaml"}), frozenset({"apps/new.yaml"}))
    assert readers.touched("repo", new) == {A, B}
    assert readers.reads(A) == {"apps", "apps/a.yaml"}
    assert readers.reads(ApplicationKey("hub", "none")) == frozenset()


def test_a_desired_state_is_right_up_to_the_newest_commit_that_did_not_concern_it():
    readers = Readers()
    for key in (A, B):
        readers.follow(key, [MAIN])
        assert readers.computed_from(key) == ""
        readers.computed(key, {MAIN: "1"}, reads(f"{key.name}.yaml"))
    change = Changed(frozenset({"b.yaml"}), frozenset())
    assert readers.concerned(MAIN, "2", {"1": change}) == {B}
    assert (readers.computed_from(A), readers.computed_from(B)) == ("2", "1")
    readers.looked(B, reads("c.yaml"))
    assert readers.computed_from(B) == "1"
    readers.computed(B, {MAIN: "2"}, reads("b.yaml"))
    assert readers.computed_from(B) == "2"
    assert readers.computed_from(C) == ""


def test_who_follows_several_repositories_is_concerned_by_each_and_right_up_to_its_own_commit_of_each():
    readers = Readers()
    other = Following("other", "main")
    readers.follow(A, [MAIN, other])
    readers.computed(A, {MAIN: "1", other: "7"}, {*reads("apps"), Read("other", "values.yaml", None)})
    readers.follow(B, [MAIN])
    readers.computed(B, {MAIN: "1"}, reads("apps"))
    assert readers.concerned(other, "8", {"7": Changed(frozenset({"apps"}), frozenset())}) == set()
    assert (readers.computed_from(A), readers.computed_from(A, "other")) == ("1", "8")
    assert readers.concerned(other, "9", {"8": Changed(frozenset({"values.yaml"}), frozenset())}) == {A}
    assert (readers.computed_from(A), readers.computed_from(A, "other")) == ("1", "8")
    assert readers.concerned(MAIN, "2", {"1": Changed(frozenset({"values.yaml"}), frozenset())}) == set()
    readers.follow(A, [MAIN])
    assert readers.repositories() == {"repo"}
    assert readers.concerned(MAIN, "3", {"2": Changed(frozenset({"apps"}), frozenset())}) == {A, B}
