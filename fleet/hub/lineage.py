"""Which Applications hold an Application, by marks that outlive the process; and whom a change of one concerns.

Contract: one owner, methods never await. The mark is the child's ApplySet label: it stands on the object from its
first apply on, so it is known before any claim is. Besides it counts whoever claims the object now. A mark that
our own field entry vouches for and that leads to no Application makes a lineage *lost*: what its parent allowed
is not known. A label that somebody else wrote can only add a parent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fleet import names
from fleet.model import ApplicationKey, TargetKey
from fleet.projects.sources import Chain, Link
from fleet.sync.sets import set_id
from fleet.world.objects import World

Holder = Callable[[ApplicationKey], ApplicationKey | None]


class Lineage:
    """See the module; bounded by the Applications. ``holder`` tells who claims an Application as an object."""

    def __init__(self, world: World, namespace: str, holder: Holder) -> None:
        self._world = world
        self._namespace = namespace
        self._holder = holder
        self._sets: dict[str, ApplicationKey] = {}
        self._marks: dict[ApplicationKey, str] = {}
        self._children: dict[str, set[ApplicationKey]] = {}
        self._facts: dict[ApplicationKey, tuple[str, str]] = {}

    def changed(self, key: ApplicationKey) -> frozenset[ApplicationKey]:
        """Learn of an Application that came, changed or went; whom its new place or Project concerns besides it."""
        known = self._world.applications.get(key)
        own = set_id(TargetKey(key, names.HUB_CLUSTER), self._namespace)
        before = self._facts.get(key)
        mark = self.mark(key)
        if known is None:
            self._sets.pop(own, None)
            self._facts.pop(key, None)
        else:
            self._sets[own] = key
            project = known.model.spec.project if known.model is not None else ""
            self._facts[key] = (project, mark)
        self._move(key, mark if known is not None else "")
        return frozenset() if self._facts.get(key) == before else frozenset(self._below(own))

    def mark(self, key: ApplicationKey) -> str:
        """The set whose label the Application carries; empty where it carries none."""
        known = self._world.applications.get(key)
        labels = known.metadata.get("labels") if known is not None else None
        return str((labels or {}).get(names.APPLYSET_PART_OF, ""))

    def chain(self, key: ApplicationKey) -> Chain:
        """The Application and all that hold it, each with its Project as it is known."""
        links: dict[ApplicationKey, Link] = {}
        lost = False
        waiting = [key]
        for one in waiting:
            if one in links:
                continue
            links[one] = self._link(one)
            parents, gone = self._parents(one)
            lost = lost or gone
            waiting.extend(parents)
        return Chain(tuple(links.values()), self._namespace, lost)

    def under(self, project: str) -> Iterator[ApplicationKey]:
        """Every Application whose chain names the Project."""
        for key, (name, _) in tuple(self._facts.items()):
            if name == project or any(link.name == project for link in self.chain(key).links):
                yield key

    def unheld(self, key: ApplicationKey) -> bool:
        """Whether the Application exists and no app of apps holds it."""
        return key in self._world.applications and not any(self._parents(key))

    def _link(self, key: ApplicationKey) -> Link:
        known = self._world.applications.get(key)
        if known is None or known.model is None:
            return Link(key, "(none: the Application is not valid)", None)
        name = known.model.spec.project
        found = self._world.projects.get(ApplicationKey(self._namespace, name))
        return Link(key, name, found.model if found is not None else None)

    def _parents(self, key: ApplicationKey) -> tuple[list[ApplicationKey], bool]:
        """Who holds it, and whether a mark of ours leads nowhere."""
        found: list[ApplicationKey] = []
        mark = self.mark(key)
        parent = self._sets.get(mark) if mark else None
        known = self._world.applications.get(key)
        # Before all is listed, a parent that is not here may only not have been listed yet.
        vouched = known is not None and (known.held or not self._world.complete)
        lost = bool(mark) and parent is None and vouched
        if parent is not None:
            found.append(parent)
        claimant = self._holder(key)
        if claimant is not None and claimant != parent and claimant in self._world.applications:
            found.append(claimant)
        return found, lost

    def _below(self, own: str) -> Iterator[ApplicationKey]:
        seen: set[ApplicationKey] = set()
        waiting = [own]
        for mark in waiting:
            for child in self._children.get(mark, ()):
                if child not in seen:
                    seen.add(child)
                    waiting.append(set_id(TargetKey(child, names.HUB_CLUSTER), self._namespace))
        yield from seen

    def _move(self, key: ApplicationKey, mark: str) -> None:
        before = self._marks.pop(key, "")
        if before and before != mark:
            children = self._children.get(before, set())
            children.discard(key)
            if not children:
                self._children.pop(before, None)
        if mark:
            self._marks[key] = mark
            self._children.setdefault(mark, set()).add(key)
