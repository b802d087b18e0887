"""Targets that leave: unselected clusters after their grace, all of them when the Application is deleted.

Contract: nothing leaves before the hub's lists are complete (H16), and by a label only when the Application has
rendered since start, the grace has passed and the guard lets it go; that is recorded before the first deletion. A
cluster that is no longer registered is let go of with an Event; what it holds stays there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fleet import names
from fleet.api.application import Application
from fleet.clock import Clock
from fleet.hub import requests
from fleet.hub.finalizer import Finalizer
from fleet.hub.guarding import Guard
from fleet.hub.record import Record
from fleet.hub.roster import Roster
from fleet.model import ApplicationKey, Hold, Holding, TargetKey, Thresholds, Withdrawal
from fleet.placement.policy import thresholds, withdrawal
from fleet.report.board import Board
from fleet.report.happenings import Happening, abandoned
from fleet.report.standing import STRANGE
from fleet.worker.work import Leave
from fleet.world.objects import Known, World

Tell = Callable[[ApplicationKey, Happening], None]
Later = Callable[[ApplicationKey, float], None]
GATHER: Final = 1.0  # seconds in which departures of one change come together before the guard counts them
AGAIN: Final = 30.0  # seconds between two looks at what the guard holds
UNREAD: Final = Holding(
    Hold.DELETION,
    "spec.deletionPolicy is neither Delete nor Orphan, so nothing is withdrawn: set it to Delete to have the "
    "objects removed, or to Orphan to have them stay",
)


class Withdrawals:
    """Decides what leaves where; the workers do it and the finalizer records it."""

    def __init__(
        self,
        world: World,
        roster: Roster,
        finalizer: Finalizer,
        guard: Guard,
        board: Board,
        clock: Clock,
    ) -> None:
        self._guard = guard
        self._world = world
        self._roster = roster
        self._finalizer = finalizer
        self._board = board
        self._clock = clock
        self.grace = 300.0
        self.thresholds = Thresholds()
        self.namespace = names.HUB_NAMESPACE
        self.records: Mapping[ApplicationKey, Record] = {}
        self.tell: Tell = lambda _key, _happening: None
        self.later: Later = lambda _key, _due: None
        self.account: Callable[[ApplicationKey, str], str | None] = lambda _key, _cluster: None
        self.cleaning: Callable[[str], bool] = lambda _: False
        self.first: Callable[[str], str] = lambda _: ""
        self.unlooked: Callable[[ApplicationKey], bool] = lambda _: False

    async def unselected(
        self, key: ApplicationKey, application: Application, record: Record, selected: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Withdraw what is placed and no longer selected; the clusters that are served on, those in grace too."""
        served = set(selected)
        by_person = record.spec is not None and _placement(record) != _placement_of(application)
        for name in served & record.grace.keys():
            del record.grace[name]
        record.edited -= served
        record.leaving -= served
        record.unselected = self._finalizer.placed(key) - served
        for name in {*record.served} - served - record.unselected:
            # Compared there at most: it wants nothing there any more.
            self._roster.forget(TargetKey(key, name))
            self._board.drop(TargetKey(key, name))
        ready: list[str] = []
        for name in sorted(record.unselected):
            if self._unregistered(name) or self._covered(key, name):
                await self._let_go(key, name)
            elif self._world.complete and self.cleaning(name):
                await self._finalizer.leave(key, frozenset({name}))
                self._withdraw(key, name, record)
            elif not self._world.complete or not record.begun:
                continue
            elif name in record.leaving:
                self._withdraw(key, name, record)
            elif self.unlooked(key):
                # After a start: somebody who has not said so yet may hold by now what is there.
                served |= set() if name in self._finalizer.leaving(key) else {name}
            elif name in self._finalizer.leaving(key):
                self._withdraw(key, name, record)
            elif self._due(key, name, record, by_person=by_person):
                ready.append(name)
            else:
                served.add(name)
        served |= await self._depart(key, application, record, tuple(ready))
        return tuple(sorted(served))

    def _due(self, key: ApplicationKey, name: str, record: Record, *, by_person: bool) -> bool:
        """Whether the cluster's grace has passed. What a person edited has none, but is gathered for a moment."""
        now = self._clock.boottime()
        due = record.grace.setdefault(name, now + self.grace)
        if by_person:
            record.edited.add(name)
            due = record.grace[name] = min(due, now + GATHER)
        parent = self._roster.parent_of(key)
        hub = self._roster.get(names.HUB_CLUSTER)
        if parent is not None and hub is not None and hub.waits(TargetKey(parent, names.HUB_CLUSTER)):
            # What the same commit takes from the cluster is not all here yet.
            due = max(due, now + GATHER)
        if now >= due:
            return True
        self.later(key, due)
        if name not in record.edited:
            text = (
                f"cluster {name} is no longer selected; what is there is withdrawn after a grace of "
                f"{self.grace:.0f} s (putting the label back cancels it)"
            )
            record.look.holds += (Holding(Hold.GRACE, text),)
        return False

    async def _depart(
        self, key: ApplicationKey, application: Application, record: Record, ready: tuple[str, ...]
    ) -> frozenset[str]:
        """Withdraw from the clusters, or keep them all where the guard holds them; those that are kept."""
        if not ready:
            return frozenset()
        mode = self._mode(key)
        if mode is None:
            record.look.holds += (UNREAD,)
            return frozenset(ready)
        if mode is Withdrawal.DELETE:
            held = self._guard.departing(key, ready, thresholds(application, self.thresholds))
            if held is not None:
                record.look.holds += (held,)
                self.later(key, self._clock.boottime() + AGAIN)
                return frozenset(ready)
        await self._finalizer.leave(key, frozenset(ready))
        for name in ready:
            self._withdraw(key, name, record)
        return frozenset()

    def _withdraw(self, key: ApplicationKey, name: str, record: Record) -> None:
        mode = self._mode(key)
        if mode is None:
            record.look.holds += (UNREAD,)
            return
        record.grace.pop(name, None)
        record.edited.discard(name)
        record.leaving.add(name)
        self._roster.withdraw(Leave(TargetKey(key, name), mode, self.account(key, name)))

    def _mode(self, key: ApplicationKey) -> Withdrawal | None:
        """As the newest version says, valid or not: a slip elsewhere in it takes no word of it back."""
        known = self._world.applications.get(key)
        return withdrawal(known.deletion_policy) if known is not None else None

    async def deleted(
        self,
        key: ApplicationKey,
        known: Known[Application],
        record: Record,
        heirs: tuple[str, ...],
    ) -> None:
        """Take the Application off every cluster, then let it go.

        ``heirs`` name Applications that have not said yet what they want, and that it leaves together with. Until
        they have, it only goes on leaving what it was leaving before.
        """
        if not self._world.complete:
            return
        waits = bool(heirs) and not record.withdrawn
        going = self._going(key, record) if waits else self._finalizer.placed(key)
        holds = [_waiting(heirs, going)] if waits else []
        mode = withdrawal(known.deletion_policy)
        given_up = requests.abandoned(known.annotations)
        for name in sorted(going):
            if self._unregistered(name) or name in given_up or self._covered(key, name):
                await self._let_go(key, name)
            elif mode is None:
                holds.append(UNREAD)
            else:
                self._roster.withdraw(Leave(TargetKey(key, name), mode, self.account(key, name)))
                record.leaving.add(name)
                record.withdrawn |= not waits
                holds += self._silent(key, name)
        record.look.holds = tuple(dict.fromkeys(holds))
        if not waits and not self._finalizer.placed(key):
            await self._finalizer.free(key)

    def _going(self, key: ApplicationKey, record: Record) -> frozenset[str]:
        """Clusters that it was leaving before it was deleted: whoever may hold what is there has been heard."""
        begun = self._finalizer.leaving(key)
        if begun <= record.leaving or self.unlooked(key):
            # After a start somebody may hold by now what was left before it.
            begun = frozenset()
        return (begun | record.leaving) & self._finalizer.placed(key)

    def _silent(self, key: ApplicationKey, name: str) -> tuple[Holding, ...]:
        """What the deletion waits for on a cluster that does not answer."""
        reach = self._board.reach_of(name)
        if reach is None or reach.reachable:
            return ()
        why = f"says {reach.reason}" if reach.reason in STRANGE else "does not answer"
        text = (
            f"cluster {name} {why}; the deletion waits for it, or for "
            f"'fleethub app delete {key.name} --abandon {name}'"
        )
        return (Holding(Hold.DELETION, text),)

    async def done(self, target: TargetKey) -> None:
        """The target's parent is gone on its cluster."""
        self._roster.forget(target)
        self._board.drop(target)
        self._guard.done(target)
        await self._release(target)

    def _unregistered(self, name: str) -> bool:
        if name == names.HUB_CLUSTER or not self._world.complete:
            return False
        return ApplicationKey(self.namespace, name) not in self._world.clusters

    def _covered(self, key: ApplicationKey, name: str) -> bool:
        """Whether the cluster is another registration's, where the Application's set is in good hands."""
        return self.first(name) in self._finalizer.placed(key)

    async def _let_go(self, key: ApplicationKey, name: str) -> None:
        target = TargetKey(key, name)
        self._roster.forget(target)
        self._board.drop(target)
        if name in self._finalizer.placed(key):
            # Told first: with its last name an Application that is being deleted goes itself.
            self.tell(key, abandoned((name,)))
            await self._release(target)

    async def _release(self, target: TargetKey) -> None:
        key, cluster = target
        await self._finalizer.release(key, cluster)
        record = self.records.get(key)
        if record is not None:
            record.leaving.discard(cluster)  # only now: what could not be written down is withdrawn again


def _waiting(heirs: tuple[str, ...], going: frozenset[str]) -> Holding:
    shown = ", ".join(heirs[:5]) + (f" and {len(heirs) - 5} more" if len(heirs) > 5 else "")  # noqa: PLR2004
    text = (
        f"nothing {'more ' if going else ''}is removed: waiting for {shown} to render, "
        "which may hold what is here from now on"
    )
    return Holding(Hold.DELETION, text)


def _placement(record: Record) -> object:
    return None if record.spec is None else (record.spec.placement, record.spec.destination)


def _placement_of(application: Application) -> object:
    return application.spec.placement, application.spec.destination
