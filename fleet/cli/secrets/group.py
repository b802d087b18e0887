"""The table of ``fleethub secrets``."""

from __future__ import annotations

from typing import Final

from fleet.cli.lazy import LazyGroup, Table

TABLE: Final[Table] = {
    "list": ("fleet.cli.secrets.listing:command", "List Secrets, their sources, versions and clusters."),
    "why": ("fleet.cli.secrets.why:command", "Say of each Secret why it is as it is."),
    "refresh": ("fleet.cli.secrets.refresh:command", "Have the hub look at the sources now."),
    "pin": ("fleet.cli.secrets.pin:pin", "Hold a path of Vault at a version."),
    "unpin": ("fleet.cli.secrets.pin:unpin", "Follow the newest version again."),
}

secrets = LazyGroup("secrets", table=TABLE, help="See the Secrets that the hub makes, and hold a version.")
