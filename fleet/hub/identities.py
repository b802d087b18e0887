"""Which member each Cluster is: learned at first contact, and asked for before the first write of a connection.

Contract: one owner. Who a Cluster is stands in its status before anything is written to that member, so that a
crash between the two forgets nothing; a lost etcd is learnt anew. Memory is for what a watch has not shown yet.
No method awaits but ``admit``, which ends or raises why nothing may be written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from fleet import names
from fleet.clusters import identity
from fleet.clusters.identity import Registered
from fleet.errors import NotReady
from fleet.model import ApplicationKey
from fleet.world.objects import World


class Identities:
    """See the module. ``record`` writes a Cluster's status and says whether it stands there.

    ``again`` has a worker connect anew: what it was told does not hold any more.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, tuple[str, str]] = {}  # name -> UID of the Cluster, of the member
        self._refused: dict[str, str] = {}  # name -> UID of the member that it must not write to
        self._seconds: dict[str, str] = {}
        self._complete = asyncio.Event()
        self.namespace = names.HUB_NAMESPACE
        self.record: Callable[[str], Awaitable[bool]] = _nowhere
        self.again: Callable[[str], None] = lambda _: None

    # --- what a worker asks -----------------------------------------------------------------------------

    async def admit(self, name: str, uid: str) -> None:
        """The Cluster's connection has reached this member: may it write there? Raises why not."""
        await self._complete.wait()
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        mine = self._of(name)
        if known is None or mine is None:
            raise NotReady(f"there is no Cluster {name} any more")
        problem = identity.judge(mine, uid, self._all())
        if problem is not None:
            self._refused[name] = uid
            raise problem
        self._refused.pop(name, None)
        if mine.identity == uid:
            return
        self._known[name] = (known.uid, uid)
        self._count()
        if not await self.record(name):
            self._known.pop(name, None)
            self._count()
            raise NotReady(f"which cluster {name} is could not be recorded")

    def may_write(self, name: str) -> bool:
        """Whether the Cluster is not known to be another's cluster; asked before every write."""
        return name not in self._seconds

    # --- what the hub asks ------------------------------------------------------------------------------

    def identity(self, name: str) -> str:
        """Who the Cluster is; empty before first contact."""
        mine = self._of(name)
        return mine.identity if mine is not None else ""

    def other(self, name: str) -> str:
        """Which member its connection reaches instead, where nothing may be written there."""
        return self._refused.get(name, "")

    def first(self, name: str) -> str:
        """The name of the Cluster that looks after the member that this one reaches; empty for this one."""
        if name in self._seconds:
            return self._seconds[name]
        mine, uid = self._of(name), self.other(name)
        found = identity.elder(mine, uid, self._all()) if mine is not None and uid else None
        return found.name if found is not None else ""

    # --- what the hub tells -----------------------------------------------------------------------------

    def lifted(self) -> None:
        """The lists are complete: who else is registered is known."""
        self._count()
        self._complete.set()

    def changed(self, name: str) -> None:
        """A Cluster came, changed or went: who was refused for it may be let in now."""
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        memory = self._known.get(name)
        if known is None or (memory is not None and memory[0] != known.uid):
            self._known.pop(name, None)
        if known is None:
            self._refused.pop(name, None)
        self._count()
        for refused in tuple(self._refused):
            self.again(refused)

    # --- inside -----------------------------------------------------------------------------------------

    def _of(self, name: str) -> Registered | None:
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        if known is None or known.deleting or known.model is None:
            return None
        memory = self._known.get(name)
        if memory is not None and memory[0] == known.uid:
            uid = memory[1]
        else:
            uid = str(known.status.get("identity") or "")
        successor = known.annotations.get(names.REPLACE, "").strip()
        return Registered(known.model.metadata.created, name, uid, successor)

    def _all(self) -> Iterator[Registered]:
        for key in self._world.clusters:
            if key.namespace == self.namespace and (found := self._of(key.name)) is not None:
                yield found

    def _count(self) -> None:
        before, self._seconds = self._seconds, identity.seconds(self._all())
        for name in before.keys() ^ self._seconds.keys():
            self.again(name)


async def _nowhere(_name: str) -> bool:
    return True
