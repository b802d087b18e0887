"""The table of ``fleethub seal-key``."""

from __future__ import annotations

from typing import Final

from fleet.cli.lazy import LazyGroup, Table

TABLE: Final[Table] = {
    "list": ("fleet.cli.seal.keylist:command", "List rings and their keys."),
    "create": ("fleet.cli.seal.keymake:create", "Add a ring, with its first key."),
    "rotate": ("fleet.cli.seal.keymake:rotate", "Give a ring a new key; older ones go on opening."),
    "assign": ("fleet.cli.seal.keymake:assign", "Put a copied key on a ring."),
    "backup": ("fleet.cli.seal.keysaved:backup", "Write all sealing keys to a file."),
    "restore": ("fleet.cli.seal.keysaved:restore", "Put keys of a backup back."),
}

seal_key = LazyGroup("seal-key", table=TABLE, help="List, make, back up and restore sealing keys.")
