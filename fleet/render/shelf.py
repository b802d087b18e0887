"""`Shelf`: renders on disk, by key, so that a restart does not run a program again.

Contract: bounded in bytes, the least lately used goes first; for any thread of one process. A file is written
beside its place and moved there, and begins with the digest of its content: what a crash or a full disk left half
is not read. What cannot be read or written is a miss, never an error. Only the hub's own account may look into
it: what Git holds in clear stands there in clear; what is resolved when it is applied never does, since renders
come before that.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from fleet.model import Rendered

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT: Final = "1"  # changes with the shape of `Rendered`
_DIGEST: Final = 32
_decoder: Final = msgspec.msgpack.Decoder(Rendered)


class Shelf:
    """See the module. ``folder`` is made where it is missing."""

    def __init__(self, folder: Path, max_bytes: int = 1 << 30) -> None:
        self.hits = 0
        self.bytes = 0
        self._folder = folder / _FORMAT
        self._max = max_bytes
        self._lock = threading.Lock()
        self._known: OrderedDict[str, int] = OrderedDict()  # key to size, the least lately used first
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._survey()

    def get(self, key: str) -> Rendered | None:
        """The render of that key, without its reads; None where it is not there whole."""
        with self._lock:
            if key not in self._known:
                return None
            self._known.move_to_end(key)
        path = self._folder / key
        try:
            data = path.read_bytes()
            if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
                raise ValueError  # noqa: TRY301 (as a decoder would)
            found = _decoder.decode(data[_DIGEST:])
        except (OSError, ValueError, msgspec.MsgspecError):
            self._drop(key)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        self.hits += 1
        return found

    def put(self, key: str, rendered: Rendered) -> None:
        """Keep it."""
        payload = msgspec.msgpack.encode(replace(rendered, reads=frozenset()))
        data = hashlib.sha256(payload).digest() + payload
        if len(data) > self._max:
            return
        scratch = self._folder / f".{key}.{threading.get_ident()}"
        try:
            scratch.write_bytes(data)
            scratch.replace(self._folder / key)
        except OSError:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)
            return
        with self._lock:
            self.bytes += len(data) - self._known.pop(key, 0)
            self._known[key] = len(data)
            over = []
            while self.bytes > self._max:
                oldest, size = self._known.popitem(last=False)
                self.bytes -= size
                over.append(oldest)
        for one in over:
            with contextlib.suppress(OSError):
                (self._folder / one).unlink(missing_ok=True)

    def _drop(self, key: str) -> None:
        with self._lock:
            self.bytes -= self._known.pop(key, 0)
        with contextlib.suppress(OSError):
            (self._folder / key).unlink(missing_ok=True)

    def _survey(self) -> None:
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    os.unlink(entry.path)  # noqa: PTH108 (a scan gives paths as text)
                else:
                    status = entry.stat()
                    found.append((status.st_mtime, entry.name, status.st_size))
        for _, name, size in sorted(found):
            self._known[name] = size
            self.bytes += size
