"""A Project's walls, before its rules are enforced."""

from __future__ import annotations

from fleet.api.parse import parse
from fleet.model import Walls
from fleet.projects import default
from fleet.projects.walls import walls


def test_walls_name_the_project_and_allow_everything() -> None:
    assert walls(parse("Project", default.manifest("fleethub"))) == Walls("default")
