"""Where sources are read from, for one command: clones on this machine, and what is fetched."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fleet import urls
from fleet.cli.render.workingtree import Clone
from fleet.errors import RepositoryUnread
from fleet.hub.grounds import Grounds
from fleet.hub.turns import Turn
from fleet.model import Revision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.git.tree import Tree
    from fleet.world.charts import Charts
    from fleet.world.repositories import Repositories, Repository

_PATIENCE = 0.05


class Here:
    """A clone in the place of a repository."""

    error = None
    refs = None

    def __init__(self, url: str, clone: Clone) -> None:
        self.url = url
        self._clone = clone

    def resolve(self, name: str) -> Revision:
        """Whatever a source follows: the clone stands for it."""
        return Revision(self.url, self._clone.commit, name)

    def tree(self, commit: str) -> Tree:
        """The clone's files."""
        del commit
        return self._clone.tree(self.url)


class Places:
    """In the place of ``Repositories``: ``clones`` by canonical URL, ``every`` for whatever none of them is."""

    def __init__(self, far: Repositories, clones: Mapping[str, Clone], every: Clone | None) -> None:
        self._far = far
        self._clones = clones
        self._every = every

    def get(self, url: str) -> Here | Repository:
        """A clone, or the repository itself."""
        try:
            clone = self._clones.get(urls.canonical(url), self._every)
        except ValueError:
            clone = self._clones.get(url, self._every)
        return Here(url, clone) if clone is not None else self._far.get(url)


class LocalGrounds(Grounds):
    """Grounds that wait for what was never read."""

    def __init__(self, places: Any, charts: Charts) -> None:
        super().__init__(places, charts)

    async def _commit(self, repository: Repository, name: str, turn: Turn) -> Revision:
        while True:
            try:
                return await super()._commit(repository, name, turn)
            except RepositoryUnread:
                await asyncio.sleep(_PATIENCE)
