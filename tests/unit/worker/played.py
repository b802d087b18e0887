"""Work for a worker, as small as it can be."""

from __future__ import annotations

from fleet.model import ApplicationKey, Option, Policy, Rendered, Target, TargetKey, Work


def work(name: str) -> Work:
    """Work of a target that heals by itself."""
    target = TargetKey(ApplicationKey("fleethub", name), "eu")
    return Work(
        Target(target, "shop", Policy(options=frozenset({Option.AUTOMATED, Option.SELF_HEAL}))),
        (),
        Rendered("key", ()),
    )
