"""What a parent on a member says, whoever wrote it."""

from __future__ import annotations

import orjson
import pytest

from fleet import names
from fleet.model import ApplicationKey, Meta, ObjectRef, Revision, TargetKey
from fleet.sync import parent
from fleet.sync.sets import set_id

TARGET = TargetKey(ApplicationKey("fleethub", "app"), "eu")
COMMIT = "c" * 40


def revisions(written: object) -> tuple[Revision, ...]:
    """What is read of a parent in which this stands."""
    meta = Meta(
        ObjectRef("", "ConfigMap", "fleethub", "app"),
        "uid",
        "1",
        {names.APPLYSET_ID: set_id(TARGET, "fleethub")},
        {
            names.APPLYSET_TOOLING: f"{names.PRODUCT}/1",
            names.SET_APPLICATION: str(TARGET.application),
            names.SET_REVISIONS: orjson.dumps(written).decode(),
        },
    )
    found = parent.read(meta, "eu")
    assert found is not None
    return found.recorded.revisions


def test_commits_and_versions_of_charts_are_read() -> None:
    written = [
        {"repo": "https://git.example/shop", "commit": COMMIT, "ref": "refs/heads/main"},
        {"repo": "https://charts.example", "commit": "1.2.3", "ref": "1.x"},
    ]
    assert [one.commit for one in revisions(written)] == [COMMIT, "1.2.3"]


@pytest.mark.parametrize("wrong", [["x"], 5, None, {"a": "b"}])
@pytest.mark.parametrize("field", ["repo", "commit", "ref"])
def test_a_revision_with_anything_but_words_is_none(field: str, wrong: object) -> None:
    good = {"repo": "https://git.example/shop", "commit": COMMIT, "ref": ""}
    assert revisions([good]) == (Revision("https://git.example/shop", COMMIT, ""),)
    assert revisions([{**good, field: wrong}]) == ()
