"""How offers of one target join, and how long a failing one waits.

Contract: pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleet.model import Hold, Mode, Outcome, Retry, TargetKey, Withdrawal, Work

SLOW = 300.0  # seconds between tries once the policy's own are used up


@dataclass(frozen=True, slots=True)
class Leave:
    """The target leaves this cluster; ``account`` is the ServiceAccount that the hub acts as there.

    ``asked`` is the request of a person that it answers; the same one again is no new errand, another one is.
    """

    target: TargetKey
    mode: Withdrawal
    account: str | None = None
    asked: str | None = None


Errand = Work | Leave


def yields(errand: Errand) -> bool:
    """Whether the errand gives way to any other of its target: a seal hastens nothing, and comes again after it."""
    return isinstance(errand, Work) and errand.mode is Mode.SEAL


def merge(older: Errand, newer: Errand) -> Errand:
    """What waits after ``newer`` arrives while ``older`` waits: the newest desired set, the widest errand."""
    if isinstance(newer, Leave) or isinstance(older, Leave):
        return newer
    if newer.only is not None:
        # A heal: joins another heal, and is part of any whole pass.
        if older.only is None:
            return older
        return replace(newer, only=older.only | newer.only, lane=min(older.lane, newer.lane))
    if newer.mode is Mode.AUDIT and older.only is None and older.mode in (Mode.APPLY, Mode.AUDIT):
        # An audit applies all that the older one would, and answers whoever asked for that.
        return replace(older, mode=Mode.AUDIT, lane=min(older.lane, newer.lane))
    return replace(newer, lane=min(older.lane, newer.lane))


def replaces(newer: Errand, _held: Errand) -> bool:
    """Whether an errand in hand may stop for a newer one, which then does what is left of it too."""
    return isinstance(newer, Leave) or (newer.only is None and newer.mode in (Mode.APPLY, Mode.COMPARE))


def delay(retry: Retry, tries: int) -> float:
    """Seconds before the next try after ``tries`` failures."""
    if 0 <= retry.limit < tries:
        return max(SLOW, retry.maximum)
    return min(retry.maximum, retry.duration * retry.factor ** max(0, tries - 1))


def failed(outcome: Outcome) -> bool:
    """Whether trying again may help by itself."""
    return any(fault.transient for fault in outcome.faults)


def goes_on(work: Work, found: Outcome) -> bool:
    """Whether what was asked for is not done yet, and goes on by itself."""
    if found.faults:
        return failed(found)
    waits = {Hold.WAVE, Hold.CLAIM} | ({Hold.PRUNE_WAITS} if work.prune_asked else set())
    return any(hold.hold in waits for hold in found.holds)


def same(left: Work, right: Work) -> bool:
    """Whether both ask for the same, whatever change or lane they came by."""
    return (
        left.rendered.key == right.rendered.key
        and left.rendered.faults == right.rendered.faults
        and left.target == right.target
        and left.mode == right.mode
        and left.asked_by == right.asked_by
    )
