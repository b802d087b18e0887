"""Who renders nothing yet for a cluster, since it is not known what that serves: it may claim what is there (H3).

Contract: one owner, in memory; methods never await. ``release`` is called when somebody who waits for one of these on
a cluster may go on there.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet.model import ApplicationKey


class Unready:
    """See the module; bounded by the Applications and the clusters that each waits for."""

    def __init__(self) -> None:
        self._waiting: dict[ApplicationKey, frozenset[str]] = {}
        self._by_cluster: dict[str, set[ApplicationKey]] = {}
        self.release: Callable[[], None] = lambda: None

    def at(self, cluster: str) -> frozenset[ApplicationKey]:
        """The Applications that render nothing yet for the cluster."""
        return frozenset(self._by_cluster.get(cluster, ()))

    def of(self, key: ApplicationKey) -> frozenset[str]:
        """The clusters for which the Application renders nothing yet."""
        return self._waiting.get(key, frozenset())

    def put(self, key: ApplicationKey, clusters: frozenset[str]) -> None:
        """Have the Application wait for exactly these clusters."""
        before = self.of(key)
        if clusters == before:
            return
        if clusters:
            self._waiting[key] = clusters
        else:
            del self._waiting[key]
        for name in clusters - before:
            self._by_cluster.setdefault(name, set()).add(key)
        left = before - clusters
        for name in left:
            self._by_cluster[name].discard(key)
            if not self._by_cluster[name]:
                del self._by_cluster[name]
        if any(len(self._by_cluster.get(name, ())) <= 1 for name in left):
            self.release()  # of two, the one that leaves a cluster waits for the other alone
