"""A Cluster came, changed or went -> the Applications that must look again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleet.placement.place import takes

if TYPE_CHECKING:
    from fleet.api.application import Application
    from fleet.api.cluster import Cluster
    from fleet.model import ApplicationKey


def affected(
    old: Cluster | None, new: Cluster | None, applications: Iterable[Application]
) -> set[ApplicationKey]:
    """Keys of those that ask for the Cluster now and did not before, or the reverse.

    ``old`` None: it came; ``new`` None: it went. An edit that placement does not look at, such as a status,
    costs nothing.
    """
    if old is not None and new is not None and _facts(old) == _facts(new):
        return set()
    return {
        application.key
        for application in applications
        if (old is not None and takes(application, old)) != (new is not None and takes(application, new))
    }


def _facts(cluster: Cluster) -> tuple[object, ...]:
    return cluster.metadata.name, cluster.metadata.labels, cluster.spec.server
