"""What a renderer is, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from fleet.errors import RendererAmbiguous
from fleet.render.directory import PlainYaml
from fleet.render.helm.chart import CHART
from fleet.render.helm.renderer import HelmChart
from fleet.render.kustomize.graph import NAMES
from fleet.render.kustomize.renderer import Kustomization

if TYPE_CHECKING:
    from fleet.model import Parameters, Rendered
    from fleet.render.ground import Ground
    from fleet.render.inputs import Inputs
    from fleet.render.program import Programs
    from fleet.render.source import Source


class Renderer(Protocol):
    """Makes manifests of files. Both methods block and are called in a thread; neither keeps anything."""

    @property
    def name(self) -> str:
        """The word for it in the table."""

    def version(self, programs: Programs) -> str:
        """Changes with whatever changes its output for the same inputs: it is part of the cache's key.

        For a program its name and version, as people are shown it: ``helm v4.3.1``. Raises ``ProgramMissing``.
        """

    def decides(self, source: Source) -> object:
        """What of the source decides the output, besides its files; its ``repr`` is part of the key."""

    def collect(self, source: Source, ground: Ground) -> Inputs:
        """What the render depends on. Reads trees, and of blobs only those that name further inputs.

        Raises ``SourceError`` (such as ``PathNotFound``), among them ``Unfetched``.
        """

    def build(
        self, inputs: Inputs, source: Source, ground: Ground, parameters: Parameters, programs: Programs
    ) -> Rendered:
        """The manifests and the faults; key, reads and renderer are the caller's to fill in.

        Raises what the programs raise, and ``SourceError``.
        """


PLAIN: Final = PlainYaml.name


class Renderers:
    """The renderers that there are; ``allowed`` are build options that kustomizations may use."""

    def __init__(self, allowed: frozenset[str] = frozenset()) -> None:
        self.plain = PlainYaml()
        self.kustomize = Kustomization(allowed)
        self.helm = HelmChart()

    def of(self, source: Source, ground: Ground) -> Renderer:
        """The renderer that a source asks for, or that what lies at its path does. Raises ``RendererAmbiguous``."""
        if source.helm is not None or source.chart:
            return self.helm
        if source.kustomize is not None:
            return self.kustomize
        if source.plain:
            return self.plain
        tree, path = ground.own, source.path.strip("/")
        folder = "" if path in ("", ".") else f"{path}/"
        entry = tree.entry(path)
        if entry is None or not entry.is_directory:
            return self.plain
        names = {one.name for one in tree.list(path)}
        chart, kustomization = CHART in names, names & set(NAMES)
        if chart and kustomization:
            raise RendererAmbiguous(
                f"{folder or '.'} holds {CHART} and {min(kustomization)}: give the source helm or kustomize to say which"
            )
        if chart:
            return self.helm
        return self.kustomize if kustomization else self.plain
