"""Which Applications read which paths, and from which commit each one's desired state was last computed.

Contract: one owner; methods never await. Applications that follow one name of one repository form a group with
a common baseline; one whose render failed stands apart with the baseline it had (H18). So a commit costs one
comparison a group and the paths that changed, however many Applications there are. One that has several sources
is in the group of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fleet.git.diff import Changed
from fleet.model import ApplicationKey, Read


class Following(NamedTuple):
    """A repository's URL and the name of the revision that is followed in it."""

    repo: str
    name: str


@dataclass(slots=True)
class Group:
    """Applications that follow the same; ``apart`` are those whose own baseline differs."""

    baseline: str = ""
    members: set[ApplicationKey] = field(default_factory=set)
    apart: dict[ApplicationKey, str] = field(default_factory=dict)
    index: dict[str, set[ApplicationKey]] = field(default_factory=dict)


class Readers:
    """See the module."""

    def __init__(self) -> None:
        self._groups: dict[Following, Group] = {}
        self._of: dict[ApplicationKey, tuple[Following, ...]] = {}
        self._paths: dict[tuple[ApplicationKey, Following], frozenset[str]] = {}

    def follow(self, key: ApplicationKey, followings: Iterable[Following]) -> None:
        """The Application follows these now, the first of them first; what else it followed is forgotten."""
        wanted, before = tuple(dict.fromkeys(followings)), self._of.get(key, ())
        if wanted == before:
            return
        for following in before:
            if following not in wanted:
                self._part(key, following)
        self._of[key] = wanted
        for following in wanted:
            if following not in before:
                group = self._groups.setdefault(following, Group())
                group.members.add(key)
                group.apart[key] = ""

    def forget(self, key: ApplicationKey) -> None:
        """The Application is gone."""
        for following in self._of.pop(key, ()):
            self._part(key, following)

    def computed(self, key: ApplicationKey, commits: Mapping[Following, str], reads: Iterable[Read]) -> None:
        """The Application's desired state was computed from these commits, looking up these paths."""
        paths = _by_repository(reads)
        for following in self._of.get(key, ()):
            commit = commits.get(following)
            if commit is None:
                continue
            group = self._groups[following]
            self._index(key, following, paths.get(following.repo, frozenset()))
            if not group.baseline:
                group.baseline = commit
            if commit == group.baseline:
                group.apart.pop(key, None)
            else:
                group.apart[key] = commit

    def looked(self, key: ApplicationKey, reads: Iterable[Read]) -> None:
        """A render failed after looking up these paths too: a change of them concerns the Application."""
        paths = _by_repository(reads)
        for following in self._of.get(key, ()):
            known = self._paths.get((key, following), frozenset())
            self._index(key, following, known | paths.get(following.repo, frozenset()))
            self._groups[following].apart.setdefault(key, "")

    def groups(self, repo: str) -> tuple[Following, ...]:
        """What is followed in a repository."""
        return tuple(following for following in self._groups if following.repo == repo)

    def members(self, following: Following) -> frozenset[ApplicationKey]:
        """Who follows it."""
        group = self._groups.get(following)
        return frozenset(group.members) if group is not None else frozenset()

    def baselines(self, following: Following) -> frozenset[str]:
        """The commits from which the desired states of a group were computed; empty for never."""
        group = self._groups.get(following)
        if group is None:
            return frozenset()
        common = {group.baseline} if len(group.apart) < len(group.members) else set()
        return frozenset(common | set(group.apart.values()))

    def concerned(
        self, following: Following, commit: str, changes: dict[str, Changed | None]
    ) -> set[ApplicationKey]:
        """The Applications of a group that a move to ``commit`` concerns; the common baseline becomes it.

        ``changes`` has what differs from each baseline, None where that cannot be told.
        """
        group = self._groups.get(following)
        if group is None:
            return set()
        found: set[ApplicationKey] = set()
        for key, baseline in list(group.apart.items()):
            change = changes.get(baseline)
            if baseline != commit and (not baseline or change is None or self._touched(group, change, key)):
                found.add(key)
            else:
                del group.apart[key]
        if group.baseline != commit:
            change = changes.get(group.baseline)
            common = group.members - group.apart.keys() - found
            touched = common if change is None else self._readers(group, change) & common
            for key in touched:
                group.apart[key] = group.baseline
            found |= touched
            group.baseline = commit
        return found

    def computed_from(self, key: ApplicationKey, repo: str = "") -> str:
        """The commit up to which the Application's desired state is right; empty where it never was computed.

        Of the first that it follows, or of the first in ``repo``.
        """
        for following in self._of.get(key, ()):
            if repo in ("", following.repo):
                group = self._groups[following]
                return group.apart.get(key, group.baseline)
        return ""

    def followed(self, key: ApplicationKey) -> tuple[Following, ...]:
        """What the Application follows."""
        return self._of.get(key, ())

    def reads(self, key: ApplicationKey, repo: str = "") -> frozenset[str]:
        """The paths that the Application looked up when it was rendered last, in all repositories or in one."""
        found: set[str] = set()
        for following in self._of.get(key, ()):
            if repo in ("", following.repo):
                found |= self._paths.get((key, following), frozenset())
        return frozenset(found)

    def touched(self, repo: str, change: Changed) -> set[ApplicationKey]:
        """Who reads what changed, of all who follow something in the repository."""
        found: set[ApplicationKey] = set()
        for following in self.groups(repo):
            found |= self._readers(self._groups[following], change)
        return found

    def repositories(self) -> frozenset[str]:
        """Every repository that somebody follows."""
        return frozenset(following.repo for following in self._groups)

    def _touched(self, group: Group, change: Changed, key: ApplicationKey) -> bool:
        return key in self._readers(group, change)

    def _readers(self, group: Group, change: Changed) -> set[ApplicationKey]:
        found: set[ApplicationKey] = set()
        for path in change.paths:
            found |= group.index.get(path, set())
        seen: set[str] = set()
        for path in change.reshaped:
            above = path
            while above:
                above = above.rpartition("/")[0]
                if above in seen:
                    break
                seen.add(above)
                found |= group.index.get(above, set())
        return found

    def _part(self, key: ApplicationKey, following: Following) -> None:
        group = self._groups[following]
        self._index(key, following, frozenset())
        self._paths.pop((key, following), None)
        group.members.discard(key)
        group.apart.pop(key, None)
        if not group.members:
            del self._groups[following]

    def _index(self, key: ApplicationKey, following: Following, paths: frozenset[str]) -> None:
        group = self._groups[following]
        before = self._paths.get((key, following), frozenset())
        for path in before - paths:
            readers = group.index.get(path)
            if readers is not None:
                readers.discard(key)
                if not readers:
                    del group.index[path]
        for path in paths - before:
            group.index.setdefault(path, set()).add(key)
        self._paths[key, following] = paths


def _by_repository(reads: Iterable[Read]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for read in reads:
        found.setdefault(read.repo, set()).add(read.path)
    return {repo: frozenset(paths) for repo, paths in found.items()}
