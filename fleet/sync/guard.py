"""The deletion guard: how much one change may delete without a person's word.

Contract: pure. What a change would delete is told in lines, one for each thing that goes (an object on a cluster,
a target, a child), each naming it completely: the digest of the lines names exactly that set, and who confirms it
lets nothing else through. A set is held when one of its tallies is more than both the share and the count, or when
something precious is in it, whatever its size; then nothing of the set is deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet import names
from fleet.model import Hold, Holding, ObjectRef, Thresholds

DIGEST = 16
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Tally:
    """So many of so many things would go, and how many may."""

    count: int
    total: int
    noun: str
    thresholds: Thresholds

    @property
    def exceeds(self) -> bool:
        """Whether they are more than may go unconfirmed."""
        most = self.thresholds
        return self.count > most.count and self.count * 100 > self.total * most.percent


def line(cluster: str, ref: ObjectRef) -> str:
    """The line of an object on a cluster."""
    return str(ref) if cluster == names.HUB_CLUSTER else f"{cluster}: {ref}"


def digest(lines: Iterable[str]) -> str:
    """The name of exactly this set."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:DIGEST]


def reasons(tallies: Iterable[Tally], precious: Mapping[str, str]) -> tuple[str, ...]:
    """Why a set needs a word; empty where it does not. ``precious`` maps a line to what makes it so."""
    told = [
        f"{tally.count} of {tally.total} {tally.noun} would go, more than {tally.thresholds.count} and more than "
        f"{tally.thresholds.percent} %"
        for tally in tallies
        if tally.exceeds
    ]
    told += [f"{line} {why}" for line, why in sorted(precious.items())[:SHOWN]]
    return tuple(told)


def holding(
    lines: Iterable[str], why: Iterable[str], command: str, refs: tuple[ObjectRef, ...] = ()
) -> Holding:
    """The hold that lists the set and says how to let it through; ``command`` is the one for a person."""
    listed = sorted(lines)
    named = digest(listed)
    shown = ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
    text = (
        f"nothing is deleted: {'; '.join(why)}. It is: {shown}. Let exactly this through with '{command}', or with "
        f"the annotation {names.CONFIRM}: {named}"
    )
    return Holding(Hold.DELETION_HELD, text, refs, named)
