"""What is applied on a member, learned from the member itself after a start.

Contract: pure. A parent's seal is the digest of its members' entries as they were when all was applied. A
target whose parent records the render that belongs there, and whose members still have that digest, is
settled: it needs no request at all.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from fleet.model import Mode, Recorded, Work
from fleet.sync.sets import set_id
from fleet.worker import heal
from fleet.worker.held import Held
from fleet.worker.member import Member

DIGEST = 32


def render_digest(work: Work) -> str:
    """What a parent records as the render: the desired set as it is meant for this target."""
    text = f"{work.rendered.key}\n{work.target.namespace}\n{work.target.parameters.digest}"
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


def seal_of(own: str, member: Member) -> str:
    """The digest of a set's members as they are remembered: who they are, our entry, what was sent."""
    digest = hashlib.sha256()
    for ref in sorted(member.sightings.members(own)):
        seen = member.sightings.get(ref)
        if seen is None:
            continue
        entry = seen.entry
        digest.update(
            "\0".join((*ref, seen.uid, seen.manifest, (entry.time or "-") if entry else "")).encode()
        )
        digest.update(b"\0" + (entry.digest if entry else b"") + b"\n")
    return digest.hexdigest()[:DIGEST]


def settled(work: Work, recorded: Recorded | None, member: Member) -> bool:
    """Whether the target is, provably, as the work wants it."""
    if recorded is None or recorded.seal is None or recorded.render != render_digest(work):
        return False
    return recorded.seal == seal_of(set_id(work.target.key, member.identity.namespace), member)


def mode(work: Work, held: Held, member: Member, *, paused: bool) -> Mode:
    """What a pass may do now."""
    if paused:
        return Mode.COMPARE
    if (
        work.only is not None
        or held.begun
        or work.asked_by
        or held.asked
        or work.mode is not Mode.APPLY
        or held.work is None
    ):
        return work.mode
    record = member.parents.get(work.target.key)
    unchanged = record is not None and record.recorded.render == render_digest(held.work)
    # After a start nobody has asked to revert drift of a target without self-heal (H5).
    return Mode.COMPARE if unchanged and not heal.reverts(held.work) else Mode.APPLY


def adopt(work: Work, member: Member) -> None:
    """Take the members' entries as they are for those of our last apply; after ``settled`` alone."""
    for ref in member.sightings.members(set_id(work.target.key, member.identity.namespace)):
        seen = member.sightings.get(ref)
        if seen is not None:
            member.sightings.put(ref, replace(seen, sent=seen.entry))
