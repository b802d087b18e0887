"""Which files of which commit are rendered, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.model import Revision


@dataclass(frozen=True, slots=True)
class Directory:
    """How a directory of plain manifests is read; the globs are those of `globs`, an empty one matches nothing."""

    recurse: bool = False
    include: str = "*"
    exclude: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A path (a directory or one file) in a repository at a revision; ``.`` and the empty path are its root."""

    repo: str
    revision: Revision
    path: str
    directory: Directory = field(default_factory=Directory)
