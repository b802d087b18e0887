"""`Kustomization`: the renderer."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.documents.read import read
from fleet.errors import SourceError
from fleet.model import Rendered
from fleet.render.gather import PRINTED, Gathered
from fleet.render.inputs import Inputs
from fleet.render.kustomize import graph, options
from fleet.render.kustomize.graph import Graph
from fleet.render.manifest import Place
from fleet.render.program import Name, ProgramFailed, ProgramMissing
from fleet.render.source import Kustomize

if TYPE_CHECKING:
    from fleet.model import Parameters
    from fleet.render.ground import Ground
    from fleet.render.program import Output, Programs
    from fleet.render.source import Source

ENABLE_HELM: Final = "enable-helm"
LOAD_ANYWHERE: Final = "load-restrictor-none"
ALLOWED: Final = (ENABLE_HELM, LOAD_ANYWHERE)
_ORIGIN: Final = "config.kubernetes.io/origin"
_ORIGINS: Final = "originAnnotations"
_LONGEST: Final = 1500


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
        components = [one for one in given.components if self._there(ground, path, one, given)]
        extra = (*components, *(one.path for one in given.patches if one.path))
        found = graph.walk(ground, path, charts=ENABLE_HELM in self._allowed, extra=extra)
        files = tuple(file for _, file in found.files.values())
        charts = any("helmCharts" in document for _, document in found.roots.values())
        return Inputs(files, ground.reads(), charts, (path, found, tuple(components)))

    def build(
        self, inputs: Inputs, source: Source, ground: Ground, parameters: Parameters, programs: Programs
    ) -> Rendered:
        """What the program makes of them."""
        del ground
        path, found, components = inputs.plan
        given = source.kustomize or Kustomize()
        content = graph.content(found)
        asked = _root(found, path, given, components, content)
        arguments = list(self._flags(given, parameters, found))
        done = run(programs, path or ".", content, arguments, beside=self._beside())
        gathered = Gathered()
        for one in read(done.stdout, path=path or ".", limits=PRINTED).items:
            value = one.value
            at = _origin(value, path, keep=asked) if isinstance(value, dict) else ""
            name, _ = found.roots[path]
            gathered.value(value, Place(at or posixpath.join(path, name), one.index, 0))
        return Rendered(key="", manifests=tuple(gathered.manifests), faults=tuple(gathered.faults))

    def _there(self, ground: Ground, path: str, component: str, given: Kustomize) -> bool:
        """Whether a component is there; one that is missing is an error later, unless that may be."""
        if not given.ignore_missing_components:
            return True
        target = posixpath.normpath(posixpath.join(path, component))
        return ground.own.entry(target) is not None

    def _beside(self) -> tuple[Name, ...]:
        return (Name.HELM,) if ENABLE_HELM in self._allowed else ()

    def _flags(self, given: Kustomize, parameters: Parameters, found: Graph) -> list[str]:
        flags = ["--load-restrictor", "LoadRestrictionsNone"] if LOAD_ANYWHERE in self._allowed else []
        if ENABLE_HELM in self._allowed and any("helmCharts" in one for _, one in found.roots.values()):
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
) -> Output:
    """Build the kustomization at a path of the box. Raises what the program raises, worded."""
    chosen = program(programs)
    verb = "kustomize" if chosen is Name.KUBECTL else "build"
    try:
        return programs.run(chosen, [verb, path, *flags], files, beside=beside)
    except ProgramFailed as error:
        raise RenderFailed(worded(error.errors) or error.text) from None


class RenderFailed(SourceError):
    """Kustomize refused; the text is its own."""

    reason = "RenderFailed"


def worded(text: str) -> str:
    """What Kustomize wrote, on one line, without its ``error:`` and warnings."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("#", "Warning:", "# Warning"))]
    joined = " ".join(told).removeprefix("error: ").removeprefix("Error: ")
    return joined if len(joined) <= _LONGEST else joined[: _LONGEST - 3] + "..."


def _root(
    found: Graph, path: str, given: Kustomize, components: tuple[str, ...], content: dict[str, bytes]
) -> bool:
    """Write the kustomization at the path with the options in it; whether it asks for origins itself."""
    name, document = found.roots[path]
    edited = options.edited(document, given, components)
    metadata = edited.get("buildMetadata")
    listed = list(metadata) if isinstance(metadata, list) else []
    edited["buildMetadata"] = [*listed, *([] if _ORIGINS in listed else [_ORIGINS])]
    content[posixpath.join(path, name)] = orjson.dumps(edited)
    return _ORIGINS in listed


def _origin(value: dict[str, Any], path: str, *, keep: bool) -> str:
    """The file that an object came from, taken off the object."""
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
