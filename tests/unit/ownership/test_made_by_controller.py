"""An object that a controller made of one of the same name: it changes hands with all that the controller wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleet.model import Meta, ObjectRef, OwnerRef
from fleet.ownership import entries, patches
from tests.unit.ownership.objects import meta, ours, record

KIND = "SealedSecret"
DB = ObjectRef("", "Secret", "shop", "db")
MAKER = OwnerRef(KIND, "db", "u-1", controller=True)
OTHER = OwnerRef(KIND, "other", "u-2", controller=True)
NONE: frozenset[Any] = frozenset()


def wrote(uid: str) -> dict[str, Any]:
    """What a controller's entry holds."""
    return {
        "f:data": {"f:password": {}},
        "f:metadata": {
            "f:annotations": {"f:sealedsecrets.bitnami.com/managed": {}},
            "f:ownerReferences": {".": {}, f'k:{{"uid":"{uid}"}}': {}},
        },
    }


def secret(*records: dict[str, Any], owners: tuple[OwnerRef, ...] = (MAKER,)) -> Meta:
    return replace(meta(*records, ref=DB), owners=owners)


def held(operations: list[patches.Operation] | None, manager: str) -> frozenset[entries.Path]:
    """What the entry of a manager holds after a patch."""
    assert operations is not None
    (written,) = [one["value"] for one in operations if one["path"] == "/metadata/managedFields"]
    found = [entries.paths_of(one["fieldsV1"]) for one in written if one["manager"] == manager]
    return found[0] if found else frozenset()


def test_whoever_wrote_the_reference_hands_over_all_else_that_it_wrote() -> None:
    before = secret(record("whatever-it-is-called", "Update", wrote("u-1")))
    mine = held(patches.adopt(before, NONE, NONE, KIND), "fleethub")
    assert ("f:data", "f:password") in mine
    assert ("f:metadata", "f:annotations", "f:sealedsecrets.bitnami.com/managed") in mine
    assert not any("f:ownerReferences" in path for path in mine)
    assert held(patches.inherit(before, KIND), "fleethub") == mine


def test_what_others_wrote_stays_theirs() -> None:
    label = {"f:metadata": {"f:labels": {"f:team": {}}}}
    before = secret(record("controller", "Update", wrote("u-1")), record("labeller", "Update", label))
    assert held(patches.adopt(before, NONE, NONE, KIND), "labeller") == entries.paths_of(label)
    assert patches.inherit(secret(ours(), record("labeller", "Update", label)), KIND) is None


def test_a_controller_of_another_object_keeps_what_it_wrote() -> None:
    for uid, owner in (("u-2", OTHER), ("u-1", MAKER._replace(controller=False))):
        before = secret(record("controller", "Update", wrote(uid)), owners=(owner,))
        assert patches.adopt(before, NONE, NONE, KIND) is None
        assert patches.disown(before, KIND) is None
    before = secret(record("controller", "Update", wrote("u-1")))
    assert patches.adopt(before, NONE, NONE) is None


def test_its_reference_alone_is_taken_away() -> None:
    first = patches.disown(secret(), KIND)
    assert first is not None
    assert [one["path"] for one in first[1:]] == ["/metadata/ownerReferences"]
    second = patches.disown(secret(owners=(OTHER, MAKER)), KIND)
    assert second is not None
    assert [one["path"] for one in second[1:]] == ["/metadata/ownerReferences/1"]


def test_a_mark_is_set_once_and_on_an_object_without_annotations_too() -> None:
    bare = replace(secret(), annotations={})
    name = "sealedsecrets.bitnami.com/managed"
    operations = patches.mark(bare, name)
    assert operations is not None
    assert [one["op"] for one in operations] == ["test", "add", "add"]
    assert operations[2]["path"] == "/metadata/annotations/sealedsecrets.bitnami.com~1managed"
    assert patches.mark(replace(bare, annotations={name: "true"}), name) is None
