"""Files that go with the code are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet import shipped
from fleet.documents.read import read
from fleet.names import HUB_KINDS

if TYPE_CHECKING:
    from pathlib import Path


def test_the_crds_of_all_kinds_are_found_in_a_checkout() -> None:
    kinds = [read(data, path="crd.yaml").items[0].value["spec"]["names"]["kind"] for data in shipped.crds()]
    assert sorted(kinds) == sorted(HUB_KINDS)


def test_an_installed_wheel_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_bytes(b"kind: A\n")
    monkeypatch.setattr(shipped, "_INSIDE", tmp_path)
    assert shipped.crds() == (b"kind: A\n",)


def test_an_install_without_them_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_INSIDE", tmp_path)
    with pytest.raises(FileNotFoundError):
        shipped.crds()
