"""Secrets of the hub: its sealing keys, and the resolver that workers ask.

Contract: a worker gets the clear text of one Secret for one target, and nobody keeps any of it. Before keys and rings
are known nothing is opened: that is waited for. What could not be opened is looked at again when a key, a ring or a
cluster's labels change.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from fleet import names
from fleet.clock import Clock
from fleet.errors import NotReady
from fleet.hub.roster import Roster
from fleet.kube.client import Door
from fleet.model import ApplicationKey
from fleet.report.board import Board
from fleet.secrets.resolve import Resolving, SealClosed
from fleet.settings import Settings
from fleet.worker.resolver import Asked
from fleet.world.objects import World
from fleet.world.sealing_keys import SealingKeys

CLOSED: Final = frozenset({SealClosed.reason})


class Secrets:
    """See the module."""

    roster: Roster

    def __init__(self, door: Door, world: World, board: Board, settings: Settings, clock: Clock) -> None:
        self.sealing = SealingKeys(door, world, settings.namespace, clock)
        self.sealing.renewal, self.sealing.cutoff = settings.seal_key_renewal, settings.seal_key_cutoff
        self.sealing.changed = self._again
        self._board = board
        self._resolving = Resolving(self.sealing.keyring, self.sealing.serving)

    async def clear(self, asked: Asked) -> bytes:
        """The Secret in clear. Raises FleetError."""
        if not self.sealing.complete:
            raise NotReady("the sealing keys are not read yet", ref=asked.manifest.ref)
        return await self._resolving.clear(asked.manifest, asked.cluster)

    def saw(self, kind: str, _key: ApplicationKey) -> None:
        """An object of the hub's kinds came, changed or went."""
        if kind == names.CLUSTER:
            self.sealing.cluster_changed()
            self._again()

    def tasks(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs as long as the hub does."""
        return (self.sealing.follow_keys(), self.sealing.follow_rings(), self.sealing.keep())

    def close(self) -> None:
        """Let go of the threads."""
        self._resolving.close()

    def _again(self) -> None:
        for target, outcome in self._board.snapshot().outcomes.items():
            worker = self.roster.get(target.cluster)
            if worker is not None and any(fault.reason in CLOSED for fault in outcome.faults):
                worker.again(target)
