"""What the sources of an Application mean now: commits of repositories, versions of charts, and their trees.

Contract: raises SourceError for what cannot be had; what a render finds missing on the way is fetched and the
render made again. A tree is made anew for each render, for it records what was looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fleet.charts.store import Meaning
from fleet.errors import FleetError, RevisionNotFound
from fleet.git.refs import commit_hash
from fleet.hub.readers import Following
from fleet.hub.turns import Turn
from fleet.model import Revision
from fleet.render.ground import RemoteChart, RemoteFolder, Trees
from fleet.render.inputs import Tree
from fleet.world.charts import Charts
from fleet.world.repositories import Repositories, Repository

HEAD = "HEAD"
Refuse = Callable[[str], FleetError | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One source as the Application names it: ``chart`` is empty for one of Git, ``ref`` where none refers to it."""

    repo: str
    name: str
    chart: str = ""
    ref: str = ""
    everywhere: bool = False  # the credential goes along to whatever host the index names

    @property
    def remote(self) -> RemoteChart:
        """The chart that is meant."""
        return RemoteChart(self.repo, self.chart, self.name)


@dataclass(slots=True)
class Resolved:
    """What the sources mean at one moment; ``folders`` and ``charts`` are what renders asked for besides.

    ``awaited`` are folders, ``needed`` charts that were asked for, here already or not.
    """

    sources: tuple[Wanted, ...]
    revisions: tuple[Revision, ...]
    folders: dict[RemoteFolder, Revision] = field(default_factory=dict)
    charts: dict[RemoteChart, Meaning] = field(default_factory=dict)
    awaited: set[RemoteFolder] = field(default_factory=set)
    needed: set[RemoteChart] = field(default_factory=set)

    def followings(self) -> tuple[Following, ...]:
        """The names of Git that are followed, the Application's own first."""
        own = [Following(one.repo, one.name) for one in self.sources if not one.chart]
        return tuple(
            dict.fromkeys((*own, *(Following(one.url, one.name or HEAD) for one in sorted(self.awaited))))
        )

    def commits(self) -> Mapping[Following, str]:
        """And the commits that they were resolved to."""
        pairs = zip(self.sources, self.revisions, strict=True)
        found = {Following(one.repo, one.name): at.commit for one, at in pairs if not one.chart}
        found.update((Following(one.url, one.name or HEAD), at.commit) for one, at in self.folders.items())
        return found

    def used_charts(self) -> frozenset[RemoteChart]:
        """All charts of chart repositories."""
        return frozenset(self.charts) | self.needed | {one.remote for one in self.sources if one.chart}


class Grounds:
    """See the module."""

    def __init__(self, repositories: Repositories, charts: Charts) -> None:
        self.repositories = repositories
        self.charts = charts

    async def resolve(self, sources: Iterable[Wanted], turn: Turn, *, first: str = "") -> Resolved:
        """What all of them mean now; ``first`` is a commit in place of what the first one follows."""
        wanted = tuple(sources)
        revisions, meanings = [], {}
        for number, one in enumerate(wanted):
            name = first if first and not number else one.name
            if one.chart:
                chart = one.remote._replace(version=name)
                state = await turn.aside(self.charts.obtain(chart, everywhere=one.everywhere))
                meanings[one.remote] = state
                revisions.append(Revision(one.repo, state.version, one.name))
            else:
                revisions.append(await self._commit(self.repositories.get(one.repo), name, turn))
        return Resolved(wanted, tuple(revisions), charts=meanings)

    def ground(self, resolved: Resolved, number: int, refuse: Refuse) -> Trees:
        """The trees for one render of one source."""
        refs = {one.ref: self._tree(resolved, place) for place, one in enumerate(resolved.sources) if one.ref}
        return Trees(
            self._tree(resolved, number),
            refs=refs,
            folders={
                one: self.repositories.get(one.url).tree(at.commit) for one, at in resolved.folders.items()
            },
            charts={one: self.charts.tree(one, meaning) for one, meaning in resolved.charts.items()},
            refuse=refuse,
        )

    async def fetch(
        self, resolved: Resolved, wanted: Iterable[RemoteFolder | RemoteChart], turn: Turn
    ) -> None:
        """Have what a render asked for here from now on."""
        for one in wanted:
            if isinstance(one, RemoteChart):
                resolved.needed.add(one)
                resolved.charts[one] = await turn.aside(self.charts.obtain(one))
            else:
                resolved.awaited.add(one)
                repository = self.repositories.get(one.url)
                resolved.folders[one] = await self._commit(repository, one.name or HEAD, turn)

    def stale(self, resolved: Resolved) -> bool:
        """Whether a name means another commit by now."""
        for following, commit in resolved.commits().items():
            try:
                if self.repositories.get(following.repo).resolve(following.name).commit != commit:
                    return True
            except FleetError:
                return True
        return False

    def errors(self, resolved: Resolved) -> tuple[FleetError, ...]:
        """Why nothing newer comes, though what was last known is served: repositories and registries."""
        found: list[FleetError] = []
        for url in dict.fromkeys(one.repo for one in resolved.followings()):
            repository = self.repositories.get(url)
            if repository.error is not None and repository.refs is not None:
                found.append(repository.error)
        for chart in sorted(resolved.used_charts()):
            error = self.charts.error(chart)
            if error is not None:
                found.append(error)
        return tuple(found)

    def _tree(self, resolved: Resolved, number: int) -> Tree:
        source = resolved.sources[number]
        if source.chart:
            return self.charts.tree(source.remote, resolved.charts[source.remote])
        return self.repositories.get(source.repo).tree(resolved.revisions[number].commit)

    async def _commit(self, repository: Repository, name: str, turn: Turn) -> Revision:
        try:
            return repository.resolve(name)
        except RevisionNotFound:
            if not commit_hash(name) or repository.refs is None:
                raise
            await turn.aside(repository.bring(name))
            return repository.resolve(name)
