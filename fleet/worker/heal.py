"""From drift to the work that reverts it.

Contract: pure. Heals of one object lost to the same manager wait longer each time (H9); what policy does not
revert is shown.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from fleet.model import Cause, Drift, Foreign, Hold, Holding, Lane, Mode, Option, Outcome, Work
from fleet.ownership import fights
from fleet.ownership.entries import UPDATE
from fleet.ownership.fights import Fight
from fleet.worker.held import Held

SHOWN = "drift is shown, not put back: self-heal is off"


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


def due(work: Work, held: Held, now: float) -> tuple[Work | None, tuple[Work, float] | None]:
    """What of a heal is to be done now, and what waits longer, with the boot time not before which.

    Heals of a target wait under one key until the first of them is due: each object is fought over by itself.
    """
    only = work.only or frozenset()
    later = {
        ref: held.fights[ref].until for ref in only if ref in held.fights and held.fights[ref].until > now
    }
    if not later:
        return work, None
    at_once = only - later.keys()
    rest = replace(work, only=frozenset(later)), min(later.values())
    return (replace(work, only=at_once) if at_once else None), rest


def strip(held: Held, found: tuple[Foreign, ...], now: float) -> tuple[Work, float] | None:
    """The work that takes away what people added to an object, damped like any heal; None where none does."""
    work = held.work
    removable = [one for one in found if not one.why]
    if work is None or not removable or Option.STRICT not in work.target.policy.options:
        return None
    return plan(held, addition(max(removable, key=lambda one: one.at)), now)


def addition(found: Foreign) -> Drift:
    """What people added, as what a heal puts right."""
    return Drift(found.ref, Cause.ADDED, found.manager, UPDATE, found.at, found.fields)


def seen(held: Held, *, paused: bool) -> tuple[tuple[Drift, ...], tuple[Holding, ...]]:
    """The drift that is only shown, and the holds that say why, and who keeps writing what is healed."""
    work = held.work
    shown = () if work is None or (reverts(work) and not paused) else tuple(held.drifts.values())
    holds = contested(held)
    said = held.outcome is not None and any(one.hold is Hold.SELF_HEAL_OFF for one in held.outcome.holds)
    if shown and not said:
        holds += (Holding(Hold.SELF_HEAL_OFF, SHOWN),)
    return shown, holds


def rested(found: Outcome) -> Outcome:
    """The outcome of a pass on a paused cluster."""
    hold = Holding(Hold.PAUSED, "the cluster is paused: nothing is written there (fleethub cluster resume)")
    looked = (Hold.MANUAL, Hold.SELF_HEAL_OFF)
    return replace(found, holds=(*(h for h in found.holds if h.hold not in looked), hold))


def found(held: Held, reported: Outcome) -> None:
    """Remember what a pass found drifted and left: no later one puts it back for another reason (H5)."""
    if held.work is None or not any(one.hold is Hold.SELF_HEAL_OFF for one in reported.holds):
        return
    for drift in reported.findings.drifts:
        held.drifts.setdefault(drift.ref, drift)


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
