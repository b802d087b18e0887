"""What stands for a Secret -> the Secret in clear, for one target, whatever its form.

Contract: the answer is the caller's to forget; nothing of it is kept here. Errors name the object, its keys and its
sources, never a value. What blocks (RSA, templates) runs in a pool as wide as the machine, in which Applications take turns.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from fleet.secrets.arrange import FETCHED
from fleet.secrets.turns import Turns
from fleet.secrets.unseal import unseal
from fleet.secrets.version import Stamped

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.model import Manifest
    from fleet.secrets.fetch import Fetching
    from fleet.secrets.keyring import Keyring
    from fleet.secrets.version import Place


EACH: Final = (
    2  # jobs of an Application in the queue for each thread: one at work, and one at hand when it ends
)


class Resolving:
    """See the module. ``rings`` gives the rings that serve a cluster, by its name."""

    def __init__(self, keyring: Keyring, rings: Callable[[str], tuple[str, ...]], fetching: Fetching) -> None:
        self._keyring = keyring
        self._rings = rings
        self._fetching = fetching
        threads = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads, "fleethub-unseal")
        self._turns = Turns(self._pool, EACH * threads)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def stamp(self, manifest: Manifest, place: Place, *, fresh: bool = False) -> Stamped:
        """Which version of its sources it stands for; ``fresh``: whatever was learned a moment ago. Raises FleetError."""
        if manifest.form not in FETCHED:
            return Stamped("")
        return await self._fetching.stamp(manifest, place, fresh=fresh)

    async def clear(self, manifest: Manifest, place: Place) -> bytes:
        """The Secret's manifest in clear, as JSON. Raises FleetError."""
        if manifest.form in FETCHED:
            job = await self._fetching.read(manifest, place)
        else:
            job = partial(unseal, manifest, place.cluster, self._rings(place.cluster), self._keyring)
        return await self._turns.run(place.application, job)
