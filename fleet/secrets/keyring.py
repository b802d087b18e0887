"""The keyring: all sealing keys by ring, and which of them opened what.

Contract: one owner, in memory. A value is tried with the keys of the given rings alone, the one that opened it before
first, then the newest; what is remembered of a value is a digest and a fingerprint, never the value. ``open`` blocks
for an RSA operation and may be called in any thread; the other methods are the loop's.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from fleet.secrets import seal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.secrets.keys import SealingKey

REMEMBERED: Final = 100_000


class Keyring:
    """See the module. ``operations`` counts RSA operations since the start."""

    def __init__(self) -> None:
        self._keys: dict[str, SealingKey] = {}
        self._opened: OrderedDict[bytes, str] = OrderedDict()
        self.operations = 0

    def put(self, key: SealingKey) -> None:
        """Take a key in; the one that its Secret held before is forgotten."""
        self._keys = {**self._keys, key.secret: key}

    def drop(self, secret: str) -> None:
        """Forget the key of a Secret."""
        self._keys = {name: key for name, key in self._keys.items() if name != secret}

    def all(self, ring: str | None = None) -> tuple[SealingKey, ...]:
        """The keys of a ring, or all, the newest first."""
        found = [key for key in self._keys.values() if ring in (None, key.ring)]
        return tuple(sorted(found, key=lambda key: (-key.made, key.secret)))

    def rings(self) -> tuple[str, ...]:
        """Rings that have a key, sorted."""
        return tuple(sorted({key.ring for key in self._keys.values()}))

    def newest(self, ring: str) -> SealingKey | None:
        """The key that a ring seals with; None where it has none."""
        return next((key for key in self.all(ring) if key.active), None)

    def open(self, rings: Iterable[str], place: bytes, blob: bytes) -> bytes | None:
        """The value in clear; None where no key of these rings opens it at this place. Raises SealBroken."""
        digest = hashlib.blake2b(place + b"\0" + blob, digest_size=16).digest()
        before = self._opened.get(digest)
        keys = [key for ring in rings for key in self.all(ring)]
        keys.sort(key=lambda key: key.fingerprint != before)
        for key in keys:
            self.operations += 1
            clear = seal.unseal(key.private, place, blob)
            if clear is not None:
                self._remember(digest, key.fingerprint)
                return clear
        return None

    def _remember(self, digest: bytes, fingerprint: str) -> None:
        self._opened[digest] = fingerprint
        while len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)
