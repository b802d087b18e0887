"""Where a render looks besides its own tree, and what it may not reach by itself."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from fleet.errors import InvalidObject, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.errors import FleetError
    from fleet.model import Read
    from fleet.render.inputs import Tree

NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class RemoteFolder(NamedTuple):
    """A folder of a Git repository: URL, the name of a revision (empty: its default branch), the path in it."""

    url: str
    name: str
    path: str


class RemoteChart(NamedTuple):
    """A chart of a chart repository: URL (https or oci), name, version or range."""

    url: str
    name: str
    version: str


Wanted = TypeVar("Wanted", RemoteFolder, RemoteChart)


class Unfetched(SourceError):
    """The render needs what is not here yet: whoever renders has it fetched, and renders again."""

    reason = "Unfetched"

    def __init__(self, wanted: frozenset[RemoteFolder | RemoteChart]) -> None:
        super().__init__("not fetched yet: " + ", ".join(sorted(one.url for one in wanted)))
        self.wanted = wanted


class Ground(Protocol):
    """All trees of one render. Blocking, one thread at a time; every look-up is recorded by the tree it is made in."""

    @property
    def own(self) -> Tree:
        """The source's own."""

    def ref(self, name: str) -> Tree:
        """That of the source which calls itself ``name``. Raises ``InvalidObject``, naming those that exist."""

    def folder(self, wanted: RemoteFolder) -> Tree:
        """A remote folder's repository, at the commit it is pinned to.

        Raises `Unfetched`, and ``RepositoryRefused`` where the Application's Project does not allow the URL.
        """

    def chart(self, wanted: RemoteChart) -> Tree:
        """A chart's archive, unpacked in memory: one folder of the chart's name. Raises as ``folder`` does."""

    def reads(self) -> frozenset[Read]:
        """All that was looked up so far, in any tree."""


class Trees:
    """A `Ground` of trees that are at hand; what a Project does not allow is asked of ``refuse``."""

    def __init__(
        self,
        own: Tree,
        *,
        refs: Mapping[str, Tree] = NOTHING,
        folders: Mapping[RemoteFolder, Tree] = NOTHING,
        charts: Mapping[RemoteChart, Tree] = NOTHING,
        refuse: Callable[[str], FleetError | None] = lambda _: None,
    ) -> None:
        self.own = own
        self._refs = refs
        self._folders = folders
        self._charts = charts
        self._refuse = refuse

    def ref(self, name: str) -> Tree:
        """See `Ground`."""
        found = self._refs.get(name)
        if found is None:
            known = ", ".join(f"${one}" for one in sorted(self._refs)) or "none"
            raise InvalidObject(f"${name} is the ref of no source; there are: {known}", field="spec.sources")
        return found

    def folder(self, wanted: RemoteFolder) -> Tree:
        """See `Ground`."""
        return self._fetched(wanted, self._folders)

    def chart(self, wanted: RemoteChart) -> Tree:
        """See `Ground`."""
        return self._fetched(wanted, self._charts)

    def reads(self) -> frozenset[Read]:
        """All that was looked up in any of them."""
        trees = (self.own, *self._refs.values(), *self._folders.values(), *self._charts.values())
        return frozenset(read for tree in trees for read in tree.reads)

    def _fetched(self, wanted: Wanted, known: Mapping[Wanted, Tree]) -> Tree:
        refused = self._refuse(wanted.url)
        if refused is not None:
            raise refused
        found = known.get(wanted)
        if found is None:
            raise Unfetched(frozenset({wanted}))
        return found
