"""Archives of charts on disk, by digest, and what versions and ranges were last found to mean.

Contract: blocking. Bounded in bytes, the least lately used goes first; what is read is held against its digest. The
meanings outlive a restart, so that a registry that is down takes nothing away. What cannot be written is no error:
it is fetched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.render.ground import RemoteChart

_MEANINGS: Final = "meanings.json"
_MOST_MEANINGS: Final = 10_000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Meaning(NamedTuple):
    """What a version or range was found to mean: the exact version, and the digest of its archive (hexadecimal)."""

    version: str
    digest: str


class Store:
    """See the module; ``folder`` is made where it is missing."""

    def __init__(self, folder: Path, max_bytes: int = 512 << 20) -> None:
        self._folder = folder
        self._max = max_bytes
        self._lock = threading.Lock()
        self._meanings: dict[str, Meaning] = {}
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for half in folder.glob(".*.new"):
                half.unlink()
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            known = orjson.loads((folder / _MEANINGS).read_bytes())
            self._meanings = {
                key: Meaning(*value)
                for key, value in known.items()
                if len(value) == len(Meaning._fields) and all(isinstance(one, str) for one in value)
            }

    def meaning(self, chart: RemoteChart) -> Meaning | None:
        """What was last found; None where nothing ever was."""
        return self._meanings.get(_key(chart))

    def mean(self, chart: RemoteChart, meaning: Meaning) -> None:
        """Remember what was found."""
        with self._lock:
            self._meanings.pop(_key(chart), None)
            self._meanings[_key(chart)] = meaning
            while len(self._meanings) > _MOST_MEANINGS:
                del self._meanings[next(iter(self._meanings))]
            self._write(_MEANINGS, orjson.dumps({key: list(one) for key, one in self._meanings.items()}))

    def get(self, digest: str) -> bytes | None:
        """The archive of a digest; None where it is not there whole."""
        if not _DIGEST.fullmatch(digest):
            return None  # digests come from far: as a path it could name anything
        path = self._folder / f"{digest}.tgz"
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != digest:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return data

    def put(self, data: bytes) -> str:
        """Keep an archive; its digest."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            self._write(f"{digest}.tgz", data)
            self._shrink()
        return digest

    def _write(self, name: str, data: bytes) -> None:
        scratch = self._folder / f".{name}.new"
        with contextlib.suppress(OSError):
            scratch.write_bytes(data)
            scratch.replace(self._folder / name)

    def _shrink(self) -> None:
        with contextlib.suppress(OSError):
            found = sorted(
                (path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob("*.tgz")
            )
            total = sum(size for _, size, _ in found)
            for _, size, path in found:
                if total <= self._max:
                    break
                path.unlink()
                total -= size


def _key(chart: RemoteChart) -> str:
    return "\n".join(chart)
