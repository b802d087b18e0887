"""What the Projects of an Application and of all that hold it allow, as they stand now.

Contract: reads memory alone, never awaits. Before the hub's lists are complete an absent Project or parent means
nothing: the verdict waits, and whoever waits sends nothing. What was offered under other walls than those that
stand now is stopped where it is; nothing is withdrawn for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleet import names
from fleet.errors import FleetError, RepositoryRefused
from fleet.hub.lineage import Lineage
from fleet.hub.record import Record
from fleet.hub.roster import Roster
from fleet.model import ApplicationKey, Fault, TargetKey, Walls
from fleet.projects import sources, walls
from fleet.projects.sources import Chain
from fleet.world.objects import World


@dataclass(frozen=True, slots=True)
class Verdict:
    """``faults`` are against the whole Application, ``barred`` against single clusters; ``waits``: not known yet."""

    chain: Chain
    labels: Mapping[str, Mapping[str, str]]
    waits: bool = False
    faults: tuple[Fault, ...] = ()
    barred: Mapping[str, Fault] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        """Whether anything at all may be read and sent."""
        return not self.waits and not self.faults

    def against(self, cluster: str) -> Fault | None:
        """Why nothing may be sent to the cluster; None also while the verdict waits."""
        return next(iter(self.faults), None) or self.barred.get(cluster)

    def walls(self, cluster: str) -> Walls:
        """The walls on a cluster where the Application may be."""
        return walls.walls(self.chain, cluster, self.labels.get(cluster, {}))


class Fences:
    """See the module; ``namespace`` is the hub's own. ``barred`` is told of each target that a Project stops."""

    def __init__(self, world: World, lineage: Lineage, roster: Roster, namespace: str) -> None:
        self._world = world
        self._namespace = namespace
        self._roster = roster
        self.lineage = lineage
        self.records: Mapping[ApplicationKey, Record] = {}
        self.barred: Callable[[TargetKey, Fault], None] = lambda _target, _reason: None

    def judge(self, key: ApplicationKey, record: Record) -> Verdict:
        """What the Application may do on the clusters that it is served on."""
        known = self._world.applications.get(key)
        chain, named = self.lineage.chain(key), record.served
        labels = {name: self._labels(name) for name in named}
        if not self._world.complete and (chain.lost or any(link.project is None for link in chain.links)):
            return Verdict(chain, labels, waits=True)
        if known is None or known.model is None:
            return Verdict(chain, labels, waits=True)
        faults = sources.breaches(known.model, chain)
        if faults:
            return Verdict(chain, labels, faults=faults)
        return Verdict(chain, labels, barred=sources.barred(chain, named, labels))

    def close(self, key: ApplicationKey, record: Record) -> Verdict:
        """Judge, stop what no longer stands, and say on the Application what is against it."""
        verdict = self.judge(key, record)
        self._stop(key, record, verdict)
        record.look.faults += verdict.faults + tuple(dict.fromkeys(verdict.barred.values()))
        for name in record.served:
            reason = verdict.against(name)
            if reason is not None:
                self.barred(TargetKey(key, name), reason)
        return verdict

    def moved(self, key: ApplicationKey) -> None:
        """The walls of an Application may have moved: stop, now, what does not stand; it may be offered anew."""
        record, known = self.records.get(key), self._world.applications.get(key)
        if record is not None and known is not None and known.model is not None and not known.deleting:
            self._stop(key, record, self.judge(key, record))

    def _stop(self, key: ApplicationKey, record: Record, verdict: Verdict) -> None:
        for name in record.served:
            target = TargetKey(key, name)
            work = self._roster.offered(target)
            if work is None:
                continue
            open_ = verdict.stands and name not in verdict.barred
            if not open_ or work.target.policy.walls != verdict.walls(name):
                self._roster.suspend(target)

    def refuse(self, key: ApplicationKey) -> Callable[[str], FleetError | None]:
        """What keeps a render of the Application from a repository that a kustomization or a chart names."""
        chain = self.lineage.chain(key)

        def refusal(url: str) -> FleetError | None:
            found = sources.uncovered(chain, url)
            return RepositoryRefused(found[0].text) if found else None

        return refusal

    def account(self, key: ApplicationKey, cluster: str) -> str | None:
        """As whom what the Application has on a cluster is taken away; None: as the hub itself."""
        if cluster == names.HUB_CLUSTER:
            return None
        try:
            return sources.account(self.lineage.chain(key))
        except ValueError:
            return None

    def _labels(self, cluster: str) -> Mapping[str, str]:
        known = self._world.clusters.get(ApplicationKey(self._namespace, cluster))
        return known.model.metadata.labels if known is not None and known.model is not None else {}
