"""From an ExternalSecret's ``remoteRef.key`` to the path below a KV engine, by the operator's rules.

Contract: pure. With a mount: what begins with it is cut off once, and on version 2 a ``data/`` right behind that.
Without one: the first segment is the mount, unless on version 2 a ``/data/`` says where it ends.
"""

from __future__ import annotations

from typing import Final

from fleet.secrets import segments
from fleet.secrets.segments import PathRefused
from fleet.secrets.vault.address import KvPath

_DATA: Final = "/data/"
_VERSIONED: Final = 2


def locate(mount: str, engine: int, key: str, where: str) -> KvPath:
    """The place of a key; ``where`` is the field that errors name. Raises PathRefused."""
    if mount:
        rest = key
        if rest.startswith(f"{mount}/"):
            rest = rest.removeprefix(f"{mount}/")
            if engine == _VERSIONED:
                rest = rest.removeprefix("data/")
    elif engine == _VERSIONED and _DATA in key:
        mount, _, rest = key.partition(_DATA)
    else:
        mount, slash, rest = key.partition("/")
        if not slash:
            raise PathRefused(
                f"{where}: it names a mount and no path below it: write MOUNT/PATH, or give the store a path",
                field=where,
            )
    return KvPath(segments.path(mount, where), segments.path(rest, where), engine)
