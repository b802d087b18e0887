"""Renders on disk: what survives a restart, what a crash leaves, what is thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.model import Fault, Manifest, ObjectRef, Origin, Read, Rendered
from fleet.render.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path


def _rendered(key: str, size: int = 10) -> Rendered:
    ref = ObjectRef("apps", "Deployment", "ns", "web")
    manifest = Manifest(
        ref, "v1", b'"' + b"x" * size + b'"', Origin("a.yaml", 2), 3, "Sync", frozenset({"A"})
    )
    fault = Fault(ref, "InvalidManifest", "text", "spec", transient=True)
    return Rendered(
        key, (manifest,), (fault,), frozenset(), "helm v4", ("warned",), "in", "out", general=False
    )


def test_a_render_is_found_again_after_a_restart_whole(tmp_path: Path) -> None:
    first = Shelf(tmp_path)
    first.put("a", _rendered("a"))
    first.put("b", _rendered("b"))
    later = Shelf(tmp_path)
    assert later.get("a") == _rendered("a")
    assert later.get("c") is None
    assert later.bytes == first.bytes > 0


def test_what_was_looked_up_is_not_kept_since_it_is_of_one_commit(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    read = frozenset({Read("repo", "a.yaml", None)})
    shelf.put("a", Rendered("a", (), reads=read))
    found = shelf.get("a")
    assert found is not None
    assert found.reads == frozenset()


def test_the_least_lately_used_goes_first_also_over_a_restart(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for key in "abc":
        shelf.put(key, _rendered(key, 1000))
    size = shelf.bytes // 3
    assert shelf.get("a") is not None
    later = Shelf(tmp_path, max_bytes=2 * size)
    later.put("d", _rendered("d", 1000))
    assert later.get("b") is None
    assert later.get("d") == _rendered("d", 1000)
    assert later.bytes <= 2 * size
    kept = {path.name for path in tmp_path.glob("*/*")}
    assert kept == {"a", "d"} or kept == {"c", "d"}  # noqa: PLR1714 (times on disk may be equal)


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 400])
def test_a_file_that_is_not_whole_is_a_miss_and_goes(tmp_path: Path, damage: bytes) -> None:
    shelf = Shelf(tmp_path)
    shelf.put("a", _rendered("a"))
    (path,) = tmp_path.glob("*/a")
    path.write_bytes(damage)
    assert shelf.get("a") is None
    assert not path.exists()
    assert Shelf(tmp_path).get("a") is None


def test_what_a_crash_left_half_written_is_swept_away(tmp_path: Path) -> None:
    Shelf(tmp_path).put("a", _rendered("a"))
    (path,) = tmp_path.glob("*/a")
    half = path.parent / ".b.1"
    half.write_bytes(b"half")
    Shelf(tmp_path)
    assert not half.exists()


def test_no_other_account_may_look_into_it_and_a_place_that_cannot_be_written_is_no_error(
    tmp_path: Path,
) -> None:
    Shelf(tmp_path / "renders")
    (folder,) = (tmp_path / "renders").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    blocked = tmp_path / "file"
    blocked.write_text("")
    shelf = Shelf(blocked)
    shelf.put("a", _rendered("a"))
    assert shelf.get("a") is None


def test_a_render_that_is_larger_than_all_is_not_kept(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, max_bytes=100)
    shelf.put("a", _rendered("a", 1000))
    assert shelf.get("a") is None
    assert list(tmp_path.glob("*/*")) == []
