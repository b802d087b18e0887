"""The table of ``fleethub app``."""

from __future__ import annotations

from typing import Final

from fleet.cli.lazy import LazyGroup, Table

TABLE: Final[Table] = {
    "list": ("fleet.cli.app.listing:command", "List Applications."),
    "get": ("fleet.cli.app.get:command", "Show an Application, cluster by cluster."),
    "resources": ("fleet.cli.app.resources:command", "Show the objects of an Application on every cluster."),
    "sync": ("fleet.cli.app.sync:command", "Ask for a sync."),
    "refresh": ("fleet.cli.app.refresh:command", "Have the hub look at Git and the clusters now."),
    "wait": ("fleet.cli.app.wait:command", "Wait until an Application is synced and healthy."),
    "confirm": ("fleet.cli.app.confirm:command", "Let a deletion through that the guard holds."),
    "accept": ("fleet.cli.app.accept:command", "Let what another version of a renderer makes be applied."),
    "explain": ("fleet.cli.app.explain:command", "Say where each value on a cluster came from."),
    "delete": ("fleet.cli.app.delete:command", "Delete an Application and what it keeps on its clusters."),
}

app = LazyGroup("app", table=TABLE, help="See, sync and delete Applications.")
