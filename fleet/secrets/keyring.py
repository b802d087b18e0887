"""The keyring: all sealing keys by ring, and which of them opened what.

Contract: one owner, in memory. A value is tried with the keys of the given rings alone: first the one that opened it
before, or else the one that opened its neighbour at the same place last, then the newest; so a value costs one RSA operation,
and a SealedSecret that an older key sealed one search. What is remembered is a digest and a fingerprint, never a value. ``open``
blocks for RSA operations and may be called in any thread; the other methods are the loop's.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from fleet.secrets import seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fleet.secrets.keys import SealingKey

REMEMBERED: Final = 100_000


class Keyring:
    """See the module. ``operations`` counts RSA operations since the start."""

    def __init__(self) -> None:
        self._keys: dict[str, SealingKey] = {}
        self._by_ring: dict[str, tuple[SealingKey, ...]] = {}
        self._opened: OrderedDict[bytes, str] = OrderedDict()
        self._lock = threading.Lock()
        self.operations = 0

    def put(self, key: SealingKey) -> None:
        """Take a key in; the one that its Secret held before is forgotten."""
        self._set({**self._keys, key.secret: key})

    def drop(self, secret: str) -> None:
        """Forget the key of a Secret."""
        self._set({name: key for name, key in self._keys.items() if name != secret})

    def all(self, ring: str | None = None) -> tuple[SealingKey, ...]:
        """The keys of a ring, or all, the newest first."""
        return _sorted(self._keys.values()) if ring is None else self._by_ring.get(ring, ())

    def rings(self) -> tuple[str, ...]:
        """Rings that have a key, sorted."""
        return tuple(sorted(self._by_ring))

    def newest(self, ring: str) -> SealingKey | None:
        """The key that a ring seals with; None where it has none."""
        return next((key for key in self.all(ring) if key.active), None)

    def open(self, rings: Iterable[str], place: bytes, blob: bytes) -> bytes | None:
        """The value in clear; None where no key of these rings opens it at this place. Raises SealBroken."""
        return self.at(rings, place)(blob)

    def at(self, rings: Iterable[str], place: bytes) -> Callable[[bytes], bytes | None]:
        """``open`` for many values of one place. Little is done a value: between RSA operations nothing else is in caches."""
        keys = [key for ring in rings for key in self.all(ring)]
        beside = hashlib.blake2b(place, digest_size=16).digest()

        def opened(blob: bytes) -> bytes | None:
            if len(keys) == 1:
                self._count()
                return seal.unseal(keys[0].private, place, blob)
            digest = hashlib.blake2b(place + b"\0" + blob, digest_size=16).digest()
            before = self._opened.get(digest) or self._opened.get(beside)
            for key in sorted(keys, key=lambda key: key.fingerprint != before):
                self._count()
                clear = seal.unseal(key.private, place, blob)
                if clear is not None:
                    self._remember(key.fingerprint, digest, beside)
                    return clear
            return None

        return opened

    def _count(self) -> None:
        with self._lock:
            self.operations += 1

    def _set(self, keys: dict[str, SealingKey]) -> None:
        # Both are replaced whole, for threads read them.
        rings = {key.ring for key in keys.values()}
        self._keys = keys
        self._by_ring = {ring: _sorted(key for key in keys.values() if key.ring == ring) for ring in rings}

    def _remember(self, fingerprint: str, *digests: bytes) -> None:
        with self._lock:
            for digest in digests:
                self._opened[digest] = fingerprint
            while len(self._opened) > REMEMBERED:
                self._opened.popitem(last=False)


def _sorted(keys: Iterable[SealingKey]) -> tuple[SealingKey, ...]:
    return tuple(sorted(keys, key=lambda key: (-key.made, key.secret)))
