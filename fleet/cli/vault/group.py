"""The table of ``fleethub vault``."""

from __future__ import annotations

from typing import Final

from fleet.cli.lazy import LazyGroup, Table

TABLE: Final[Table] = {
    "setup": ("fleet.cli.vault.setup:command", "Print what Vault needs to know of a Project."),
    "check": ("fleet.cli.vault.check:command", "Have the hub try what a Project may have of Vault."),
}

vault = LazyGroup("vault", table=TABLE, help="Set Vault up for a Project, and check it.")
