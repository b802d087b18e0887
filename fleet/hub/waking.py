"""What an object of the hub's kinds that came, changed or went means: whom it wakes, who is hired and dismissed.

Contract: one owner; methods never await. Level-triggered: whoever is woken reads the whole state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fleet import names
from fleet.api.cluster import Cluster
from fleet.errors import RegistrationError, fault
from fleet.hub.clearing import Clearing
from fleet.hub.fences import Fences
from fleet.hub.finalizer import Finalizer
from fleet.hub.identities import Identities
from fleet.hub.lineage import Lineage
from fleet.hub.record import Record
from fleet.hub.renewals import Renewals
from fleet.hub.revocations import Revocations
from fleet.hub.roster import Roster
from fleet.hub.takeovers import TakeOvers
from fleet.hub.telling import Telling
from fleet.kube.connection import by_way_of
from fleet.model import ApplicationKey
from fleet.outward import Outward
from fleet.placement.affected import affected
from fleet.report.board import Board
from fleet.report.status import StatusWriter
from fleet.worker.worker import Reached
from fleet.world.objects import World
from fleet.world.registrations import Registrations


@dataclass(frozen=True, slots=True)
class Owners:
    """Who knows, and who is told."""

    namespace: str
    out: Outward
    world: World
    board: Board
    statuses: StatusWriter
    telling: Telling
    lineage: Lineage
    fences: Fences
    identities: Identities
    clearing: Clearing
    finalizer: Finalizer
    registrations: Registrations
    roster: Roster
    take_overs: TakeOvers
    renewals: Renewals
    revocations: Revocations
    records: Mapping[ApplicationKey, Record]
    wake: Callable[[ApplicationKey], None]


class Waking:
    """See the module."""

    def __init__(self, owners: Owners) -> None:
        self._with = owners
        self._before: dict[ApplicationKey, Cluster] = {}

    def changed(self, kind: str, key: ApplicationKey) -> None:
        """An object came, changed or went."""
        if kind == names.APPLICATION:
            self._fence(self._with.lineage.changed(key))
            self._with.wake(key)
        elif kind == names.CLUSTER:
            self._cluster_object(key)
        elif kind == names.PROJECT:
            if key.namespace != self._with.namespace:
                self._with.telling.stray(kind, key)
            else:
                self._fence(self._with.lineage.under(key.name))

    def _fence(self, applications: Iterable[ApplicationKey]) -> None:
        """Their walls may have moved: what is no longer allowed stops now, the rest is looked at again."""
        for application in applications:
            self._with.fences.moved(application)
            self._with.wake(application)

    def _cluster_object(self, key: ApplicationKey) -> None:
        if key.namespace != self._with.namespace:
            self._with.telling.stray(names.CLUSTER, key)
            return
        known = self._with.world.clusters.get(key)
        model = known.model if known is not None and not known.deleting else None
        before = self._before.get(key)
        if before is not None and known is not None and before.metadata.uid != known.uid:
            # It was deleted and made anew in one moment: who it is has to be learnt.
            self._with.statuses.forget(names.CLUSTER, key)
            self.reconnect(key.name)
        self._with.identities.changed(key.name)
        if self._with.clearing.changed(key.name):
            for application in self._with.world.applications:
                self._with.wake(application)
        if model is not None:
            # Before anything is told: a status that says less would hide that the hub has left it.
            self._with.clearing.away(key.name)
        models = [k.model for k in self._with.world.applications.values() if k.model is not None]
        for application in affected(before, model, models):
            self._with.wake(application)
        if model is None:
            self._before.pop(key, None)
            for application in self._with.world.applications:
                if key.name in self._with.finalizer.placed(application):
                    self._with.wake(application)
            self._with.statuses.forget(names.CLUSTER, key)
        else:
            before = self._before.get(key)
            if before is not None and (
                before.metadata.labels != model.metadata.labels or before.spec.secrets != model.spec.secrets
            ):
                records = self._with.records
                self._fence([one for one, record in records.items() if key.name in record.served])
            self._before[key] = model
        self._with.registrations.cluster_changed(key.name)
        self.cluster(key.name)

    def cluster(self, name: str) -> None:
        """A Cluster, or what it is reached with, changed: swap, pause, hire or dismiss its worker."""
        known = self._with.world.clusters.get(ApplicationKey(self._with.namespace, name))
        if known is None or known.deleting or known.model is None:
            self._with.roster.dismiss(name)
            self._with.board.forget(name)
            self._with.take_overs.forget(name)
            self._with.renewals.forget(name)
            self._with.revocations.forget(name)
            return
        if not self._with.registrations.decided(name):
            return
        self._with.revocations.changed(name)
        revoked = self._with.revocations.fault(name)
        if revoked is not None:
            self._with.roster.dismiss(name)
            self._with.telling.registered(name, "", "", revoked)
            return
        version = self._with.registrations.version(name)
        try:
            found = self._with.registrations.registration(name)
        except RegistrationError as error:
            self._with.roster.dismiss(name)
            # With the version of what is refused: whoever has just written another can tell that it is not meant.
            self._with.telling.registered(name, "", version, fault(error))
            return
        self._with.telling.registered(name, found.connection.server, version, None)
        self._with.renewals.changed(name)
        if self._with.clearing.away(name):
            self._with.roster.dismiss(name)
            return
        connection = by_way_of(found.connection, self._with.out)
        reached = Reached(connection, found.digest, found.scope.namespaces)
        worker = self._with.roster.hire(name, reached, paused=known.model.spec.paused)
        if self._with.take_overs.due(name):
            if worker.running is not None:
                self.arrived(name)
            worker.take_over()

    def arrived(self, name: str) -> None:
        """A member answers and its Lease is ours."""
        self._with.take_overs.arrived(name)
        self._with.renewals.changed(name)
        self._with.telling.cluster(name)

    def reconnect(self, name: str) -> None:
        """Have the cluster connected to anew: what was learnt there holds no more."""
        worker = self._with.roster.get(name)
        if worker is not None:
            worker.reconnect()

    def rehire(self, name: str) -> None:
        """Have a new worker for a cluster that was left."""
        self._with.roster.dismiss(name)
        self.cluster(name)
