"""From an Application's sources to what they render to on each of its clusters, and since which commit.

Contract: raises FleetError for what cannot be resolved, or renders nowhere; what was looked up on the way is
recorded all the same, so that the commit that mends it wakes the Application. Clusters for which all parameters
come out equal share one render; where it fails for some alone, the others get theirs. The revision of an
Application is that of its inputs: a commit that touches none of them leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet import names
from fleet.errors import FleetError, fault
from fleet.hub.changes import Changes
from fleet.hub.grounds import Resolved, Wanted
from fleet.hub.readers import Following, Readers
from fleet.hub.record import Record
from fleet.hub.rendering import Question, Rendering, looked, wanted_of
from fleet.model import ApplicationKey, Fault, Rendered, Revision
from fleet.render import together
from fleet.world.objects import World

RENDER_WORD = 16


@dataclass(frozen=True, slots=True)
class Sought:
    """What belongs on an Application's clusters.

    ``whole`` stands for all of it: its key, faults and look-ups are those of every cluster's render. ``waiting``
    are clusters for which nothing can be rendered yet, since what they serve is not known; ``failed`` those
    whose render failed, with why. ``overtaken``: a name means another commit by now.
    """

    revisions: tuple[Revision, ...]
    whole: Rendered
    by_cluster: Mapping[str, Rendered]
    waiting: frozenset[str] = frozenset()
    failed: tuple[Fault, ...] = ()
    overtaken: bool = False


class Desired:
    """Computes desired states and keeps the readers' index true."""

    def __init__(
        self,
        world: World,
        rendering: Rendering,
        readers: Readers,
        changes: Changes,
    ) -> None:
        self._world = world
        self._rendering = rendering
        self._grounds = rendering.grounds
        self._readers = readers
        self._changes = changes

    async def compute(self, key: ApplicationKey, asked: Question, record: Record) -> Sought:
        """The desired state at the revisions that the Application follows."""
        wanted = wanted_of(asked.application)
        self._readers.follow(key, self._followed(wanted, record))
        self._refresh(key, record)
        # Before they are asked for: whatever comes of that later is this Application's matter.
        record.charts |= frozenset(one.remote for one in wanted if one.chart)
        resolved = await self._grounds.resolve(wanted, asked.turn)
        record.look.faults += tuple(fault(error) for error in self._grounds.errors(resolved))
        if not record.begun:
            for following in resolved.followings():
                self._changes.join(following.repo, key)
        try:
            found = await self._rendering.render(asked, resolved)
        except FleetError as error:
            record.remote, record.charts = frozenset(resolved.awaited), resolved.used_charts()
            self._readers.follow(key, resolved.followings())
            self._readers.looked(key, error.reads)
            raise
        record.remote, record.charts = frozenset(resolved.awaited), resolved.used_charts()
        self._readers.follow(key, resolved.followings())
        whole = together.whole(found.by_cluster)
        reads = whole.reads | looked(found.errors.values())
        if found.errors:
            self._readers.looked(key, reads)
        else:
            self._readers.computed(key, resolved.commits(), reads)
        kept = self._kept(key, record, whole, resolved.revisions)
        record.rendered, record.revisions = whole, kept
        return Sought(
            kept,
            whole,
            found.by_cluster,
            frozenset(found.waiting),
            _failed(found.errors),
            self._grounds.stale(resolved),
        )

    async def at(self, asked: Question, commit: str) -> Sought:
        """The state at one commit of the first source, for a sync that was asked for."""
        resolved = await self._grounds.resolve(wanted_of(asked.application), asked.turn, first=commit)
        found = await self._rendering.render(asked, resolved)
        return Sought(
            resolved.revisions,
            together.whole(found.by_cluster),
            found.by_cluster,
            frozenset(found.waiting),
            _failed(found.errors),
        )

    async def is_at(self, asked: Question, commit: str, sought: Sought) -> bool:
        """Whether the state at a commit is the one that the Application follows now."""
        if commit == sought.revisions[0].commit:
            return True
        try:
            return (await self.at(asked, commit)).whole.key == sought.whole.key
        except FleetError:
            return False

    def forget(self, key: ApplicationKey) -> None:
        """The Application is gone, or is going."""
        self._readers.forget(key)
        self._grounds.repositories.retain(self._readers.repositories())

    def _followed(self, wanted: Iterable[Wanted], record: Record) -> Iterable[Following]:
        """What it follows by its own word, and what its renders asked for until now."""
        return Resolved(tuple(wanted), (), awaited=set(record.remote)).followings()

    def _refresh(self, key: ApplicationKey, record: Record) -> None:
        """Look at the repositories now, where a person asks; what that brings wakes whom it concerns."""
        known = self._world.applications.get(key)
        refresh = known.annotations.get(names.REFRESH, "") if known is not None else ""
        if refresh == record.refreshed:
            return
        record.refreshed = refresh
        if record.begun:
            for following in self._readers.followed(key):
                self._grounds.repositories.get(following.repo).nudge()
            self._grounds.charts.nudge(record.charts)

    def _kept(
        self, key: ApplicationKey, record: Record, whole: Rendered, now: tuple[Revision, ...]
    ) -> tuple[Revision, ...]:
        if record.rendered is not None and record.revisions:
            repos = tuple(one.repo for one in record.revisions)
            if record.rendered.key == whole.key and repos == tuple(one.repo for one in now):
                return tuple(
                    was._replace(ref=one.ref) for was, one in zip(record.revisions, now, strict=True)
                )
            return now
        known = self._world.applications.get(key)
        status = known.status if known is not None else {}
        if status.get("render") == whole.key[:RENDER_WORD] and status.get("revision"):
            first = now[0]._replace(commit=str(status["revision"]))
            return (first, *now[1:])
        return now


def _failed(errors: Mapping[str, FleetError]) -> tuple[Fault, ...]:
    """One fault for clusters that fail alike, which it names."""
    named: dict[Fault, list[str]] = {}
    for cluster, error in errors.items():
        named.setdefault(fault(error), []).append(cluster)
    return tuple(
        Fault(
            one.ref, one.reason, f"on {', '.join(sorted(clusters)[:5])}: {one.text}", one.field, one.transient
        )
        for one, clusters in named.items()
    )
