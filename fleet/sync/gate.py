"""Why a target must not remove objects in this pass.

Contract: pure. ``holds`` judges facts that the caller gathered; nothing is removed while it returns anything.
``precious`` tells of CRDs, Namespaces and PersistentVolumeClaims, whose removal takes along what others made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet import names
from fleet.model import ApplicationKey, Fault, GroupKind, Hold, Holding, Meta, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = 5
CLAIM = GroupKind("", "PersistentVolumeClaim")
# What takes along more than itself.
PRECIOUS = frozenset(
    {GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"), GroupKind("", "Namespace"), CLAIM}
)


@dataclass(frozen=True, slots=True)
class Prune:
    """What the target's policy and this pass's request say: ``automated``, ``asked``, ``allow_empty``."""

    enabled: bool = False
    asked: bool = False
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class PruneFacts:
    """What a pass knows when it comes to pruning.

    ``stale`` are members that Git no longer names and that no other target claims. ``faults`` are those of
    render, scope, claims and shape; ``failed`` the objects whose apply failed or was not read; ``unlisted``
    the kinds of the parent that were not completely listed; ``stale_groups`` those of discovery.
    ``change_open`` while an Application that the same commit concerns has not rendered, ``unrendered`` which.
    """

    stale: tuple[ObjectRef, ...]
    desired: int
    prune: Prune = Prune()
    faults: tuple[Fault, ...] = ()
    failed: tuple[ObjectRef, ...] = ()
    unlisted: frozenset[GroupKind] = frozenset()
    stale_groups: frozenset[str] = frozenset()
    change_open: bool = False
    unrendered: tuple[ApplicationKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """What is inside a Namespace, of a CRD's kind, or bound to a claim: ``complete`` if all of it was listed.

    ``others`` are the objects that are not members of the same set.
    """

    complete: bool
    others: tuple[ObjectRef, ...] = ()


def holds(facts: PruneFacts) -> tuple[Holding, ...]:
    """Every reason against pruning; empty where nothing is stale and all is listed, or all is well."""
    if not facts.stale and not facts.unlisted:
        return ()
    policy = _policy(facts)
    doubts = [*_incomplete(facts), *_unknown(facts)]
    if doubts:
        policy.append(Holding(Hold.PRUNE_WAITS, f"nothing is removed: {'; '.join(doubts)}", facts.stale))
    return tuple(policy)


def precious(meta: Meta, contents: Contents) -> str:
    """Why an object needs a person's word before it is removed, as the end of a sentence; empty for all else."""
    kind = GroupKind(meta.ref.group, meta.ref.kind)
    if kind not in PRECIOUS or meta.annotations.get(names.PRUNE) == names.PRUNE_CONFIRMED:
        return ""
    if not contents.complete:
        return "holds what could not be listed completely"
    if not contents.others:
        return ""
    listed = _list(map(str, contents.others))
    return f"is bound to {listed}" if kind == CLAIM else f"holds what this Application did not make: {listed}"


def _policy(facts: PruneFacts) -> list[Holding]:
    found: list[Holding] = []
    if not facts.stale:
        return found
    if not facts.prune.enabled and not facts.prune.asked:
        count = _count(len(facts.stale), "object")
        text = f"{count} no longer in Git {_stay(facts.stale)}: automated prune is off"
        found.append(Holding(Hold.PRUNE_OFF, text, facts.stale))
    if facts.desired == 0 and not facts.prune.allow_empty:
        text = "the source holds no object any more; nothing is removed without allowEmpty"
        found.append(Holding(Hold.EMPTY, text, facts.stale))
    return found


def _incomplete(facts: PruneFacts) -> list[str]:
    """Doubts about the desired set."""
    doubts: list[str] = []
    if facts.faults:
        reasons = _list(dict.fromkeys(fault.reason for fault in facts.faults))
        doubts.append(f"{_count(len(facts.faults), 'manifest')} cannot be used ({reasons})")
    if facts.failed:
        doubts.append(f"not applied: {_list(map(str, facts.failed))}")
    if facts.unrendered:
        doubts.append(f"waiting for {_list(map(str, facts.unrendered))}, which the same commit concerns")
    elif facts.change_open:
        doubts.append("waiting for other Applications that the same commit concerns")
    return doubts


def _unknown(facts: PruneFacts) -> list[str]:
    """Doubts about what is live."""
    doubts: list[str] = []
    if facts.unlisted:
        doubts.append(f"not completely listed: {_list(sorted(map(str, facts.unlisted)))}")
    if facts.stale_groups:
        doubts.append(f"the server does not answer for {_list(sorted(facts.stale_groups))}")
    return doubts


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _stay(refs: tuple[ObjectRef, ...]) -> str:
    return "stays" if len(refs) == 1 else "stay"


def _list(words: Iterable[str]) -> str:
    given = list(words)
    more = len(given) - _NAMED
    return ", ".join(given[:_NAMED]) + (f" and {more} more" if more > 0 else "")
