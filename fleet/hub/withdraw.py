"""Targets that leave: unselected clusters after their grace, all of them when the Application is deleted.

Contract: nothing leaves before the hub's lists are complete (H16), and by a label only when the Application has
rendered since start and the grace has passed. A cluster that is no longer registered is let go of with an
Event; what it holds stays there.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet import names
from fleet.api.application import Application
from fleet.clock import Clock
from fleet.hub import requests
from fleet.hub.finalizer import Finalizer
from fleet.hub.record import Record
from fleet.hub.roster import Roster
from fleet.model import ApplicationKey, Hold, Holding, TargetKey, Withdrawal
from fleet.placement.policy import withdrawal
from fleet.report.board import Board
from fleet.report.happenings import Happening, abandoned
from fleet.world.objects import Known, World

Tell = Callable[[ApplicationKey, Happening], None]
Later = Callable[[ApplicationKey, float], None]


class Withdrawals:
    """Decides what leaves where; the workers do it and the finalizer records it."""

    def __init__(
        self, world: World, roster: Roster, finalizer: Finalizer, board: Board, clock: Clock
    ) -> None:
        self._world = world
        self._roster = roster
        self._finalizer = finalizer
        self._board = board
        self._clock = clock
        self.grace = 300.0
        self.namespace = names.HUB_NAMESPACE
        self.tell: Tell = lambda _key, _happening: None
        self.later: Later = lambda _key, _due: None

    async def unselected(
        self, key: ApplicationKey, application: Application, record: Record, selected: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Withdraw what is placed and no longer selected; the clusters that are served on, those in grace too."""
        served = set(selected)
        holds: list[Holding] = []
        by_person = record.spec is not None and _placement(record) != _placement_of(application)
        for name in list(record.grace):
            if name in served:
                del record.grace[name]
        record.leaving -= served
        for name in sorted(self._finalizer.placed(key) - served):
            if self._unregistered(name):
                await self._let_go(key, name)
                continue
            if not self._world.complete or not record.begun:
                continue
            if name in record.leaving or by_person:
                record.grace.pop(name, None)
                record.leaving.add(name)
                self._roster.withdraw(TargetKey(key, name), withdrawal(application))
                continue
            due = record.grace.setdefault(name, self._clock.boottime() + self.grace)
            if self._clock.boottime() >= due:
                record.grace.pop(name, None)
                record.leaving.add(name)
                self._roster.withdraw(TargetKey(key, name), withdrawal(application))
                continue
            served.add(name)
            self.later(key, due)
            holds.append(
                Holding(
                    Hold.GRACE,
                    f"cluster {name} is no longer selected; what is there is withdrawn after a grace of "
                    f"{self.grace:.0f} s (putting the label back cancels it)",
                )
            )
        record.holds += tuple(holds)
        return tuple(sorted(served))

    async def deleted(self, key: ApplicationKey, known: Known[Application], record: Record) -> None:
        """Take the Application off every cluster, then let it go."""
        if not self._world.complete:
            return
        mode = withdrawal(known.model) if known.model is not None else Withdrawal.DELETE
        given_up = requests.abandoned(known.annotations)
        holds: list[Holding] = []
        for name in sorted(self._finalizer.placed(key)):
            if self._unregistered(name) or name in given_up:
                await self._let_go(key, name)
                continue
            self._roster.withdraw(TargetKey(key, name), mode)
            record.leaving.add(name)
            reach = self._board.reach_of(name)
            if reach is not None and not reach.reachable:
                holds.append(
                    Holding(
                        Hold.DELETION,
                        f"cluster {name} does not answer; the deletion waits for it, or for "
                        f"'fleethub app delete {key.name} --abandon {name}'",
                    )
                )
        record.holds = tuple(holds)
        if not self._finalizer.placed(key):
            await self._finalizer.free(key)

    async def done(self, target: TargetKey) -> None:
        """The target's parent is gone on its cluster."""
        self._roster.forget(target)
        self._board.drop(target)
        await self._finalizer.release(target.application, target.cluster)

    def _unregistered(self, name: str) -> bool:
        if name == names.HUB_CLUSTER or not self._world.complete:
            return False
        return ApplicationKey(self.namespace, name) not in self._world.clusters

    async def _let_go(self, key: ApplicationKey, name: str) -> None:
        target = TargetKey(key, name)
        self._roster.forget(target)
        self._board.drop(target)
        if name in self._finalizer.placed(key):
            await self._finalizer.release(key, name)
            self.tell(key, abandoned((name,)))


def _placement(record: Record) -> object:
    return None if record.spec is None else (record.spec.placement, record.spec.destination)


def _placement_of(application: Application) -> object:
    return application.spec.placement, application.spec.destination
