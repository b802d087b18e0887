"""Changes: one arrival of commits, the Applications it concerns, and when it may prune (H3).

Contract: a change is open until every Application that it concerns has rendered and offered its work once; so
all claims are registered before the first prune. One that does not render holds the prunes of the others, by
name, until it renders, is deleted, or a later change of the repository is fully rendered. The first look at a
repository after a start is such a change too, of everybody who follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fleet.model import ApplicationKey, ChangeId

NOBODY = ApplicationKey("", "")  # keeps a change open of which it is not known yet whom it concerns


class Changes:
    """See the module. ``released`` is called when a change closes."""

    def __init__(self) -> None:
        self._serial = 0
        self._open: dict[ChangeId, set[ApplicationKey]] = {}
        self._concerned: dict[ChangeId, set[ApplicationKey]] = {}
        self._arriving: dict[str, ChangeId] = {}
        self._noticed: set[ChangeId] = set()
        self.released: Callable[[], None] = lambda: None

    def begin(self, repo: str) -> None:
        """Commits are about to be seen, and whom they concern is not known yet: ``arrive`` tells.

        Whoever renders them before that must not prune before that either.
        """
        if repo not in self._arriving:
            self._arriving[repo] = self._new(repo, {NOBODY})

    def arriving(self, repo: str) -> ChangeId | None:
        """The change of a repository of which it is not known yet whom it concerns."""
        change = self._arriving.get(repo)
        if change is not None:
            self._noticed.add(change)
        return change

    def arrive(self, repo: str, keys: Iterable[ApplicationKey]) -> ChangeId | None:
        """Commits arrived that concern these Applications; None where they concern nobody."""
        concerned = set(keys)
        change = self._arriving.pop(repo, None)
        if change is None:
            return self._new(repo, concerned) if concerned else None
        noticed = change in self._noticed
        self._noticed.discard(change)
        if concerned:
            self._open[change] = concerned
            self._concerned[change] = set(concerned)
            return change
        self._close(change)
        if noticed:
            self.released()
        return None

    def enlist(self, one: ApplicationKey, other: ApplicationKey) -> None:
        """The other takes part in every open change in which the one does."""
        for change, keys in self._open.items():
            if one in keys:
                keys.add(other)
                self._concerned[change].add(other)

    def join(self, repo: str, key: ApplicationKey) -> None:
        """An Application came while changes of its repository are open: it takes part in the newest."""
        arriving = self._arriving.get(repo)
        newest = max((c for c in self._open if c.repo == repo and c != arriving), default=None)
        if newest is not None:
            self._open[newest].add(key)
            self._concerned[newest].add(key)

    def of(self, key: ApplicationKey) -> ChangeId | None:
        """The newest open change that concerns the Application, also where it has rendered that already."""
        return max(
            (change for change, keys in self._concerned.items() if key in keys),
            default=None,
            key=lambda change: change.serial,
        )

    def settle(self, key: ApplicationKey) -> None:
        """The Application has rendered its newest revision and offered its work, or is gone."""
        closed = False
        for change in sorted(self._open, key=lambda change: change.serial):
            keys = self._open.get(change)
            if keys is None or key not in keys:
                continue
            keys.discard(key)
            if not keys:
                closed = True
                for older in [o for o in self._open if o.repo == change.repo and o.serial <= change.serial]:
                    self._close(older)
        if closed:
            self.released()

    def open(self, change: ChangeId | None) -> tuple[ApplicationKey, ...] | None:
        """Who has not rendered yet of a change; None where it is closed."""
        if change is None:
            return None
        keys = self._open.get(change)
        return None if keys is None else tuple(sorted(keys - {NOBODY}))

    def _new(self, repo: str, keys: set[ApplicationKey]) -> ChangeId:
        self._serial += 1
        change = ChangeId(repo, self._serial)
        self._open[change] = keys
        self._concerned[change] = set(keys)
        return change

    def _close(self, change: ChangeId) -> None:
        del self._open[change]
        del self._concerned[change]
