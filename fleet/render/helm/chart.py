"""A chart and what it depends on, as files of the box.

Contract: blocking; raises SourceError. Every file below the chart's folder is taken, since templates may read any
(``.Files``); ``.helmignore`` is Helm's to apply. A dependency that lies in ``charts/`` is taken as it is; one of a
folder beside it (``file://``) is laid there; one of a repository is asked of the ground, by the version that
``Chart.lock`` pins. Chart.yaml: apiVersion v2, and v1 with ``requirements.yaml`` (Helm 4, ``pkg/chart``).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fleet.documents.read import read
from fleet.errors import PathNotFound, SourceError, SourceTooLarge
from fleet.render.ground import RemoteChart
from fleet.render.inputs import File

if TYPE_CHECKING:
    from fleet.render.ground import Ground
    from fleet.render.inputs import Tree

CHART: Final = "Chart.yaml"
MOST_FILES: Final = 20_000
DEEPEST: Final = 10
_LOOKUP: Final = re.compile(rb"\{\{[^}]*\blookup\b")
_REMOTE: Final = ("https://", "http://", "oci://")


class ChartRefused(SourceError):
    """A chart that cannot be rendered by itself, or asks for what is not fetched."""

    reason = "ChartRefused"


@dataclass(slots=True)
class Laid:
    """A chart laid out: files by their path in the box, with the tree that has them."""

    name: str = ""
    files: dict[str, tuple[Tree, File]] = field(default_factory=dict)
    lookups: list[str] = field(default_factory=list)


def lay(ground: Ground, tree: Tree, path: str, into: str) -> Laid:
    """Lay out the chart at a path of a tree, below ``into``."""
    laid = Laid()
    laid.name = _Laying(ground, laid).chart(tree, path, into, 0)
    return laid


class _Laying:
    def __init__(self, ground: Ground, laid: Laid) -> None:
        self._ground = ground
        self._laid = laid

    def chart(self, tree: Tree, path: str, into: str, depth: int) -> str:
        """Lay out one chart and its dependencies; its name."""
        if depth > DEEPEST:
            raise ChartRefused(f"{path}: charts depend on each other more than {DEEPEST} deep")
        about = _mapping(tree, posixpath.join(path, CHART))
        if about is None:
            raise PathNotFound(f"{path or '.'} holds no {CHART}")
        if depth == 0 and about.get("type") == "library":
            raise ChartRefused(f"{path or '.'} is a library chart: it renders nothing by itself")
        self._folder(tree, path, into)
        locked = _locked(tree, path)
        for number, one in enumerate(_dependencies(tree, path, about)):
            self._dependency(tree, path, f"{into}/charts", (number, one, locked), depth)
        return str(about.get("name") or "")

    def _folder(self, tree: Tree, path: str, into: str) -> None:
        for entry in tree.list(path):
            at = posixpath.join(path, entry.name)
            found = tree.entry(at)  # not the listing's: each file is a read of its own
            if found is None:
                raise PathNotFound(f"{at} is a link to what is not in the commit")
            if found.is_directory:
                self._folder(tree, found.path, f"{into}/{entry.name}")
            elif found.is_file:
                inside = f"{into}/{entry.name}"
                self._laid.files[inside] = (tree, File(found.path, inside, found.oid))
                if len(self._laid.files) > MOST_FILES:
                    raise SourceTooLarge(f"the chart has more than {MOST_FILES} files")

    def _dependency(
        self,
        tree: Tree,
        path: str,
        into: str,
        asked: tuple[int, Mapping[str, Any], Mapping[str, str]],
        depth: int,
    ) -> None:
        number, one, locked = asked
        name, repository = str(one.get("name") or ""), str(one.get("repository") or "")
        if not name or self._vendored(tree, path, name):
            return
        where = f"{posixpath.join(path, CHART)}: dependency {name}"
        folder = f"{into}/{number}-{name}"
        if repository.startswith("file://"):
            beside = posixpath.normpath(posixpath.join(path, repository.removeprefix("file://")))
            if tree.entry(beside) is None:
                raise PathNotFound(f"{where}: {beside} is not in the commit")
            self.chart(tree, "" if beside == "." else beside, folder, depth + 1)
        elif repository.startswith(_REMOTE):
            version = locked.get(name) or str(one.get("version") or "")
            archive = self._ground.chart(RemoteChart(repository.rstrip("/"), name, version))
            self.chart(archive, only(archive, name), folder, depth + 1)
        elif repository:
            raise ChartRefused(
                f"{where}: {repository[:100]} is a name that Helm knows on one machine: write its URL"
            )

    def _vendored(self, tree: Tree, path: str, name: str) -> bool:
        charts = tree.entry(posixpath.join(path, "charts"))
        if charts is None or not charts.is_directory:
            return False
        packed = re.compile(rf"{re.escape(name)}-v?[0-9].*\.tgz")
        for entry in tree.list(charts.path):
            if packed.fullmatch(entry.name):
                return True
            if entry.is_file:
                continue
            about = _mapping(tree, posixpath.join(charts.path, entry.name, CHART))
            if about is not None and about.get("name") == name:
                return True
        return False


def contents(laid: Laid) -> dict[str, bytes]:
    """The files of the box; on the way it is seen which templates ask the cluster."""
    found = {}
    for inside, (tree, file) in laid.files.items():
        data = tree.read(file.path)
        found[inside] = data
        if "/templates/" in inside and _LOOKUP.search(data):
            laid.lookups.append(file.path)
    return found


def only(tree: Tree, name: str) -> str:
    """The one folder of a chart's archive."""
    folders = [entry.name for entry in tree.list("") if entry.is_directory]
    if len(folders) != 1:
        raise ChartRefused(f"the archive of chart {name} does not hold one folder")
    return folders[0]


def _dependencies(tree: Tree, path: str, about: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    listed = about.get("dependencies")
    if not listed and about.get("apiVersion", "v1") == "v1":
        listed = (_mapping(tree, posixpath.join(path, "requirements.yaml")) or {}).get("dependencies")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping):
            yield one


def _locked(tree: Tree, path: str) -> Mapping[str, str]:
    """The versions that the lock file pins, by name."""
    for name in ("Chart.lock", "requirements.lock"):
        found = _mapping(tree, posixpath.join(path, name))
        listed = found.get("dependencies") if found is not None else None
        if isinstance(listed, list):
            return {
                str(one.get("name")): str(one.get("version")) for one in listed if isinstance(one, Mapping)
            }
    return {}


def _mapping(tree: Tree, path: str) -> Mapping[str, Any] | None:
    entry = tree.entry(path)
    if entry is None or not entry.is_file:
        return None
    documents = read(tree.read(path), path=path)
    if documents.faults:
        raise ChartRefused(documents.faults[0].text)
    value = documents.items[0].value if documents.items else {}
    if not isinstance(value, Mapping):
        raise ChartRefused(f"{path}: it is no mapping")
    return value
