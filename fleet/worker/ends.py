"""How a connection or a pass ends that nobody has foreseen, or that is ended for another."""

from __future__ import annotations

from fleet.errors import FleetError, Unreachable


class Replaced(Unreachable):
    """The connection was given up for another one; nothing is wrong with the cluster."""


class Unforeseen(FleetError):
    """An error that no room foresaw; its words carry no content."""

    reason = "InternalError"
    transient = True
