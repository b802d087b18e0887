"""What clusters serve, as renders ask for it: versions and kinds, from the workers' discovery.

Contract: one owner; methods never await. Nothing is said of a cluster that is not connected: what is rendered for
it waits, and its last good state stays.
"""

from __future__ import annotations

import hashlib

from fleet.hub.roster import Roster
from fleet.model import Discovery, Parameters


class Capabilities:
    """See the module."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._known: dict[str, tuple[Discovery, Parameters]] = {}
        self._last: dict[str, str] = {}

    def of(self, cluster: str) -> Parameters | None:
        """What the cluster serves; None while that is not known."""
        worker = self._roster.get(cluster)
        if worker is None or worker.running is None:
            self._known.pop(cluster, None)
            return None
        discovery = worker.running.member.discovery
        known = self._known.get(cluster)
        if known is None or known[0] is not discovery:
            known = self._known[cluster] = (discovery, parameters(discovery))
        return known[1]

    def version(self, cluster: str) -> str:
        """The cluster's version of Kubernetes; empty while that is not known."""
        found = self.of(cluster)
        return found.kube_version if found is not None else ""

    def moved(self, cluster: str) -> bool:
        """Whether the cluster serves something else than when this was asked last, or was not known then."""
        found = self.of(cluster)
        now = found.digest if found is not None else ""
        before, self._last[cluster] = self._last.get(cluster, ""), now
        return before != now


def parameters(discovery: Discovery) -> Parameters:
    """In the form of Helm's ``Capabilities``: ``apps/v1`` and ``apps/v1/Deployment``, sorted."""
    found: set[str] = set()
    for resources in discovery.kinds.values():
        for resource in resources:
            version = f"{resource.group}/{resource.version}" if resource.group else resource.version
            found |= {version, f"{version}/{resource.kind}"}
    versions = tuple(sorted(found))
    text = "\0".join((discovery.version, *versions))
    return Parameters(discovery.version, versions, hashlib.sha256(text.encode()).hexdigest())
