"""Field paths in people's spelling."""

from __future__ import annotations

import pytest

from fleet.ownership.entries import Path
from fleet.ownership.fieldpath import ITEM, pattern, readable


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), "spec.replicas"),
        (
            ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"web"}', "f:image"),
            "spec.template.spec.containers[name=web].image",
        ),
        (
            ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name"),
            "spec.ports[port=80,protocol=TCP].name",
        ),
        (("f:metadata", "f:annotations", "f:a.example/b"), "metadata.annotations[a.example/b]"),
        (("f:data", "f:plain-key_1"), "data.plain-key_1"),
        (("f:spec", "f:args", "i:2"), "spec.args[2]"),
    ],
)
def test_paths_read_as_people_write_them(path: Path, text: str) -> None:
    assert readable(path) == text


@pytest.mark.parametrize("step", ['v:"hunter2"', 'k:{"x":{"y":"hunter2"}}', "k:hunter2"])
def test_an_item_that_is_its_own_value_is_masked(step: str) -> None:
    assert readable(("f:spec", "f:tags", step)) == "spec.tags[*]"


def test_a_step_is_never_longer_than_a_line() -> None:
    assert len(readable(("f:data", "f:" + "x" * 5000))) < 100
    assert len(readable(("f:a", 'k:{"name":"' + "x" * 5000 + '"}'))) < 100


@pytest.mark.parametrize(
    ("field", "steps"),
    [
        ("spec.ports[1].name", ("f:spec", "f:ports", ITEM, "f:name")),
        ("spec.containers[0].ports[1]", ("f:spec", "f:containers", ITEM, "f:ports", ITEM)),
        ("metadata.annotations[a.example/b]", ("f:metadata", "f:annotations", "f:a.example/b")),
        ("spec.replicas", ("f:spec", "f:replicas")),
        ("", ()),
    ],
)
def test_a_refused_field_is_read(field: str, steps: Path) -> None:
    assert pattern(field) == steps
