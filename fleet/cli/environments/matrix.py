"""Applications by environments: what runs where, since when, and how far one is from the one before. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleet.cli.app import columns
from fleet.cli.environments.layout import Layout
from fleet.cli.environments.running import Running

# How many commits the second has that the first lacks; None where that is not known here.
Count = Callable[[str, str], int | None]

_SHORT: Final = 12
_PREFIX: Final = "sha256:"


@dataclass(frozen=True, slots=True)
class Cell:
    """One application in one environment.

    ``behind``: commits that the environment before has and this one lacks; ``ahead``: commits that this one has and the one
    before lacks. None: there is none before, or it is not known.
    """

    environment: str
    commit: str
    images: tuple[str, ...]
    state: str
    healthy_since: float
    behind: int | None = None
    ahead: int | None = None
    differs: bool = False  # it runs other images than the one before


def rows(
    layout: Layout, running: Mapping[tuple[str, str], Running], count: Count
) -> Iterator[tuple[str, dict[str, Cell]]]:
    """Give each application with its cells by environment."""
    for app, files in layout.applications.items():
        cells: dict[str, Cell] = {}
        for environment in layout.environments:
            if environment.name in files:
                before = cells.get(environment.after)
                cells[environment.name] = _cell(
                    environment.name, running[app, environment.name], before, count
                )
        yield app, cells


def _cell(name: str, found: Running, before: Cell | None, count: Count) -> Cell:
    commit = found.commits[0] if found.commits else ""
    images = tuple(sorted({_image(one.name, one.digest, one.tag) for one in found.images}))
    behind = ahead = None
    if before is not None and commit and before.commit:
        behind, ahead = count(commit, before.commit), count(before.commit, commit)
    differs = before is not None and bool(images and before.images) and images != before.images
    return Cell(name, commit, images, _state(found), found.healthy_since, behind, ahead, differs)


def _state(found: Running) -> str:
    if not found.exists:
        return "not on the hub"
    ill = [one for one in found.targets if not one.well]
    if not found.targets:
        return "on no cluster"
    if ill:
        return f"{ill[0].cluster}: {ill[0].health if ill[0].health != 'Healthy' else ill[0].sync}"
    return "Healthy" if found.commits else "at several commits"


def _image(name: str, digest: str, tag: str) -> str:
    short = name.rpartition("/")[2]
    return f"{short}@{digest.removeprefix(_PREFIX)[:_SHORT]}" if digest else f"{short}:{tag or 'latest'}"


def structured(table: Iterator[tuple[str, dict[str, Cell]]], stamp: Callable[[float], str]) -> dict[str, Any]:
    """Give it for programs."""
    return {
        "items": [
            {
                "application": app,
                "environments": [
                    {
                        "name": cell.environment,
                        "commit": cell.commit,
                        "images": list(cell.images),
                        "state": cell.state,
                        "healthySince": stamp(cell.healthy_since) if cell.healthy_since else "",
                        "behind": cell.behind,
                        "lackedByTheOneBefore": cell.ahead,
                        "imagesDiffer": cell.differs,
                    }
                    for cell in cells.values()
                ],
            }
            for app, cells in table
        ]
    }


def drawn(
    table: Iterator[tuple[str, dict[str, Cell]]], names: tuple[str, ...], stamp: Callable[[float], str]
) -> Iterator[tuple[str, ...]]:
    """Give the lines of a table: for each application its commits, images, state, and the way to the one before."""
    for app, cells in table:
        found = [cells.get(name) for name in names]
        yield app, "commit", *(columns.short(cell.commit) if cell else "" for cell in found)
        for index in range(max(1, *(len(cell.images) if cell else 0 for cell in found))):
            yield app, "image", *(_at(cell, index) for cell in found)
        yield app, "state", *(_told(cell, stamp) if cell else "" for cell in found)
        yield app, "behind", *(_number(cell.behind) if cell else "" for cell in found)
        yield app, "not before", *(_number(cell.ahead) if cell else "" for cell in found)


def _at(cell: Cell | None, index: int) -> str:
    return cell.images[index] if cell is not None and index < len(cell.images) else ""


def _told(cell: Cell, stamp: Callable[[float], str]) -> str:
    if cell.state != "Healthy" or not cell.healthy_since:
        return cell.state
    return f"Healthy for {columns.age(stamp(cell.healthy_since))}"


def _number(count: int | None) -> str:
    return "" if count is None else str(count)
