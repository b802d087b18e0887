"""A Project -> the walls that a target carries to its cluster's worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.model import Walls

if TYPE_CHECKING:
    from fleet.api.project import Project


def walls(project: Project) -> Walls:
    """The Project's walls. They name it and allow everything: its rules are read and not yet enforced."""
    return Walls(project=project.metadata.name)
