"""``fleethub init``: what it writes is what the rest of the command line reads."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from fleet.cli import main
from fleet.cli.environments.declared import environments
from fleet.cli.render.applications import of_file
from tests.stage.gitrepo import ENVIRONMENT

URL = "https://git.example.com/acme/fleet.git"


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_a_repository_is_two_commits_and_what_comes_later_names_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    assert main.execute(["init", str(folder), "--repository", URL, "--app", "web"]) == 0
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "remote", "get-url", "origin") == URL
    first, second = git(folder, "log", "--reverse", "--format=%H").split()
    declared = environments((folder / "environments.yaml").read_bytes())
    assert [(one.name, one.after) for one in declared] == [
        ("dev", ""),
        ("staging", "dev"),
        ("prod", "staging"),
    ]
    followed = {}
    for one in declared:
        (application,) = of_file(folder / one.folder / "web.yaml")
        shared, own = application.spec.all_sources
        followed[one.name] = (shared.target_revision, own.target_revision)
        assert application.metadata.name == f"web-{one.name}"
        assert (folder / shared.path / "kustomization.yaml").exists()
        assert own.path == f"environments/{one.name}/web"
        automated = application.spec.sync_policy.automated is not None
        assert automated is (one.name != "prod")
        assert application.spec.placement is not None
        assert application.spec.placement.cluster_selector == one.clusters
    assert followed == {"dev": ("main", "main"), "staging": (first, "main"), "prod": (first, "main")}
    assert git(folder, "ls-tree", "-r", "--name-only", first).startswith("bases/web/")
    assert second
    (root,) = of_file(folder / "root.yaml")
    assert root.spec.project == "default"


def test_renovate_bumps_the_first_environment_alone(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    assert main.execute(["init", str(folder), "--environment", "lab", "--environment", "live"]) == 0
    rules = json.loads((folder / "renovate.json").read_text())
    assert rules["enabledManagers"] == ["custom.regex"]
    (manager,) = rules["customManagers"]
    files = [str(path.relative_to(folder)) for path in folder.rglob("*.yaml")]
    (pattern,) = (re.compile(one.strip("/")) for one in manager["managerFilePatterns"])
    assert [path for path in files if pattern.search(path)] == ["environments/lab/shop.yaml"]
    # JavaScript's names of groups, as Python has them.
    (found,) = (re.compile(one.replace("(?<", "(?P<")) for one in manager["matchStrings"])
    match = found.search((folder / "environments/lab/shop.yaml").read_text())
    assert match
    assert (match["depName"], match["currentValue"]) == ("docker.io/library/nginx", "1.27.5")


def test_whoever_is_nobody_to_git_finds_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ENVIRONMENT:
        if "AUTHOR" in name or "COMMITTER" in name:
            monkeypatch.delenv(name)
    nobody = tmp_path / "gitconfig"
    nobody.write_text("[user]\nuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(nobody))
    monkeypatch.delenv("EMAIL", raising=False)
    assert main.execute(["init", str(tmp_path / "fleet")]) == 1
    assert "git does not know who you are" in capsys.readouterr().err
    assert not (tmp_path / "fleet").exists()
    nobody.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    assert main.execute(["init", str(tmp_path / "fleet")]) == 0


@pytest.mark.parametrize("word", ["no", "on", "y", "null"])
def test_a_name_that_yaml_takes_for_something_else_is_refused(
    tmp_path: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.execute(["init", str(tmp_path / "fleet"), "--environment", word]) == 2
    assert f"{word} is no string in YAML" in capsys.readouterr().err
    assert not (tmp_path / "fleet").exists()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note").write_text("mine")
    assert main.execute(["init", str(tmp_path)]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize(
    "options",
    [
        ("--environment", "../a"),
        ("--environment", "a", "--environment", "a"),
        ("--app", "Shop"),
        ("--repository", "-x"),
        ("--vault", "http://x"),
    ],
)
def test_wrong_options_write_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert main.execute(["init", str(tmp_path / "fleet"), *options]) == 2
    assert not (tmp_path / "fleet").exists()


def test_vault_comes_with_a_project_that_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    assert main.execute(["init", str(folder), "--vault", "https://vault.example.com:8200"]) == 0
    assert "- server: https://vault.example.com:8200" in (folder / "root.yaml").read_text()
    (application,) = of_file(folder / "environments/prod/shop.yaml")
    assert application.spec.project == "fleet"
    assert "\n- vault.yaml\n" in (folder / "environments/prod/shop/kustomization.yaml").read_text()
