"""What the hub knows that decides what may be pruned, and whom new commits concern.

Contract: the workers' ``Knowledge``; its methods never await. Nothing is concluded from an absence before the
hub's lists are complete (H16).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet import names
from fleet.errors import FleetError
from fleet.git import diff
from fleet.git.diff import Changed
from fleet.hub.changes import Changes
from fleet.hub.expected import Expected
from fleet.hub.finalizer import Finalizer
from fleet.hub.guarding import Guard
from fleet.hub.readers import Readers
from fleet.hub.record import Record
from fleet.hub.unready import Unready
from fleet.model import ApplicationKey, ChangeId, Hold, Holding, ObjectRef, TargetKey, Work
from fleet.report import words
from fleet.worker.report import Unrendered
from fleet.world.objects import World
from fleet.world.repositories import Repository


@dataclass(frozen=True, slots=True)
class Concerned:
    """Applications whose inputs may have changed, and those that wait for the repository itself."""

    changed: frozenset[ApplicationKey]
    waiting: frozenset[ApplicationKey]


class Knowing:
    """See the module."""

    def __init__(
        self,
        world: World,
        changes: Changes,
        expected: Expected,
        unready: Unready,
        guard: Guard,
        finalizer: Finalizer,
    ) -> None:
        self.guards = guard.guards
        self._guard = guard
        self._finalizer = finalizer
        self._world = world
        self._changes = changes
        self._expected = expected
        self._unready = unready
        self.records: Mapping[ApplicationKey, Record] = {}
        self.namespace = names.HUB_NAMESPACE

    def unrendered(self, work: Work) -> Unrendered | None:
        """Who gives the Applications that pruning of this work waits for; None where no change of it is open."""
        if not self._world.complete:
            return tuple
        waiting = self._changes.awaited(work.target.key.application, work.change)
        unready = self._unready.at(work.target.key.cluster)
        if unready:
            waiting = _together(waiting or tuple, unready)
        if waiting is None or work.target.key.cluster != names.HUB_CLUSTER:
            return waiting
        # What an app of apps holds, none but another one can claim. To wait for the others would be for ever
        # where one of them cannot render since it leaves with this very commit.
        found = tuple(key for key in waiting() if self._on_hub(key))
        return (lambda: found) if found else None

    def retains(self, target: TargetKey) -> Holding | None:
        """Why a target that leaves a cluster waits there: who renders nothing for it yet may claim what it has."""
        unready = self._unready.at(target.cluster) - {target.application}
        if not unready:
            return None
        shown = words.listed([str(key) for key in sorted(unready)])
        return Holding(
            Hold.PRUNE_WAITS, f"nothing is removed: waiting for {shown} to render for this cluster"
        )

    def open(self, change: ChangeId) -> bool:
        """Whether somebody whom a change concerns has not rendered it yet."""
        return self._changes.open(change)

    def spares(self, target: TargetKey, precious: Mapping[ObjectRef, str]) -> Holding | None:
        """Why what is precious of a target that leaves its cluster must stay there; None where it may go."""
        if self.placed(target):
            return self._guard.spares(target, precious)
        if not precious:
            return None
        # No Application answers for the set, so the word for it stands on the object itself.
        told = "; ".join(f"{ref} {why}" for ref, why in sorted(precious.items()))
        text = f"{told} (the annotation {names.PRUNE}={names.PRUNE_CONFIRMED} on the object lets it go)"
        return Holding(Hold.DELETION_HELD, text, tuple(sorted(precious)))

    def exists(self, application: ApplicationKey) -> bool:
        """Whether the Application exists and is to stay, or may."""
        if not self._world.complete:
            return True
        known = self._world.applications.get(application)
        return known is not None and not known.deleting

    def placed(self, target: TargetKey) -> bool:
        """Whether the target may have something on the cluster: its name stands on the Application (H7)."""
        return target.cluster in self._finalizer.placed(target.application)

    def stood(self, target: TargetKey) -> bool:
        """Whether the target was placed there before this hub started: then it had a parent (H15)."""
        record = self.records.get(target.application)
        return record is not None and target.cluster in record.stood

    def detains(self, work: Work) -> Holding | None:
        """An app of apps deletes no Application before those that it holds have rendered and been offered."""
        if work.target.key.cluster != names.HUB_CLUSTER:
            return None
        waiting = [str(key) for key in self._expected.missing(work.target.key.application)]
        for manifest in work.rendered.manifests:
            if manifest.ref.kind != names.APPLICATION:
                continue
            key = ApplicationKey(manifest.ref.namespace or work.target.namespace, manifest.ref.name)
            known, record = self._world.applications.get(key), self.records.get(key)
            if known is None or record is None or record.generation < known.generation:
                waiting.append(str(key))
        waiting = list(dict.fromkeys(waiting))
        if not waiting:
            return None
        return Holding(
            Hold.PRUNE_WAITS, f"nothing is removed: waiting for {words.listed(sorted(waiting))} to render"
        )

    def _on_hub(self, key: ApplicationKey) -> bool:
        """Whether the Application is, or may be, an app of apps."""
        known = self._world.applications.get(key)
        if known is None or known.model is None or known.error is not None:
            return True
        placement = known.model.spec.placement
        return placement is not None and placement.hub

    async def concerned(self, repository: Repository, readers: Readers) -> Concerned:
        """Whom the repository's present refs concern; moves the readers' baselines."""
        changed: set[ApplicationKey] = set()
        waiting: set[ApplicationKey] = set()
        for following in readers.groups(repository.url):
            if repository.error is not None or repository.recovered:
                # Everybody's condition says so, or says so no more.
                waiting |= readers.members(following)
            try:
                commit = repository.resolve(following.name).commit
            except FleetError:
                waiting |= readers.members(following)
                continue
            differences: dict[str, Changed | None] = {}
            for baseline in readers.baselines(following):
                if not baseline or baseline == commit:
                    continue
                try:
                    differences[baseline] = await diff.changed(repository.mirror, baseline, commit)
                except FleetError:
                    differences[baseline] = None
            changed |= readers.concerned(following, commit, differences)
        return Concerned(frozenset(changed), frozenset(waiting))


def _together(some: Unrendered, others: Iterable[ApplicationKey]) -> Unrendered:
    return lambda: tuple(sorted({*some(), *others}))
