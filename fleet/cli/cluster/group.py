"""The table of ``fleethub cluster``."""

from __future__ import annotations

from typing import Final

from fleet.cli.lazy import LazyGroup, Table

TABLE: Final[Table] = {
    "add": ("fleet.cli.cluster.add:command", "Register a cluster with the hub."),
    "apply": ("fleet.cli.cluster.apply:command", "Register the clusters of a list."),
    "wait": ("fleet.cli.cluster.wait:command", "Wait until clusters are Ready and first synced."),
    "repair": ("fleet.cli.cluster.repair:command", "Renew registrations that have lapsed."),
    "list": ("fleet.cli.cluster.listing:command", "List clusters."),
    "get": ("fleet.cli.cluster.get:command", "Show a cluster and what runs there."),
    "remove": ("fleet.cli.cluster.remove:command", "Unregister a cluster; what runs there stays."),
    "pause": ("fleet.cli.cluster.pause:pause", "Have the hub leave a cluster alone."),
    "resume": ("fleet.cli.cluster.pause:resume", "Have the hub look after a paused cluster again."),
    "replace": ("fleet.cli.cluster.replace:command", "Accept another cluster in place of a registered one."),
    "doctor": ("fleet.cli.cluster.doctor:command", "Say what is the matter with clusters, and what helps."),
    "rotate": ("fleet.cli.cluster.rotate:command", "Give the hub a new token for a cluster."),
    "revoke": ("fleet.cli.cluster.revoke:command", "Void every token of the hub on a cluster."),
    "gc": ("fleet.cli.cluster.collect:command", "List or remove sets that no Application claims."),
    "take-over": ("fleet.cli.cluster.take_over:command", "Say that the hub a cluster had before is gone."),
}

cluster = LazyGroup("cluster", table=TABLE, help="Add, list and remove member clusters.")
