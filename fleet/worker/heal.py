"""From drift to the work that reverts it.

Contract: pure. Heals of one object lost to the same manager wait longer each time (H9); what policy does not
revert is shown.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from fleet.model import Drift, Hold, Holding, Lane, Mode, Option, Work
from fleet.ownership import fights
from fleet.ownership.fights import Fight
from fleet.worker.held import Held


def reverts(work: Work) -> bool:
    """Whether drift of the target is put back by itself."""
    options = work.target.policy.options
    return Option.AUTOMATED in options and Option.SELF_HEAL in options and work.mode is not Mode.COMPARE


def plan(held: Held, found: Drift, now: float) -> tuple[Work, float] | None:
    """The work that puts one object back and the boot time not before which; None where it is only shown."""
    work = held.work
    if work is None or not reverts(work):
        return None
    fight = fights.after(held.fights.get(found.ref), found, now)
    held.fights[found.ref] = fight
    narrow = replace(work, only=frozenset({found.ref}), mode=Mode.APPLY, lane=Lane.URGENT, asked_by=None)
    return narrow, fight.until


def stamp(now: float) -> str:
    """A time as API servers write it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def contested(held: Held) -> tuple[Holding, ...]:
    """The hold that names who keeps writing what we heal."""
    found: list[tuple[str, Fight]] = [
        (str(ref), fight) for ref, fight in held.fights.items() if fights.contested(fight)
    ]
    if not found:
        return ()
    words = [
        f"{ref}: {', '.join(fight.fields) or 'its fields'} by {fight.manager or 'an unknown manager'}"
        for ref, fight in sorted(found)
    ]
    text = f"what is healed here is written again and again: {'; '.join(words[:5])}"
    return (
        Holding(Hold.CONTESTED, text, tuple(ref for ref, f in held.fights.items() if fights.contested(f))),
    )
