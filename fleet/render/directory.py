"""Plain YAML: the manifest files of a directory, or one file.

Contract: files named ``*.yaml``, ``*.yml`` and ``*.json`` count, in folders below only with ``recurse``; the
globs see a file's path relative to the source's path. Links to files are followed, links to folders are not,
as in Argo CD. A file with the text ``+argocd:skip-file-rendering`` is left out. Manifests come in the order
of the files' names seen from the source, then of the documents.

A folder that is a Kustomize base or a Helm chart is refused rather than read as plain YAML, unless the globs
leave its ``kustomization.yaml`` or ``Chart.yaml`` out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.errors import InvalidObject, PathNotFound, RendererAmbiguous, SourceTooLarge
from fleet.model import Read, Rendered
from fleet.render.gather import Gathered
from fleet.render.globs import Glob, compiled
from fleet.render.inputs import Entry, File, Inputs, Tree

if TYPE_CHECKING:
    from fleet.model import Parameters
    from fleet.render.ground import Ground
    from fleet.render.program import Programs
    from fleet.render.source import Source

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_FOREIGN: Final = {
    "kustomization.yaml": "a Kustomize base",
    "kustomization.yml": "a Kustomize base",
    "Kustomization": "a Kustomize base",
    "Chart.yaml": "a Helm chart",
}
_SKIP: Final = b"+argocd:skip-file-rendering"

# A Git tree may name one subtree a thousand times: what is looked at is bounded, not what is stored.
MOST_FOLDERS: Final = 10_000
MOST_FILES: Final = 10_000


class PlainYaml:
    """The renderer of plain manifests."""

    name = "directory"

    def version(self, programs: Programs) -> str:  # noqa: ARG002 (it is no program)
        """Of our own reading of files."""
        return "1"

    def decides(self, source: Source) -> object:
        """How files are chosen, and whether facts are filled in afterwards."""
        return source.directory

    def collect(self, source: Source, ground: Ground) -> Inputs:
        """The files that count, by name; no file is read. Raises ``PathNotFound`` and others."""
        tree = ground.own
        path = source.path.strip("/")
        root = tree.entry(path)
        if root is None:
            raise PathNotFound(f"{source.path} is not in the commit {source.revision.commit}")
        if root.is_file:
            if not root.name.endswith(_SUFFIXES):
                raise PathNotFound(f"{source.path} is neither a folder nor a .yaml, .yml or .json file")
            files = [File(root.path, root.name, root.oid)]
        elif root.is_directory:
            files = _Walk(source, tree).files(root)
        else:
            raise PathNotFound(f"{source.path} is a submodule, which is not read")
        reads = {Read(source.repo, file.path, file.oid) for file in files}
        return Inputs(tuple(files), tree.reads | reads)

    def build(
        self,
        inputs: Inputs,
        source: Source,
        ground: Ground,
        parameters: Parameters,  # noqa: ARG002 (files say the same to every cluster)
        programs: Programs,  # noqa: ARG002 (it is no program)
    ) -> Rendered:
        """The manifests of the files, and a fault for each document that is none."""
        gathered = Gathered(unfilled=source.directory.substitute)
        for file in inputs.files:
            data = ground.own.read(file.path)
            if _SKIP not in data:
                gathered.file(file.path, data)
        return Rendered(key="", manifests=tuple(gathered.manifests), faults=tuple(gathered.faults))


class _Walk:
    """The files of a directory that the source's options select."""

    def __init__(self, source: Source, tree: Tree) -> None:
        self._tree = tree
        self._recurse = source.directory.recurse
        self._include = _glob(source.directory.include, "include")
        self._exclude = _glob(source.directory.exclude, "exclude")

    def files(self, root: Entry) -> list[File]:
        found: list[File] = []
        folders = [(root.path, "")]
        for count, (path, above) in enumerate(folders):  # grows while it is walked
            if count >= MOST_FOLDERS:
                raise SourceTooLarge(f"the source has more than {MOST_FOLDERS} folders")
            for entry in self._tree.list(path):
                name = above + entry.name
                if not count and entry.name in _FOREIGN and self._selects(name):
                    raise RendererAmbiguous(_NOT_PLAIN.format(path or ".", _FOREIGN[entry.name], entry.name))
                if entry.is_directory:
                    if self._recurse:
                        folders.append((entry.path, name + "/"))
                elif entry.name.endswith(_SUFFIXES) and self._selects(name):
                    file = self._file(entry, name)
                    if file is not None:
                        found.append(file)
            if len(found) > MOST_FILES:
                raise SourceTooLarge(f"the source has more than {MOST_FILES} files")
        found.sort(key=_by_name)
        return found

    def _selects(self, name: str) -> bool:
        return self._include.matches(name) and not self._exclude.matches(name)

    def _file(self, entry: Entry, name: str) -> File | None:
        if entry.is_link:
            target = self._tree.entry(entry.path)
            if target is None:
                raise PathNotFound(f"{entry.path} is a link to what is not in the commit")
            entry = target
        return File(entry.path, name, entry.oid) if entry.is_file else None


def _glob(pattern: str, field: str) -> Glob:
    if not pattern:
        return Glob([])
    try:
        return compiled(pattern)
    except ValueError as error:
        where = f"spec.source.directory.{field}"
        raise InvalidObject(f"{where} is not a glob: {error}", field=where) from None


def _by_name(file: File) -> str:
    return file.name


_NOT_PLAIN: Final = "{} is {} ({}), and spec.source.directory asks for plain manifests: exclude that file, or take directory away"
