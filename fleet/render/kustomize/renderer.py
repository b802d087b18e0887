"""`Kustomization`: the renderer."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Final

from fleet.documents.read import read
from fleet.errors import SourceError, fault
from fleet.model import Rendered
from fleet.render.gather import PRINTED, Gathered
from fleet.render.inputs import Inputs
from fleet.render.kustomize import graph, options
from fleet.render.kustomize.components import chosen
from fleet.render.kustomize.graph import Graph
from fleet.render.kustomize.wording import worded
from fleet.render.manifest import Place, body
from fleet.render.program import Name, ProgramFailed, ProgramMissing
from fleet.render.source import Kustomize

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.model import Parameters
    from fleet.render.ground import Ground
    from fleet.render.program import Output, Programs
    from fleet.render.source import Source

ENABLE_HELM: Final = "enable-helm"
LOAD_ANYWHERE: Final = "load-restrictor-none"
ALLOWED: Final = (ENABLE_HELM, LOAD_ANYWHERE)
_TYPE: Final = ("apiVersion", "kind")
_ORIGIN: Final = "config.kubernetes.io/origin"
_ORIGINS: Final = "originAnnotations"


class Kustomization:
    """The renderer of kustomizations; ``allowed`` are the build options that the hub lets them use."""

    name = "kustomize"

    def __init__(self, allowed: frozenset[str] = frozenset()) -> None:
        self._allowed = allowed

    def version(self, programs: Programs) -> str:
        """Kustomize's, and Helm's where kustomizations may inflate charts."""
        found = programs.version(program(programs))
        return f"{found}, {programs.version(Name.HELM)}" if ENABLE_HELM in self._allowed else found

    def decides(self, source: Source) -> object:
        """What of the source decides the output."""
        return source.kustomize, sorted(self._allowed)

    def collect(self, source: Source, ground: Ground) -> Inputs:
        """The files of the kustomization and of all that it is made of."""
        given = source.kustomize or Kustomize()
        path = posixpath.normpath(source.path or ".")
        path = "" if path == "." else path
        components = chosen(ground.own, path, given)

        def edit(document: dict[str, Any]) -> dict[str, Any]:
            return options.edited(document, given, components)

        found = graph.walk(ground, path, charts=ENABLE_HELM in self._allowed, edit=edit)
        files = tuple(file for _, file in found.files.values())
        return Inputs(files, ground.reads(), found.charts, found)

    def build(
        self, inputs: Inputs, source: Source, ground: Ground, parameters: Parameters, programs: Programs
    ) -> Rendered:
        """What the program makes of them."""
        del ground
        found: Graph = inputs.plan
        given = source.kustomize or Kustomize()
        content = graph.content(found)
        asked = _root(found, content)
        arguments = list(self._flags(given, parameters, found))
        done = run(programs, found.top, content, arguments, beside=self._beside(), named=found.named)
        top = posixpath.join(found.top, found.roots[found.top][0])
        gathered = Gathered()
        documents = read(done.stdout, path=f"what Kustomize makes of {top}", limits=PRINTED)
        for one in documents.items:
            at = _origin(one.value, found.top, keep=asked)
            gathered.value(one.value, Place(found.named(at) if at else top, one.index, 0))
        faults = (*gathered.faults, *(fault(error) for error in documents.faults))
        return Rendered(key="", manifests=tuple(gathered.manifests), faults=faults)

    def _beside(self) -> tuple[Name, ...]:
        return (Name.HELM,) if ENABLE_HELM in self._allowed else ()

    def _flags(self, given: Kustomize, parameters: Parameters, found: Graph) -> list[str]:
        flags = ["--load-restrictor", "LoadRestrictionsNone"] if LOAD_ANYWHERE in self._allowed else []
        if found.charts:
            flags += ["--enable-helm", "--helm-command", "{helm}"]
            version = given.kube_version or parameters.kube_version
            if version:
                flags += ["--helm-kube-version", version]
            for one in given.api_versions or parameters.api_versions:
                flags += ["--helm-api-versions", one]
        return flags


def program(programs: Programs) -> Name:
    """Which of the two programs there is: kubectl has Kustomize inside. Raises ProgramMissing for both."""
    try:
        programs.version(Name.KUBECTL)
    except ProgramMissing:
        programs.version(Name.KUSTOMIZE)
        return Name.KUSTOMIZE
    return Name.KUBECTL


def run(
    programs: Programs,
    path: str,
    files: dict[str, bytes],
    flags: list[str],
    *,
    beside: tuple[Name, ...] = (),
    named: Callable[[str], str] = str,
) -> Output:
    """Build the kustomization of a folder of the box. Raises what the program raises, worded.

    ``named`` turns a path of the box into what people know it as.
    """
    chosen = program(programs)
    verb = "kustomize" if chosen is Name.KUBECTL else "build"
    try:  # the way is written so that no folder is taken for an option or a URL
        return programs.run(chosen, [verb, f"./{path}", *flags], files, beside=beside)
    except ProgramFailed as error:
        raise RenderFailed(worded(error.errors, files, path, named)) from None


class RenderFailed(SourceError):
    """Kustomize refused; the text says why, without what stands in the files."""

    reason = "RenderFailed"


def _root(found: Graph, content: dict[str, bytes]) -> bool:
    """Write the kustomization at the path as it was edited; whether it asks for origins itself."""
    name, document = found.roots[found.top]
    if not any(value is not None for key, value in document.items() if key not in _TYPE):
        raise SourceError(f"{posixpath.join(found.top, name)}: the kustomization is empty")
    metadata = document.get("buildMetadata")
    listed = list(metadata) if isinstance(metadata, list) else []
    added = [] if _ORIGINS in listed else [_ORIGINS]
    content[posixpath.join(found.top, name)] = body({**document, "buildMetadata": [*listed, *added]})
    return not added


def _origin(value: dict[str, Any], path: str, *, keep: bool) -> str:
    """The file of the box that an object came from, taken off the object."""
    metadata = value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict) or not isinstance(metadata, dict):
        return ""
    text = str(annotations.get(_ORIGIN) or "")
    if not keep:
        annotations.pop(_ORIGIN, None)
        if not annotations:
            del metadata["annotations"]
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        if key.strip() in ("path", "configuredIn"):
            return posixpath.normpath(posixpath.join(path, rest.strip().strip("'\"")))
    return ""
