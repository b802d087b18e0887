"""What a pass has to do, before it does any of it.

Contract: pure but for reading the member's memory. Everything that Git names stays in ``desired``, whether it
can be sent or not, so that nothing is pruned for a fault (H2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from fleet.errors import FleetError, fault
from fleet.model import Fault, Hold, Holding, Manifest, ObjectRef, TargetKey, Work
from fleet.sync import order, restart, shape
from fleet.sync.restart import Restarts
from fleet.sync.scope import Placed, Scoped
from fleet.sync.sets import set_id
from fleet.sync.shape import Marks, Shaped
from fleet.worker.member import Member

# Sync options that hold already, or that are built; any other keeps its object from being applied.
BUILT_OPTIONS = frozenset(
    {
        "ServerSideApply=true",
        "SkipDryRunOnMissingResource=true",
        "Validate=true",
        "ApplyOutOfSyncOnly=true",
        "Prune=true",
        "Prune=false",
        "Delete=true",
        "Delete=false",
    }
)
SHOWN = 10  # objects named in the text of a hold


@dataclass(frozen=True, slots=True)
class Stage:
    """Objects that go at the same time."""

    wave: int
    items: tuple[Shaped, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A pass before it runs. ``claimed`` maps an object to the target that has the better claim to it.

    ``unresolved`` has the sync wave of each Secret that could not be resolved.
    """

    set_id: str
    desired: frozenset[ObjectRef]
    stages: tuple[Stage, ...]
    claimed: dict[ObjectRef, TargetKey]
    faults: tuple[Fault, ...]
    holds: tuple[Holding, ...]
    warnings: tuple[str, ...]
    unresolved: Mapping[ObjectRef, int] = field(default_factory=dict)

    @property
    def items(self) -> tuple[Shaped, ...]:
        """All that is to be applied, in order."""
        return tuple(item for stage in self.stages for item in stage.items)


def wanted(scoped: Scoped) -> frozenset[ObjectRef]:
    """All refs that a desired set names on this cluster, those that cannot be sent too."""
    return frozenset(
        [placed.ref for placed in scoped.manifests]
        + [problem.ref for problem in scoped.faults if problem.ref is not None]
    )


def unbuilt(manifest: Manifest) -> bool:
    """Whether the manifest is a hook, or asks for a sync option that is not built."""
    return bool(manifest.hook) or not manifest.options <= BUILT_OPTIONS


def claimable(scoped: Scoped) -> frozenset[ObjectRef]:
    """What a target claims: all that it means to hold as members."""
    return frozenset(placed.ref for placed in scoped.manifests if not placed.manifest.hook)


def plan(work: Work, scoped: Scoped, member: Member, clear: Mapping[ObjectRef, bytes] | None = None) -> Plan:
    """Sort out hooks and claims, give the rest their final bodies.

    ``clear`` has the Secrets that were resolved; of the others of such a form the digest alone is known.
    """
    own = set_id(work.target.key, member.identity.namespace)
    faults = [*work.rendered.faults, *scoped.faults]
    sendable = [placed for placed in scoped.manifests if not unbuilt(placed.manifest)]
    skipped = [placed for placed in scoped.manifests if unbuilt(placed.manifest)]
    split = member.claims.split(
        work.target.key,
        [placed.ref for placed in sendable],
        member.sightings.holders(p.ref for p in sendable),
    )
    stages: list[Stage] = []
    warnings = list(work.rendered.warnings)
    marks = Marks(own, member.identity.digest_key)
    everything = work.target.policy.secrets.restart
    restarts: Restarts | None = None
    mine = [placed for placed in sendable if placed.ref in split.mine]
    if work.only is not None:
        mine = [placed for placed in mine if placed.ref in work.only]
    for wave in order.stages(mine):
        for group in wave.stages:
            items = []
            for placed in group:
                asks = restart.asks(placed.manifest, everything=everything)
                if asks and restarts is None:
                    restarts = _restarts(scoped, member, marks, clear or {}, everything=everything)
                try:
                    shaped = shape.body(
                        placed, marks, (clear or {}).get(placed.ref), restarts if asks else None
                    )
                except FleetError as error:
                    faults.append(fault(error, placed.ref))
                    continue
                warnings.extend(f"{shaped.ref}: {text}" for text in shaped.warnings)
                items.append(shaped)
            if items:
                stages.append(Stage(wave.number, tuple(items)))
    return Plan(
        own,
        wanted(scoped),
        tuple(stages),
        dict(split.others),
        tuple(faults),
        _skips(skipped),
        tuple(warnings),
    )


def _restarts(
    scoped: Scoped, member: Member, marks: Marks, clear: Mapping[ObjectRef, bytes], *, everything: bool
) -> Restarts:
    """What the Secrets of a set hold: as they are about to be sent, else as they were."""
    digests: dict[ObjectRef, str] = {}
    for placed in scoped.manifests:
        if (placed.ref.group, placed.ref.kind) != ("", "Secret"):
            continue
        content = clear.get(placed.ref)
        known = member.sightings.content(placed.ref)
        if content is not None:
            digests[placed.ref] = shape.content_digest(orjson.loads(content), marks)
        elif not placed.manifest.form:
            digests[placed.ref] = shape.content_digest(orjson.loads(placed.manifest.body), marks)
        elif known:
            digests[placed.ref] = known
    return Restarts(digests, everything)


def _skips(skipped: list[Placed]) -> tuple[Holding, ...]:
    if not skipped:
        return ()
    refs = tuple(placed.ref for placed in skipped)
    return (
        Holding(
            Hold.HOOKS,
            f"not applied, since they are hooks or ask for sync options that are not supported: {listing(refs)}",
            refs,
        ),
    )


def listing(refs: tuple[ObjectRef, ...]) -> str:
    """Refs in words, the first ten of them."""
    shown = ", ".join(str(ref) for ref in refs[:SHOWN])
    return shown if len(refs) <= SHOWN else f"{shown} and {len(refs) - SHOWN} more"
