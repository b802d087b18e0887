"""What a renderer is, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from fleet.render.directory import PlainYaml

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
RENDERERS: dict[str, Renderer] = {renderer.name: renderer for renderer in (PlainYaml(),)}


def renderer_of(source: Source) -> Renderer:  # noqa: ARG001 (plain YAML is the only one as yet)
    """The renderer that a source asks for."""
    return RENDERERS[PLAIN]
