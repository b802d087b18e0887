"""Which files of which commit are rendered, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.model import Revision


@dataclass(frozen=True, slots=True)
class Directory:
    """How a directory of plain manifests is read; globs as in `globs`, an empty one matches nothing."""

    recurse: bool = False
    include: str = "*"
    exclude: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A path (a directory or one file) in a repository at a revision; ``.`` is the root, as is no path."""

    repo: str
    revision: Revision
    path: str
    directory: Directory = field(default_factory=Directory)
