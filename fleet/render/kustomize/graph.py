"""Every file that a kustomization will have read, found by reading the kustomizations alone.

Contract: blocking; raises FleetError, naming the kustomization and the field. What is looked up and absent is
recorded by the tree. How many folders and files there are, and how deep they nest, is bounded. Files lie in the
box as they lie in the repository; a remote repository's below ``.remote/N``. A kustomization whose references
cannot stay as they are (remote, or through a link) is written anew there, with those references alone changed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fleet.documents.read import read
from fleet.errors import LinkRefused, PathNotFound, SourceError
from fleet.render.ground import RemoteFolder
from fleet.render.inputs import File
from fleet.render.kustomize import references, remote
from fleet.render.kustomize.references import KustomizationRefused, Means, Reference
from fleet.render.kustomize.spelling import spelled
from fleet.render.manifest import body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.render.ground import Ground
    from fleet.render.inputs import Entry, Tree

NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MOST_FOLDERS: Final = 500
MOST_FILES: Final = 20_000
MOST_OF_CHARTS: Final = 2_000  # folders of charts
DEEPEST: Final = 64  # kustomizations in each other, and folders of a chart
REMOTE: Final = ".remote"
_OPTIONS: Final = ("components", "patches")


Edit = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(slots=True)
class Place:
    """A tree, where it lies in the box, and how people know it: a remote repository by its URL."""

    tree: Tree
    at: str = ""
    url: str = ""

    def inside(self, path: str) -> str:
        """A path of the tree as it is in the box."""
        return f"{self.at}/{path}".rstrip("/") if self.at else path

    def named(self, path: str) -> str:
        """A path of the tree as people are told it."""
        return f"{self.url}//{path}" if self.url else path

    def entry(self, path: str, where: str) -> Entry | None:
        """What lies at a path; a path or link that leads out of the tree is told with ``where``."""
        try:
            return self.tree.entry(path)
        except (PathNotFound, LinkRefused) as error:
            raise type(error)(f"{where}: {error.text}") from None


@dataclass(slots=True)
class Graph:
    """What was found: files to lay out by their path in the box, and documents that are written anew.

    ``roots`` has each folder's kustomization file and what it says, ``top`` the folder that all begins with.
    """

    files: dict[str, tuple[Tree, File]] = field(default_factory=dict)
    rewritten: dict[str, dict[str, Any]] = field(default_factory=dict)
    roots: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    remotes: dict[RemoteFolder, Place] = field(default_factory=dict)
    top: str = ""
    charts: bool = False  # it inflates some

    def named(self, inside: str) -> str:
        """A path of the box as people are told it."""
        for place in self.remotes.values():
            if inside.startswith(f"{place.at}/"):
                return place.named(inside.removeprefix(f"{place.at}/"))
        return inside


def walk(ground: Ground, path: str, *, charts: bool, edit: Edit = dict) -> Graph:
    """The graph of the kustomization at a path, which is ``edit``ed before."""
    graph = Graph()
    graph.top = _Walking(ground, graph, edit, charts=charts).folder(Place(ground.own), path, "source.path")
    return graph


class _Walking:
    def __init__(self, ground: Ground, graph: Graph, edit: Edit, *, charts: bool) -> None:
        self._ground = ground
        self._graph = graph
        self._edit = edit
        self._charts = charts
        self._above: list[str] = []
        self._folders = 0

    def folder(self, place: Place, path: str, where: str) -> str:
        """Walk the kustomization of a folder; where it really lies, in the tree."""
        entry = place.entry(path, where)
        if entry is None or not entry.is_directory:
            raise PathNotFound(f"{where}: {path or '.'} is no folder of the commit")
        real = entry.path
        inside = place.inside(real)
        if inside in self._above:
            way = " > ".join(self._graph.named(one) or "." for one in (*self._above, inside))
            raise SourceError(f"{where}: it turns in a circle: {way}")
        if inside in self._graph.roots:
            return real
        if len(self._graph.roots) >= MOST_FOLDERS:
            raise SourceError(f"{where}: it is made of more than {MOST_FOLDERS} kustomizations")
        if len(self._above) >= DEEPEST:
            raise SourceError(f"{where}: kustomizations nest more than {DEEPEST} deep")
        name, document = self._read(place, real, where)
        written = {key: len(value) for key, value in document.items() if isinstance(value, list)}
        if not self._graph.roots:
            document = self._edit(document)
        self._graph.roots[inside] = (name, document)
        self._above.append(inside)
        try:
            changed = self._references(place, posixpath.join(real, name), document, written)
        finally:
            self._above.pop()
        if changed:
            self._graph.rewritten[posixpath.join(inside, name)] = document
        return real

    def _read(self, place: Place, folder: str, where: str) -> tuple[str, dict[str, Any]]:
        found = [
            (name, entry)
            for name in NAMES
            if (entry := place.entry(posixpath.join(folder, name), where)) is not None and entry.is_file
        ]
        if not found:
            raise PathNotFound(f"{where}: {place.named(folder) or '.'} holds no kustomization.yaml")
        if len(found) > 1:
            names = " and ".join(name for name, _ in found)
            raise SourceError(f"{where}: {folder or '.'} holds {names}: one of them must go")
        name, entry = found[0]
        path = posixpath.join(folder, name)
        self._keep(place, path, entry)
        told = place.named(path)
        documents = read(place.tree.read(path), path=told)
        if documents.faults:
            raise SourceError(documents.faults[0].text)
        if not documents.items:
            raise SourceError(f"{told}: the kustomization is empty")
        if len(documents.items) > 1:
            raise SourceError(f"{told} holds several documents: a kustomization is one")
        return name, spelled(documents.items[0].value, told)

    def _references(
        self, place: Place, path: str, document: dict[str, Any], written: Mapping[str, int]
    ) -> bool:
        """Follow all of a kustomization; ``written`` is how many of each list the file has, the rest are options."""
        changed = False
        told, folder = place.named(path), posixpath.dirname(path)
        try:
            listed = tuple(references.of_kustomization(document, charts=self._charts))
        except KustomizationRefused as error:
            raise KustomizationRefused(f"{told}: {error.text}") from None
        for one in listed:
            field, number = one.keys[0], one.keys[1] if len(one.keys) > 1 else 0
            option = isinstance(number, int) and number >= written.get(str(field), 0) and field in _OPTIONS
            where = f"source.kustomize.{field}: {one.path}" if option else f"{told}: {one.field}"
            target = self._one(place, folder, one, where)
            if target is not None:
                _replace(document, one.keys, _relative(target, place.inside(folder)))
                changed = True
        return changed

    def _one(self, place: Place, folder: str, one: Reference, where: str) -> str | None:
        """Follow one reference; where it is in the box, if the written path does not lead there."""
        if one.means is Means.INLINE:
            self._plugin(place, folder, one.path.encode(), where)
            return None
        if one.path.startswith("/"):
            raise KustomizationRefused(f"{where}: an absolute path leads out of the repository")
        entry = None if "://" in one.path else place.entry(_joined(folder, one.path), where)
        if entry is None and remote.remote(one.path):
            return self._remote(one, where)
        path = _joined(folder, one.path)
        if one.means is Means.CHARTS:
            self._graph.charts = True
            self._tree(place, path, where, 1)
            return None
        if entry is None:
            raise PathNotFound(f"{where}: {path} is not in the commit")
        if entry.is_directory:
            if one.means is Means.FILE:
                raise PathNotFound(f"{where}: {path} is a folder, not a file")
            real = self.folder(place, path, where)
            if one.means is Means.PLUGIN:
                self._plugins(place, folder, real, set())
            return None if real == path and not remote.remote(one.path) else place.inside(real)
        if one.means in (Means.FOLDER, Means.COMPONENT):
            raise PathNotFound(f"{where}: {path} is a file, not a folder with a kustomization")
        self._file(place, path, where)
        if one.means is Means.PLUGIN:
            self._plugin(place, folder, place.tree.read(path), place.named(path))
        return None

    def _plugin(self, place: Place, folder: str, text: bytes, told: str) -> None:
        """The configuration of plugins; what it names is seen from the folder whose kustomization uses it."""
        for document in read(text, path=told).items:
            try:
                listed = tuple(references.of_plugin(document.value, charts=self._charts))
            except KustomizationRefused as error:
                raise KustomizationRefused(f"{told}: {error.text}") from None
            for one in listed:
                self._one(place, folder, one, f"{told}: {one.field}")

    def _plugins(self, place: Place, folder: str, configured: str, seen: set[str]) -> None:
        """A folder of configuration: its kustomization was walked, and its files are plugins' configuration too."""
        if configured in seen:
            return
        seen.add(configured)
        _, document = self._graph.roots[place.inside(configured)]
        for one in references.of_kustomization(document, charts=self._charts):
            entry = place.entry(_joined(configured, one.path), configured)
            if one.means not in (Means.EITHER, Means.FOLDER) or entry is None:
                continue
            if entry.is_directory:
                self._plugins(place, folder, entry.path, seen)
            else:
                self._plugin(place, folder, place.tree.read(entry.path), place.named(entry.path))

    def _remote(self, one: Reference, where: str) -> str:
        if one.means is Means.FILE:
            raise remote.RemoteRefused(f"{where}: only folders of Git repositories are fetched")
        try:
            wanted = remote.folder(one.path)
        except remote.RemoteRefused as error:
            raise remote.RemoteRefused(f"{where}: {error.text}") from None
        place = self._graph.remotes.get(wanted)
        if place is None:
            tree = self._ground.folder(wanted)
            place = Place(tree, f"{REMOTE}/{len(self._graph.remotes) + 1}", wanted.url)
            self._graph.remotes[wanted] = place
        return place.inside(self.folder(place, wanted.path, where))

    def _file(self, place: Place, path: str, where: str) -> None:
        entry = place.entry(path, where)
        if entry is None or not entry.is_file:
            raise PathNotFound(f"{where}: {path} is not a file of the commit")
        self._keep(place, path, entry)

    def _tree(self, place: Place, path: str, where: str, depth: int) -> None:
        entry = place.entry(path, where)
        if entry is None or not entry.is_directory:
            raise PathNotFound(f"{where}: the chart {path} is not in the commit; charts are not fetched here")
        self._folders += (
            1  # links to folders and equal trees cost nothing to write, so files alone bound nothing
        )
        if depth > DEEPEST or self._folders > MOST_OF_CHARTS:
            raise SourceError(
                f"{where}: more than {MOST_OF_CHARTS} folders, or more than {DEEPEST} in each other"
            )
        for child in place.tree.list(path):
            below = posixpath.join(path, child.name)
            found = place.entry(below, where)  # not the listing's: each file is a read of its own
            if found is not None and found.is_directory:
                self._tree(place, below, where, depth + 1)
            elif found is not None and found.is_file:
                self._keep(place, below, found)

    def _keep(self, place: Place, path: str, entry: Entry) -> None:
        inside = place.inside(posixpath.normpath(path))
        known = self._graph.files.setdefault(inside, (place.tree, File(entry.path, inside, entry.oid)))
        if known[0] is not place.tree:
            raise SourceError(f"{inside}: {REMOTE} at the root is where remote bases are laid; rename it")
        if len(self._graph.files) > MOST_FILES:
            raise SourceError(f"it reads more than {MOST_FILES} files")


def content(graph: Graph) -> dict[str, bytes]:
    """The files of the box."""
    found = {inside: tree.read(file.path) for inside, (tree, file) in graph.files.items()}
    found.update((inside, body(document)) for inside, document in graph.rewritten.items())
    return found


def _joined(folder: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(folder, path))
    return "" if joined == "." else joined


def _relative(target: str, folder: str) -> str:
    """The way from one folder of the box to another, written so that nothing takes it for a URL."""
    way = posixpath.relpath(target or ".", folder or ".")
    return way if way.startswith("..") else f"./{way}"


def _replace(document: dict[str, Any], keys: tuple[str | int, ...], value: str) -> None:
    at: Any = document
    for key in keys[:-1]:
        at[key] = type(at[key])(at[key])
        at = at[key]
    at[keys[-1]] = value
