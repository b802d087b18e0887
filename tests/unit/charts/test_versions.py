"""Ranges of versions mean what Helm means by them: held against the real program."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bootstrap.local import binaries
from fleet.charts.versions import exact, newest

KNOWN = (
    "0.0.1", "0.0.2", "0.1.0", "0.1.5", "0.2.0", "1.0.0-alpha.1", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.2.3", "1.3.0-beta",
    "1.10.0", "2.0.0", "2.0.0+build", "2.1.0-rc.1", "v3.0.0", "3.1.4", "10.0.0",
)  # fmt: skip
RANGES = (
    "1.2.3", "=1.2.3", "1.2", "1", "1.x", "1.2.x", "*", "x", "", "^1", "^1.2", "^1.2.0", "^0.1", "^0.1.0", "^0.0.1", "^0", "~1", "~1.2",
    "~1.2.0", "~0.1", ">1.2", ">1", ">=1.2", ">1.2.3", "<1", "<1.2", "<=1", "<=1.2", "<=1.2.3", ">=1 <2", ">=1, <1.5", "1 - 2", "1.0.0 - 1.2.3",
    "<1 || >=3", "!=10.0.0", "!=10.x", ">=1.0.0-0", "^1.0.0-0", "~1.3.0-0", ">=2.1.0-rc", "3.0.0", "v3.0.0", "=> 2", "=<1", "~>1.2",     "^2 !=2.0.0", "99", "^99",
    ">=1.0.0-0 <2.0.0", ">=1 <2.2.0-0", "!=0.1.2-rc, >1.1.0", "<2.2.0-0 || ^1", "^1 || ^2.0.0-0", "~0.0.0", "~0.0", "^0.0", "^0.0.0", "~*", "^*",
    ">*", "<=*", "!=*", ">=*", "<*", "1 - *", "* - 2", "> 1.2 , < 3", "  ^1 ", ">= 1 < 2", "!=1.x", "!=1.2.x", ">1.x", "<=1.x", "=v1.x.x",
    "2.1.0-rc.1 - 2.1.0", "~2.1-0", "^2-0", "=2.1.0-rc.1", "1.2.3-beta - 1.3.0-beta",
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of charts in every version, as the real program reads it from a folder by file."""
    folder = tmp_path_factory.mktemp("repository")
    lines = ["apiVersion: v1", "entries:", "  web:"]
    for version in KNOWN:
        lines += [
            f"  - name: web\n    apiVersion: v2\n    version: {version}\n    urls: ['http://127.0.0.1:9/web-{version}.tgz']"
        ]
    cache = folder / "cache"
    cache.mkdir()
    (cache / "local-index.yaml").write_text("\n".join(lines) + "\n")
    (folder / "repositories.yaml").write_text(
        "apiVersion: v1\nrepositories:\n- name: local\n  url: http://127.0.0.1:9/\n"
    )
    return folder


def refused(repository: Path, wanted: str) -> bool:
    """Whether the real program calls it no range."""
    return "constraint" in search(repository, wanted).stderr


def chosen(repository: Path, wanted: str) -> str | None:
    """The newest version that the real program finds for a range."""
    done = search(repository, wanted or ">=0.0.0")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found[0]["version"] if found else None


def search(repository: Path, wanted: str) -> subprocess.CompletedProcess[str]:
    """What the real program says."""
    return subprocess.run(
        [
            binaries.built() / "helm-v4.3.1", "search", "repo", "local/web", "--version", wanted, "-o", "json",
            "--repository-config", repository / "repositories.yaml", "--repository-cache", repository / "cache",
        ],
        capture_output=True, text=True, check=False, env={"HOME": str(repository)},
    )  # fmt: skip


@pytest.mark.parametrize("wanted", RANGES)
def test_a_range_means_what_it_means_to_helm(repository: Path, wanted: str) -> None:
    mine = newest(wanted, KNOWN)
    theirs = chosen(repository, wanted)
    assert (mine or "").removeprefix("v").partition("+")[0] == (theirs or "").removeprefix("v").partition(
        "+"
    )[0]


@pytest.mark.parametrize(
    "wanted",
    [
        "latest",
        "1.2.3.4",
        ">",
        "^",
        "a || b",
        "1..2",
        "x" * 300,
        "1,,2",
        ">1<2",
        "1, ",
        "1 ||",
        "|| 1",
        ", 1",
        "1 -2",
        "^ ^1",
        "1 - - 2",
        "01a",
    ],
)
def test_what_is_no_range_is_said(wanted: str, repository: Path) -> None:
    assert refused(repository, wanted)
    with pytest.raises(ValueError, match="range"):
        newest(wanted, KNOWN)


def test_an_exact_version_can_never_mean_another_one() -> None:
    assert exact("1.2.3")
    assert exact("v1.2.3-rc.1")
    assert not exact("1.2")
    assert not exact("^1.2.3")
    assert not exact("1.2.x")
