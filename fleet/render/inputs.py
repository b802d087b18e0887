"""What a render depends on: the tree it may look into, and what it found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.model import Read


class Entry(Protocol):
    """A file, directory, link or submodule; ``path`` is where it really lies in the repository."""

    @property
    def name(self) -> str: ...  # noqa: D102 (said by the class)
    @property
    def oid(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def is_directory(self) -> bool: ...  # noqa: D102
    @property
    def is_link(self) -> bool: ...  # noqa: D102
    @property
    def is_file(self) -> bool: ...  # noqa: D102


class Tree(Protocol):
    """One commit's files, for one render alone: it records each look-up. Blocking; raises ``SourceError``."""

    @property
    def reads(self) -> frozenset[Read]:
        """All that was looked up so far, absent paths too."""

    def entry(self, path: str) -> Entry | None:
        """What lies at a path, links followed; None where nothing does."""

    def list(self, path: str) -> Sequence[Entry]:
        """What lies in a directory, links as links."""

    def read(self, path: str) -> bytes:
        """A file's content."""


class File(NamedTuple):
    """A file that enters the render: path in the repository, name seen from the source, content's oid."""

    path: str
    name: str
    oid: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that decides a render, by content: ``files`` in the order in which they are rendered.

    ``reads`` names what was looked up, so that a commit which changes any of it, or puts something where
    nothing was, wakes those who rendered it. ``capabilities``: what the cluster serves decides too. ``plan`` is
    the renderer's own, from its ``collect`` to its ``build``.
    """

    files: tuple[File, ...]
    reads: frozenset[Read]
    capabilities: bool = False
    plan: Any = None
