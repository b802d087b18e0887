"""A person's word that a member's former hub is gone: it counts once.

Contract: one owner; methods never await. The annotation on the Cluster counts until this hub holds the member's
Lease; which one that was stands in the Cluster's status from then on, so that neither a later connection nor a
restart takes a Lease that somebody got since.
"""

from __future__ import annotations

from typing import Final

from fleet import names
from fleet.model import ApplicationKey
from fleet.world.objects import World

LONGEST: Final = 256


class TakeOvers:
    """See the module; bounded by the Clusters."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._used: dict[str, tuple[str, str]] = {}  # name -> UID of the Cluster, the word
        self.namespace = names.HUB_NAMESPACE

    def due(self, name: str) -> bool:
        """Whether there is a word for the Cluster that has not been acted on."""
        word = self._word(name)
        return bool(word) and word != self.used(name)

    def used(self, name: str) -> str:
        """The word that was acted on last."""
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        uid, word = self._used.get(name, ("", ""))
        if known is None:
            return ""
        return word if uid == known.uid else str(known.status.get("takenOver") or "")

    def arrived(self, name: str) -> None:
        """The member's Lease is ours: what somebody said of another's is done with."""
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        word = self._word(name)
        if known is not None and word:
            self._used[name] = (known.uid, word)

    def forget(self, name: str) -> None:
        """The Cluster is gone."""
        self._used.pop(name, None)

    def _word(self, name: str) -> str:
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        return known.annotations.get(names.TAKE_OVER, "")[:LONGEST] if known is not None else ""
