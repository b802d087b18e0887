"""The deletion guard over all clusters of an Application, and a person's word against it.

Contract: one owner; methods never await but ``confirm``. Counted are the objects that a change would delete on
every cluster that can be looked at, before the first of them is deleted (so after a start none is before each
cluster has answered, or has not); a child of an app of apps counts as one
of its children, and as a target of each cluster that it is on. What somebody confirmed stands in the
Application's status before anything of it goes, with what it was confirmed for, so that a restart goes on with
that set and with no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fleet import names
from fleet.hub.finalizer import Finalizer
from fleet.hub.record import Confirmed, Record
from fleet.hub.roster import Roster
from fleet.model import (
    ApplicationKey,
    GroupKind,
    Hold,
    Holding,
    ObjectRef,
    TargetKey,
    Thresholds,
    Work,
)
from fleet.sync import guard
from fleet.sync.gate import PRECIOUS
from fleet.sync.guard import Tally
from fleet.worker.dooming import Doomed
from fleet.world.objects import World

DELETION: Final = "deletion"  # what is confirmed of an Application that is being deleted


@dataclass(slots=True)
class Seen:
    """What passes and withdrawals found of an Application: bounded by its clusters.

    ``looked`` has, for each cluster, the set in which a pass has looked for what is precious, ``precious`` what
    it found; ``sets`` the digests that are held now, with what each was judged for and where.
    """

    looked: dict[str, frozenset[ObjectRef]]
    precious: dict[str, Mapping[ObjectRef, str]]
    sets: dict[str, Confirmed]


class Guard:
    """See the module. ``write`` puts an Application's status and returns when it stands there.

    ``roster`` is given once it is made: its workers ask the guard.
    """

    roster: Roster

    def __init__(self, world: World, finalizer: Finalizer, thresholds: Thresholds) -> None:
        self._world = world
        self._finalizer = finalizer
        self.thresholds = thresholds
        self._seen: dict[ApplicationKey, Seen] = {}
        self.records: Mapping[ApplicationKey, Record] = {}
        self.write: Callable[[ApplicationKey], Awaitable[None]] = _nowhere
        self.wake: Callable[[ApplicationKey], None] = lambda _: None

    # --- what workers ask -------------------------------------------------------------------------------

    def guards(self, work: Work, precious: Mapping[ObjectRef, str]) -> Holding | None:
        """Why nothing of what the target would prune may go; None where it may."""
        key, cluster = work.target.key
        seen = self._of(key)
        sets = self._stale(key)
        mine = sets.get(cluster)
        seen.precious[cluster] = precious
        news = mine is not None and seen.looked.get(cluster) != mine.refs
        if mine is not None:
            seen.looked[cluster] = mine.refs
        lines = {guard.line(name, ref) for name, doomed in sets.items() for ref in doomed.refs}
        told = self._precious(key, sets)
        why = guard.reasons(self._tallies(work, sets), told)
        waiting = [name for name, doomed in sets.items() if _unlooked(doomed, seen.looked.get(name))]
        waiting += self._unheard(key)
        if news and not waiting:
            self.roster.release(frozenset(TargetKey(key, name) for name in sets if name != cluster))
        purpose = work.target.state
        if why:
            refs = tuple(sorted(mine.refs)) if mine is not None else ()
            clusters = tuple(sorted(name for name, doomed in sets.items() if doomed.refs))
            return self._held(key, lines, why, Confirmed("", purpose, clusters), cluster, refs)
        if waiting:
            text = (
                f"nothing is removed: what would go on {', '.join(waiting[:5])} is being looked at first, which waits where a "
                "cluster is paused or an object there fails"
            )
            return Holding(Hold.PRUNE_WAITS, text)
        return None

    def spares(self, target: TargetKey, precious: Mapping[ObjectRef, str]) -> Holding | None:
        """Why what is precious of a target that leaves its cluster must stay there; None where it may go."""
        key, cluster = target
        seen = self._of(key)
        seen.precious[cluster] = precious
        if not precious:
            return None
        told = {
            guard.line(name, ref): why for name, found in seen.precious.items() for ref, why in found.items()
        }
        clusters = tuple(sorted(name for name, found in seen.precious.items() if found))
        confirmed = Confirmed("", DELETION, clusters)
        return self._held(
            key, set(told), guard.reasons((), told), confirmed, cluster, tuple(sorted(precious))
        )

    # --- what the hub asks ------------------------------------------------------------------------------

    def departing(
        self, key: ApplicationKey, clusters: tuple[str, ...], thresholds: Thresholds
    ) -> Holding | None:
        """Why the Application must not be withdrawn from these clusters, which it no longer selects."""
        counts = {name: self._objects(TargetKey(key, name)) for name in self._finalizer.placed(key)}
        going = sum(counts.get(name, 0) for name in clusters)
        tallies = [Tally(going, sum(counts.values()), "objects", thresholds)]
        for name in clusters:
            gone, total = self._targets(name)
            tallies.append(Tally(gone, total, f"Applications of cluster {name}", self.thresholds))
        lines = {f"all of {key} on cluster {name}" for name in clusters}
        why = guard.reasons(tallies, {})
        if not why or self._word(key) == guard.digest(lines):
            return None
        return guard.holding(lines, why, _command(key))

    async def confirm(self, key: ApplicationKey, record: Record, purpose: str) -> str:
        """Take a person's word for a set that is held, in writing; the digest that is let through now."""
        word = self._word(key)
        if record.confirmed is None:
            record.confirmed = _written(self._status(key))
        if not word:
            record.confirmed = None
            return ""
        held = self._of(key).sets.get(word)
        if held is not None and held.purpose in (purpose, DELETION) and held != record.confirmed:
            record.confirmed = held
            await self.write(key)
        return word if record.confirmed is not None and record.confirmed.digest == word else ""

    def done(self, target: TargetKey) -> None:
        """The target is gone from its cluster: what was let through there has gone, and no more."""
        key, cluster = target
        seen, record = self._of(key), self.records.get(key)
        seen.precious.pop(cluster, None)
        seen.looked.pop(cluster, None)
        confirmed = record.confirmed if record is not None else None
        if record is not None and confirmed is not None and confirmed.purpose == DELETION:
            left = tuple(name for name in confirmed.clusters if name != cluster)
            record.confirmed = replace(confirmed, clusters=left)

    def forget(self, key: ApplicationKey) -> None:
        """The Application is gone."""
        self._seen.pop(key, None)

    # --- how it is found --------------------------------------------------------------------------------

    def _held(
        self,
        key: ApplicationKey,
        lines: set[str],
        why: tuple[str, ...],
        judged: Confirmed,
        cluster: str,
        refs: tuple[ObjectRef, ...],
    ) -> Holding | None:
        record = self.records.get(key)
        confirmed = record.confirmed if record is not None else None
        word = self._word(key)
        if (
            confirmed is not None
            and (confirmed.digest, confirmed.purpose) == (word, judged.purpose)
            and cluster in confirmed.clusters
        ):
            return None
        found = guard.holding(lines, why, _command(key), refs)
        sets = self._of(key).sets
        for digest in [digest for digest, one in sets.items() if one.purpose == judged.purpose]:
            del sets[digest]
        sets[found.digest] = Confirmed(found.digest, judged.purpose, judged.clusters)
        if word == found.digest:
            self.wake(key)  # the word was given before the set was known: it is taken down now
        return found

    def _stale(self, key: ApplicationKey) -> dict[str, Doomed]:
        """What pruning would remove, on each cluster of the Application that is known well enough."""
        record = self.records.get(key)
        found = {}
        for name in record.served if record is not None else ():
            worker = self.roster.get(name)
            doomed = worker.stale(TargetKey(key, name)) if worker is not None else None
            if doomed is not None:
                found[name] = doomed
        return found

    def _unheard(self, key: ApplicationKey) -> list[str]:
        """Clusters of the Application of which it is not known yet, since the start, whether they can be looked at."""
        record = self.records.get(key)
        found = []
        for name in sorted(record.served) if record is not None else ():
            worker = self.roster.get(name)
            if worker is not None and worker.unheard(TargetKey(key, name)):
                found.append(name)
        return found

    def _precious(self, key: ApplicationKey, sets: Mapping[str, Doomed]) -> dict[str, str]:
        known = self._of(key).precious
        return {
            guard.line(name, ref): why
            for name, doomed in sets.items()
            for ref, why in known.get(name, {}).items()
            if ref in doomed.refs
        }

    def _tallies(self, work: Work, sets: Mapping[str, Doomed]) -> Iterator[Tally]:
        thresholds = work.target.policy.guard
        count = sum(len(doomed.refs) for doomed in sets.values())
        total = sum(doomed.total for doomed in sets.values())
        at_hub = names.HUB_CLUSTER in sets
        yield Tally(count, total, "children" if at_hub else "objects", thresholds)
        if not at_hub:
            return
        children = {
            ApplicationKey(ref.namespace, ref.name)
            for ref in sets[names.HUB_CLUSTER].refs
            if GroupKind(ref.group, ref.kind) == GroupKind(names.GROUP, names.APPLICATION)
        }
        for name, (gone, all_there) in self._spread(children).items():
            yield Tally(gone, all_there, f"Applications of cluster {name}", self.thresholds)
        hub = self.roster.get(names.HUB_CLUSTER)
        for child in children:
            doomed = hub.leaving(TargetKey(child, names.HUB_CLUSTER)) if hub is not None else None
            if doomed is not None:
                yield Tally(len(doomed.refs), doomed.total, f"children of {child}", thresholds)

    def _spread(self, children: set[ApplicationKey]) -> dict[str, tuple[int, int]]:
        """For each cluster, how many of the children are on it, of how many Applications."""
        gone: dict[str, int] = {}
        total: dict[str, int] = {}
        for key in self._world.applications if children else ():
            for name in self._finalizer.placed(key) - {names.HUB_CLUSTER}:
                total[name] = total.get(name, 0) + 1
                if key in children:
                    gone[name] = gone.get(name, 0) + 1
        return {name: (count, total[name]) for name, count in gone.items()}

    def _targets(self, cluster: str) -> tuple[int, int]:
        """Applications on a cluster that do not belong there any more, and all that are there."""
        gone = total = 0
        for key, record in self.records.items():
            if cluster in self._finalizer.placed(key):
                total += 1
                gone += cluster in record.unselected
        return gone, total

    def _objects(self, target: TargetKey) -> int:
        worker = self.roster.get(target.cluster)
        doomed = worker.leaving(target) if worker is not None else None
        if doomed is not None:
            return len(doomed.refs)
        record = self.records.get(target.application)
        return len(record.rendered.manifests) if record is not None and record.rendered is not None else 0

    def _of(self, key: ApplicationKey) -> Seen:
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = Seen({}, {}, {})
        return found

    def _word(self, key: ApplicationKey) -> str:
        known = self._world.applications.get(key)
        return known.annotations.get(names.CONFIRM, "").strip() if known is not None else ""

    def _status(self, key: ApplicationKey) -> Mapping[str, Any]:
        known = self._world.applications.get(key)
        return known.status if known is not None else {}


def _unlooked(doomed: Doomed, looked: frozenset[ObjectRef] | None) -> bool:
    """Whether something of the set may be precious and no pass has looked at it yet."""
    return any(
        GroupKind(ref.group, ref.kind) in PRECIOUS and (looked is None or ref not in looked)
        for ref in doomed.refs
    )


def _written(status: Mapping[str, Any]) -> Confirmed | None:
    found = status.get("confirmed")
    if not isinstance(found, Mapping):
        return None
    clusters = tuple(str(name) for name in found.get("clusters") or ())
    return Confirmed(str(found.get("digest", "")), str(found.get("purpose", "")), clusters)


def _command(key: ApplicationKey) -> str:
    return f"fleethub app confirm {key}"


async def _nowhere(_key: ApplicationKey) -> None:
    return None
