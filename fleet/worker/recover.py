"""What is applied on a member, learned from the member itself after a start.

Contract: pure. A parent's seal is the digest of its members' entries as they were when all was applied. A
target whose parent records the render that belongs there, and whose members still have that digest, is
settled: it needs no request at all. A parent without a seal tells of a pass that may not have ended; how far it
came, the manifest digests on the objects say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from fleet import names
from fleet.model import Drift, Hold, Holding, Mode, ObjectRef, Option, Recorded, SecretModes, Work
from fleet.secrets.arrange import FETCHED
from fleet.sync import shape
from fleet.sync.scope import Scoped
from fleet.sync.sets import set_id
from fleet.sync.shape import Marks
from fleet.worker import heal
from fleet.worker.held import Held
from fleet.worker.member import Member
from fleet.worker.plan import plan
from fleet.worker.pruning import stale

DIGEST = 32


def render_digest(work: Work) -> str:
    """What a parent records as the render: the desired set as it is meant for this target."""
    text = f"{work.rendered.output or work.rendered.key}\n{work.target.namespace}"
    if work.target.policy.secrets != SecretModes():
        text += f"\n{work.target.policy.secrets}"
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


def inputs_digest(work: Work) -> str:
    """What a parent records of the inputs of a render that a program made; empty for plain YAML."""
    if not work.rendered.renderer:
        return ""
    text = f"{work.rendered.inputs}\n{work.target.namespace}"
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


def remade(work: Work, member: Member) -> Holding | None:
    """Why the work is not applied: of the same inputs, another version of the renderer makes something else."""
    record = member.parents.get(work.target.key)
    accepts = work.target.policy.accepts
    if record is None or not work.rendered.renderer or accepts in ("*", work.rendered.renderer):
        return None
    was = record.recorded
    if (
        was.renderer in ("", work.rendered.renderer)
        or was.inputs != inputs_digest(work)
        or was.render == render_digest(work)
    ):
        return None
    text = (
        f"made by {was.renderer}; {work.rendered.renderer} makes something else of the same files, and nothing of that "
        f"is applied before somebody accepts it: 'fleethub app accept {work.target.key.application}', or the annotation "
        f"{names.ACCEPT}: {work.rendered.renderer}"
    )
    return Holding(Hold.RENDERER, text)


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
        or held.scoped is None
    ):
        return work.mode
    return _begin(held.work, held.scoped, member)


def spares(work: Work, held: Held, member: Member) -> Mapping[ObjectRef, Drift] | None:
    """What of the target is known to have drifted and stays as it is in this pass; None where all is put back.

    A commit and a person's sync put back what drifted. That something else failed, waited or was rotated is no word to,
    where self-heal is off; but what the last pass failed with itself is tried again.
    """
    record = member.parents.get(work.target.key)
    commit = record is not None and record.recorded.render != render_digest(work)
    if commit or work.only is not None or work.asked_by or held.asked or heal.reverts(work):
        return None
    before = held.outcome
    failed = {problem.ref for problem in before.faults} if before is not None else set()
    looked = {drift.ref for drift in before.findings.drifts} if before is not None else set()
    return {ref: drift for ref, drift in held.drifts.items() if ref not in failed or ref in looked}


def rotated(held: Held, member: Member) -> bool:
    """Whether a Secret that a pass only compared is one that moved where it is kept: that is no drift."""
    if held.work is None or held.work.mode is not Mode.APPLY or held.scoped is None:
        return False
    marks = Marks(set_id(held.work.target.key, member.identity.namespace), member.identity.digest_key)
    due = [one for one in held.scoped.manifests if one.manifest.form in FETCHED and one.ref in held.drifts]
    found = ((member.sightings.get(placed.ref), shape.body(placed, marks).digest) for placed in due)
    return any(seen is not None and seen.manifest != digest for seen, digest in found)


def _begin(work: Work, scoped: Scoped, member: Member) -> Mode:
    """How a target is begun with: after a start nobody has asked to revert drift where self-heal is off (H5)."""
    record = member.parents.get(work.target.key)
    if record is None or record.recorded.render != render_digest(work) or heal.reverts(work):
        return Mode.APPLY
    return Mode.APPLY if record.recorded.seal is None and _unfinished(work, scoped, member) else Mode.COMPARE


def _unfinished(work: Work, scoped: Scoped, member: Member) -> bool:
    """Whether something was not applied or removed that the pass which declared this render was to see to."""
    planned = plan(work, scoped, member)
    for item in planned.items:
        seen = member.sightings.get(item.ref)
        if seen is None or seen.set_id != planned.set_id or seen.manifest != item.digest:
            return True
    return Option.PRUNE in work.target.policy.options and bool(stale(planned, work.target.key, member))


def settled(work: Work, recorded: Recorded | None, member: Member) -> bool:
    """Whether the target is, provably, as the work wants it."""
    if recorded is None or recorded.seal is None or recorded.render != render_digest(work):
        return False
    return recorded.seal == seal_of(set_id(work.target.key, member.identity.namespace), member)


def adopt(work: Work, member: Member) -> None:
    """Take the members' entries as they are for those of our last apply; after ``settled`` alone."""
    for ref in member.sightings.members(set_id(work.target.key, member.identity.namespace)):
        seen = member.sightings.get(ref)
        if seen is not None:
            member.sightings.put(ref, replace(seen, sent=seen.entry))
