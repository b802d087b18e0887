"""Secrets of the hub: its sealing keys, its logins to Vault, its stores, and the resolver that workers ask.

Contract: a worker gets the clear text of one Secret for one target, and nobody keeps any of it. Before keys and rings
are known nothing is opened: that is waited for. What could not be opened is looked at again when a key, a ring, a store or
a cluster's labels change; what is kept elsewhere is followed by its version.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from fleet import names
from fleet.clock import Clock
from fleet.errors import NotReady
from fleet.facts import Facts
from fleet.hub import vault_check
from fleet.hub.refresh import Refresh
from fleet.hub.roster import Roster
from fleet.kube.client import Door
from fleet.model import ApplicationKey, ObjectRef, TargetKey
from fleet.outward import Outward
from fleet.redact import ours
from fleet.report.board import Board
from fleet.secrets.fetch import Fetching
from fleet.secrets.resolve import Resolving
from fleet.secrets.unseal import SealClosed
from fleet.secrets.vault.door import Door as VaultDoor
from fleet.secrets.vault.vault import Vault
from fleet.secrets.version import Place, Stamped, pins
from fleet.settings import Settings
from fleet.worker.resolver import Asked, Stamp
from fleet.world.objects import World
from fleet.world.sealing_keys import SealingKeys
from fleet.world.stores import Stores
from fleet.world.vault_logins import VaultLogins

CLOSED: Final = frozenset({SealClosed.reason})


class Secrets:
    """See the module."""

    roster: Roster

    def __init__(
        self, door: Door, world: World, board: Board, settings: Settings, clock: Clock, out: Outward
    ) -> None:
        self.sealing = SealingKeys(door, world, settings.namespace, clock)
        self.sealing.renewal, self.sealing.cutoff = settings.seal_key_renewal, settings.seal_key_cutoff
        self.sealing.changed = self._again
        self.stores = Stores(door, settings.namespace, clock)
        self.stores.changed = lambda: self.refresh.look(lambda _: True)
        logins = VaultLogins(door, settings.namespace)
        self.vault = Vault(logins.token, logins.secret_id, clock, door=VaultDoor(out))
        self.refresh = Refresh(self._stamp, self._touch, clock)
        self.version: Callable[[str], str] = lambda _: ""
        self._world = world
        self._namespace = settings.namespace
        self._board = board
        self._asked: dict[ApplicationKey, tuple[str, str]] = {}
        self._closed: set[TargetKey] = (
            set()
        )  # targets of which something could not be opened since keys moved
        self._moves = 0
        fetching = Fetching(self.vault, self.stores.get, self.stores.source, settings.secret_refresh)
        self._resolving = Resolving(self.sealing.keyring, self.sealing.serving, fetching)

    # --- what workers ask ---------------------------------------------------------------------------------

    async def stamp(self, asked: Asked) -> Stamp:
        """Which version there is now. Raises FleetError."""
        try:
            found = await self._stamp(asked, fresh=False)
        except Exception as error:
            self.refresh.told(asked, ours(error))
            raise
        self.refresh.told(asked, found)
        return Stamp(found.text, found.gone)

    async def clear(self, asked: Asked) -> bytes:
        """The Secret in clear. Raises FleetError."""
        if not self.sealing.complete:
            raise NotReady("the sealing keys are not read yet", ref=asked.manifest.ref)
        before = self._moves
        try:
            found = await self._resolving.clear(asked.manifest, self._place(asked))
        except SealClosed:
            # What the pass came to stands on the board only at its end, and a key may come before that.
            self._closed.add(asked.target)
            if self._moves != before:
                self._touch(asked.target)
            raise
        self.refresh.opened(asked)
        return found

    def retain(self, target: TargetKey, refs: frozenset[ObjectRef]) -> None:
        """These are all the Secrets of the target that are kept elsewhere."""
        self.refresh.retain(target, refs)

    # --- what the hub tells -------------------------------------------------------------------------------

    def saw(self, kind: str, key: ApplicationKey) -> None:
        """An object of the hub's kinds came, changed or went."""
        if kind == names.CLUSTER:
            self.sealing.cluster_changed()
            self._again()
        elif kind == names.APPLICATION:
            known = self._world.applications.get(key)
            if known is None:
                self._asked.pop(key, None)
                return
            asked = (known.annotations.get(names.PIN, ""), known.annotations.get(names.REFRESH_SECRETS, ""))
            before = self._asked.get(key)
            self._asked[key] = asked
            if before is not None and before != asked:
                self.refresh.look(lambda one: one.application == key, fresh=before[1] != asked[1])

    async def check(self, project: str) -> Sequence[tuple[str, str, str]] | None:
        """Try what a Project may have of Vault; None where there is no such Project."""
        known = self._world.projects.get(ApplicationKey(self._namespace, project))
        if known is None or known.model is None:
            return None
        return await vault_check.check(known.model, self.vault)

    def tasks(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs as long as the hub does."""
        return (
            self.sealing.follow_keys(),
            self.sealing.follow_rings(),
            self.sealing.keep(),
            self.stores.follow("SecretStore"),
            self.stores.follow("ClusterSecretStore"),
            self.refresh.run(),
        )

    async def close(self) -> None:
        """Let go of the threads, and forget the tokens."""
        self._resolving.close()
        await self.vault.close()

    # --- inside -------------------------------------------------------------------------------------------

    async def _stamp(self, asked: Asked, fresh: bool) -> Stamped:  # noqa: FBT001 (Refresh's word)
        return await self._resolving.stamp(asked.manifest, self._place(asked), fresh=fresh)

    def _place(self, asked: Asked) -> Place:
        key, name = asked.target.application, asked.target.cluster
        known = self._world.applications.get(key)
        held = pins(known.annotations.get(names.PIN, "") if known is not None else "")
        return Place(key, self._facts(name), asked.walls, held)

    def _facts(self, name: str) -> Facts:
        known = self._world.clusters.get(ApplicationKey(self._namespace, name))
        model = known.model if known is not None else None
        if model is None:
            return Facts(name, version=self.version(name))
        return Facts(name, model.metadata.labels, model.metadata.annotations, self.version(name))

    def _touch(self, target: TargetKey) -> None:
        worker = self.roster.get(target.cluster)
        if self.roster.offered(target) is None:
            self.refresh.retain(target, frozenset())
        elif worker is not None:
            worker.again(target)

    def _again(self) -> None:
        self._moves += 1
        told = self._board.snapshot().outcomes.items()
        shut = {target for target, found in told if any(fault.reason in CLOSED for fault in found.faults)}
        closed, self._closed = self._closed | shut, set()
        for target in closed:
            worker = self.roster.get(target.cluster)
            if worker is not None:
                worker.again(target)
