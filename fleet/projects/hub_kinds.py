"""What an app of apps may hold: the hub's own kinds, so that it is no door to the hub's cluster (H21)."""

from __future__ import annotations

from fleet.model import ObjectRef
from fleet.names import GROUP, HUB_KINDS


def allowed(ref: ObjectRef) -> bool:
    """Whether an Application that is placed on the hub may hold the object."""
    return ref.group == GROUP and ref.kind in HUB_KINDS
