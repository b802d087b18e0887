"""What a renderer is, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fleet.render.directory import PlainYaml

if TYPE_CHECKING:
    from fleet.model import Parameters, Rendered
    from fleet.render.inputs import Inputs, Tree
    from fleet.render.source import Source


class Renderer(Protocol):
    """Makes manifests of files. Both methods block and are called in a thread; neither keeps anything."""

    @property
    def name(self) -> str:
        """The word for it in the table."""

    @property
    def version(self) -> str:
        """Changes with whatever changes its output for the same inputs: it is part of the cache's key."""

    def collect(self, source: Source, tree: Tree) -> Inputs:
        """What the render depends on. Reads trees, and of blobs only those that name further inputs.

        Raises ``SourceError`` (such as ``PathNotFound``).
        """

    def build(self, inputs: Inputs, source: Source, tree: Tree, parameters: Parameters) -> Rendered:
        """The manifests and the faults; key and reads are the caller's to fill in."""


RENDERERS: dict[str, Renderer] = {renderer.name: renderer for renderer in (PlainYaml(),)}


def renderer_of(source: Source) -> Renderer:  # noqa: ARG001 (plain YAML is the only one as yet)
    """The renderer that a source asks for."""
    return RENDERERS["directory"]
