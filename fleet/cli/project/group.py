"""The table of ``fleethub project``."""

from __future__ import annotations

from typing import Final

from fleet.cli.lazy import LazyGroup, Table

TABLE: Final[Table] = {
    "list": ("fleet.cli.project.listing:command", "List Projects."),
    "get": ("fleet.cli.project.get:command", "Show a Project."),
    "check": ("fleet.cli.project.check:command", "Say what an Application may do, and what it may not."),
}

project = LazyGroup("project", table=TABLE, help="See Projects, and what they let an Application do.")
