"""Every block of docs/tenancy.md, in its order, as it stands on the page."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.stage.repository import Repository
from tests.stage.theatre import Theatre

PAGE = Path(__file__).parents[2] / "docs" / "tenancy.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (?:(?P<repository>\w+)\.git: )?(?P<file>[\w/.-]+\.yaml)\n")
FAILS = "  # exit code 1"
GIT = "https://git.example/acme"


def blocks() -> Iterator[tuple[str, str]]:
    """The language and the text of each block."""
    found = BLOCK.findall(PAGE.read_text())
    assert len(found) > 15
    yield from found


def contexts(theatre: Theatre) -> str:
    """One kubeconfig with a context for each plane."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": "hub"}
    planes = {"hub": theatre.planes.hub, **theatre.planes.members}
    for section in ("clusters", "users", "contexts"):
        merged[section] = []
    for name, plane in planes.items():
        one = yaml.safe_load(plane.kubeconfig.read_text())
        merged["clusters"].append({"name": name, "cluster": one["clusters"][0]["cluster"]})
        merged["users"].append({"name": name, "user": one["users"][0]["user"]})
        merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    return yaml.safe_dump(merged)


async def run(line: str, folder: Path) -> tuple[int, str]:
    """Run one line of a shell block, as somebody in that folder would."""
    binaries = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "KUBECONFIG": str(folder / "admin.kubeconfig"),
        "HOME": str(folder),
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("FLEETHUB_URL", None)
    process = await asyncio.create_subprocess_shell(
        line,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_two_teams_are_set_up_as_the_page_says(theatre: Theatre) -> None:
    git = theatre.planes.git
    folder = theatre.folder / "page"
    folder.mkdir()
    (folder / "admin.kubeconfig").write_text(contexts(theatre))
    repositories = {
        name: Repository(git, theatre.planes.folder / "repositories", name, folder)
        for name in ("shop", "pay")
    }
    for repository in repositories.values():
        repository.commit({"README": "of the team\n"})
    await theatre.start()
    ran = 0
    for language, text in blocks():
        # The one thing that differs from the page: where its repositories are served.
        content = text.replace(GIT, git.url)
        if language == "yaml":
            named = NAMED.match(content)
            assert named, content
            if named["repository"]:
                repositories[named["repository"]].commit({named["file"]: content})
            else:
                (folder / named["file"]).write_text(content)
            continue
        for line in content.splitlines():
            command, fails, _ = line.partition(FAILS)
            code, out = await run(command, folder)
            assert code == (1 if fails else 0), f"{line}\nended with {code}:\n{out}"
            ran += 1
    assert ran > 20
    found = await theatre.members["us"].get("ConfigMap", "settings", "pay")
    assert found
    assert found["data"] == {"currency": "EUR"}
