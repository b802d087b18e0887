"""A kubeconfig that holds more than a local control plane is nobody's to overwrite or remove."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.cli import main

MINE = """\
contexts: [{name: work, context: {cluster: work, user: me}}]
clusters: [{name: work, cluster: {server: "https://work.example"}}]
users: [{name: me, user: {token: hunter2}}]
"""
COPY = """\
contexts: [{name: trial, context: {cluster: trial, user: admin}}]
clusters: [{name: trial, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: admin, user: {token: t}}]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "config"


@pytest.mark.parametrize("content", [MINE, "not: a kubeconfig\n", "a: [\n"])
def test_a_kubeconfig_of_other_clusters_is_neither_overwritten_nor_removed(
    file: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file.write_text(content)
    assert main.execute(["local", "create", "trial", "--kubeconfig", str(file)]) == 1
    assert "would be lost" in capsys.readouterr().err
    assert main.execute(["local", "delete", "trial", "--kubeconfig", str(file)]) == 1
    assert main.execute(["local", "delete", "trial", "--ignore-missing", "--kubeconfig", str(file)]) == 0
    assert "stays" in capsys.readouterr().err
    assert file.read_text() == content


def test_a_copy_is_removed_with_its_control_plane_and_by_its_name_alone(file: Path) -> None:
    file.write_text(COPY)
    assert main.execute(["local", "delete", "other", "--ignore-missing", "--kubeconfig", str(file)]) == 0
    assert main.execute(["local", "delete", "trial", "--kubeconfig", str(file)]) == 1  # there is none
    assert file.read_text() == COPY
    assert main.execute(["local", "delete", "trial", "--ignore-missing", "--kubeconfig", str(file)]) == 0
    assert not file.exists()
