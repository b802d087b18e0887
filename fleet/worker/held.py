"""What a worker keeps of one target while it is placed on the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet.model import Drift, ObjectRef, Outcome, Target, Work
from fleet.ownership.fights import Fight
from fleet.sync.scope import Scoped
from fleet.worker.work import Leave


@dataclass(slots=True)
class Held:
    """The newest work, and how it stands. Bounded by the target's own objects."""

    work: Work | None = None
    leave: Leave | None = None
    scoped: Scoped | None = None
    outcome: Outcome | None = None
    drifts: dict[ObjectRef, Drift] = field(default_factory=dict)
    fights: dict[ObjectRef, Fight] = field(default_factory=dict)
    tries: int = 0
    begun: bool = False  # a whole pass has ended since the connection was made
    audited: float = 0.0  # the boot time at which an audit ended last
    rebuild: bool = False  # the parent was lost
    waits: bool = False  # the last pass held back for health or for a change
    asked: str | None = None  # the request that passes have begun on and not answered yet

    def stands(self, target: Target) -> bool:
        """Whether the target is still wanted under the walls that a pass was planned with."""
        return self.work is not None and self.work.target.policy.walls == target.policy.walls

    def connected_anew(self) -> None:
        """Nothing that was learned through an old connection is believed."""
        self.scoped = None
        self.begun = False
        self.drifts.clear()
