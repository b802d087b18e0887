"""Every file that a kustomization will have read, found by reading the kustomizations alone.

Contract: blocking; raises SourceError, naming the kustomization and the field. What is looked up and absent is
recorded by the tree. Files lie in the box as they lie in the repository; a remote repository's below ``.remote/N``.
A kustomization whose references cannot stay as they are (remote, or through a link) is written anew there, with
those references alone changed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.documents.read import read
from fleet.errors import PathNotFound, SourceError
from fleet.render.inputs import File
from fleet.render.kustomize import references, remote
from fleet.render.kustomize.references import KustomizationRefused, Means, Reference

if TYPE_CHECKING:
    from fleet.render.ground import Ground
    from fleet.render.inputs import Entry, Tree

NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MOST_FOLDERS: Final = 500
MOST_FILES: Final = 20_000
REMOTE: Final = ".remote"


@dataclass(slots=True)
class Place:
    """A tree, and where it lies in the box."""

    tree: Tree
    at: str = ""

    def inside(self, path: str) -> str:
        """A path of the tree as it is in the box."""
        return f"{self.at}/{path}" if self.at else path


@dataclass(slots=True)
class Graph:
    """What was found: files to lay out by their path in the box, and documents that are written anew."""

    files: dict[str, tuple[Tree, File]] = field(default_factory=dict)
    rewritten: dict[str, dict[str, Any]] = field(default_factory=dict)
    roots: dict[str, tuple[str, dict[str, Any]]] = field(
        default_factory=dict
    )  # folder: its file and what it says
    remotes: int = 0


def walk(ground: Ground, path: str, *, charts: bool, extra: tuple[str, ...] = ()) -> Graph:
    """The graph of the kustomization at a path; ``extra`` are files and components that options name besides."""
    graph = Graph()
    walking = _Walking(ground, graph, charts=charts)
    place = Place(ground.own)
    walking.folder(place, path, "source.path")
    for one in extra:
        walking.besides(place, path, one)
    return graph


class _Walking:
    def __init__(self, ground: Ground, graph: Graph, *, charts: bool) -> None:
        self._ground = ground
        self._graph = graph
        self._charts = charts
        self._above: list[str] = []

    def folder(self, place: Place, path: str, where: str) -> str:
        """Walk the kustomization of a folder; where it really lies, in the tree."""
        entry = place.tree.entry(path)
        if entry is None or not entry.is_directory:
            raise PathNotFound(f"{where}: {path or '.'} is no folder of the commit")
        real = entry.path
        inside = place.inside(real)
        if inside in self._above:
            raise SourceError(f"{where}: {path} turns in a circle: {' > '.join([*self._above, inside])}")
        if inside in self._graph.roots:
            return real
        if len(self._graph.roots) >= MOST_FOLDERS:
            raise SourceError(f"it is made of more than {MOST_FOLDERS} kustomizations")
        name, document = self._read(place, real, where)
        self._graph.roots[inside] = (name, document)
        self._above.append(inside)
        try:
            changed = self._references(place, real, name, document)
        finally:
            self._above.pop()
        if changed:
            self._graph.rewritten[posixpath.join(inside, name)] = document
        return real

    def besides(self, place: Place, path: str, named: str) -> None:
        """A file or component that an option names, seen from the path; components that are missing are told before."""
        target = _joined(path, named)
        entry = place.tree.entry(target)
        if entry is not None and entry.is_directory:
            self.folder(place, target, named)
        else:
            self._file(place, target, f"the option {named}")

    def _read(self, place: Place, folder: str, where: str) -> tuple[str, dict[str, Any]]:
        found = [
            (name, entry)
            for name in NAMES
            if (entry := place.tree.entry(posixpath.join(folder, name))) is not None and entry.is_file
        ]
        if not found:
            raise PathNotFound(f"{where}: {folder or '.'} holds no kustomization.yaml")
        if len(found) > 1:
            names = " and ".join(name for name, _ in found)
            raise SourceError(f"{where}: {folder or '.'} holds {names}: one of them must go")
        name, entry = found[0]
        path = posixpath.join(folder, name)
        self._keep(place, path, entry)
        documents = read(place.tree.read(path), path=path)
        if documents.faults:
            raise SourceError(documents.faults[0].text)
        if len(documents.items) != 1 or not isinstance(documents.items[0].value, dict):
            raise SourceError(f"{path}: a kustomization is one mapping")
        return name, dict(documents.items[0].value)

    def _references(self, place: Place, folder: str, name: str, document: dict[str, Any]) -> bool:
        changed = False
        for one in tuple(self._listed(posixpath.join(folder, name), document)):
            where = f"{posixpath.join(folder, name)}: {one.field}"
            target = self._one(place, folder, one, where)
            if target is not None:
                _replace(document, one.keys, posixpath.relpath(target, place.inside(folder) or "."))
                changed = True
        return changed

    def _listed(self, path: str, document: Mapping[str, Any]) -> Iterator[Reference]:
        try:
            yield from references.of_kustomization(document, charts=self._charts)
        except KustomizationRefused as error:
            raise KustomizationRefused(f"{path}: {error.text}") from None

    def _one(self, place: Place, folder: str, one: Reference, where: str) -> str | None:
        """Follow one reference; where it is in the box, if the written path does not lead there."""
        if one.path.startswith("/"):
            raise KustomizationRefused(f"{where}: an absolute path leads out of the repository")
        entry = None if _url(one.path) else place.tree.entry(_joined(folder, one.path))
        if entry is None and remote.remote(one.path):
            return self._remote(one, where)
        path = _joined(folder, one.path)
        if one.means is Means.CHARTS:
            self._tree(place, path, where)
            return None
        if entry is None:
            raise PathNotFound(f"{where}: {path} is not in the commit")
        if entry.is_directory:
            if one.means is Means.FILE:
                raise PathNotFound(f"{where}: {path} is a folder, not a file")
            real = self.folder(place, path, where)
            return (
                None
                if real == posixpath.normpath(path).removeprefix("./") or real == path
                else place.inside(real)
            )
        if one.means in (Means.FOLDER, Means.COMPONENT):
            raise PathNotFound(f"{where}: {path} is a file, not a folder with a kustomization")
        self._file(place, path, where)
        if one.means is Means.PLUGIN:
            self._plugin(place, folder, path)
        return None

    def _plugin(self, place: Place, folder: str, path: str) -> None:
        for document in read(place.tree.read(path), path=path).items:
            if isinstance(document.value, Mapping):
                for one in references.of_plugin(document.value, path, charts=self._charts):
                    self._one(place, folder, one, f"{path}: {one.field}")

    def _remote(self, one: Reference, where: str) -> str:
        if one.means is Means.FILE:
            raise remote.RemoteRefused(f"{where}: only folders of Git repositories are fetched")
        try:
            wanted = remote.folder(one.path)
        except remote.RemoteRefused as error:
            raise remote.RemoteRefused(f"{where}: {error.text}") from None
        tree = self._ground.folder(wanted)
        self._graph.remotes += 1
        place = Place(tree, f"{REMOTE}/{self._graph.remotes}")
        return place.inside(self.folder(place, wanted.path, where))

    def _file(self, place: Place, path: str, where: str) -> None:
        entry = place.tree.entry(path)
        if entry is None or not entry.is_file:
            raise PathNotFound(f"{where}: {path} is not a file of the commit")
        self._keep(place, path, entry)

    def _tree(self, place: Place, path: str, where: str) -> None:
        entry = place.tree.entry(path)
        if entry is None or not entry.is_directory:
            raise PathNotFound(f"{where}: the chart {path} is not in the commit; charts are not fetched here")
        for child in place.tree.list(path):
            below = posixpath.join(path, child.name)
            found = place.tree.entry(below)  # not the listing's: each file is a read of its own
            if found is not None and found.is_directory:
                self._tree(place, below, where)
            elif found is not None and found.is_file:
                self._keep(place, below, found)

    def _keep(self, place: Place, path: str, entry: Entry) -> None:
        inside = place.inside(posixpath.normpath(path))
        self._graph.files[inside] = (place.tree, File(entry.path, inside, entry.oid))
        if len(self._graph.files) > MOST_FILES:
            raise SourceError(f"it reads more than {MOST_FILES} files")


def content(graph: Graph) -> dict[str, bytes]:
    """The files of the box."""
    found = {inside: tree.read(file.path) for inside, (tree, file) in graph.files.items()}
    found.update((inside, orjson.dumps(document)) for inside, document in graph.rewritten.items())
    return found


def _joined(folder: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(folder, path)) if folder else posixpath.normpath(path)
    return "" if joined == "." else joined


def _url(text: str) -> bool:
    return "://" in text


def _replace(document: dict[str, Any], keys: tuple[str | int, ...], value: str) -> None:
    at: Any = document
    for key in keys[:-1]:
        at[key] = type(at[key])(at[key])
        at = at[key]
    at[keys[-1]] = value
