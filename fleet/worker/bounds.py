"""What of a cluster lies within its registration, where that names namespaces: beyond them nothing is read or written.

Contract: pure. What a desired set names beyond them is a Fault of its object, which stays desired. What a set still
has there from when the registration reached further cannot be seen: so it counts as present, whatever lists say, and
its kinds and namespaces stay in the parent. ``namespaces`` None: the whole cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fleet.model import Fault, GroupKind, Hold, Holding, ObjectRef, Resource
from fleet.sync.parent import Parent
from fleet.worker.member import Member

SHOWN = 5

Namespaces = tuple[str, ...] | None


class Unseen(NamedTuple):
    """Where a set may have members that the registration does not reach."""

    namespaces: frozenset[str]
    kinds: frozenset[GroupKind]


def breach(ref: ObjectRef, resource: Resource | None, namespaces: Namespaces) -> Fault | None:
    """Why the object is none of the hub's business there; ``resource`` None where its kind is not known."""
    if namespaces is None:
        return None
    said = (
        f"the registration of this cluster reaches {words(namespaces)} alone (spec.namespaces of the Cluster)"
    )
    if ref.namespace in namespaces:
        return None
    if ref.namespace:
        return Fault(ref, Hold.SCOPE.value, f"{ref}: {said}, not namespace {ref.namespace}")
    if resource is None or not resource.namespaced:
        return Fault(ref, Hold.SCOPE.value, f"{ref}: {said}, and no object without a namespace")
    return None


def unseen(record: Parent | None, member: Member) -> Unseen | None:
    """What a set may have beyond the registration; None where all of it can be seen."""
    if record is None or member.namespaces is None:
        return None
    spaces = record.namespaces - set(member.namespaces) - {member.identity.namespace}
    kinds = frozenset(
        kind
        for kind in record.kinds
        if (found := member.discovery.find(kind.group, kind.kind)) is not None and not found.namespaced
    )
    return Unseen(spaces, kinds) if spaces or kinds else None


def within(refs: Iterable[ObjectRef], member: Member) -> frozenset[ObjectRef]:
    """Those of some objects that may come to be there; where namespaces bound it, only of kinds that it is known to serve."""
    if member.namespaces is None:
        return frozenset(refs)
    found = member.discovery.find
    return frozenset(
        ref for ref in refs if ref.namespace in member.namespaces and found(ref.group, ref.kind) is not None
    )


def holds(record: Parent | None, member: Member) -> tuple[Holding, ...]:
    """That what cannot be seen of a set is neither removed nor taken for gone."""
    found = unseen(record, member)
    if found is None or member.namespaces is None:
        return ()
    parts = [words(found.namespaces)] if found.namespaces else []
    parts += [f"objects of {_some(sorted(map(str, found.kinds)))}"] if found.kinds else []
    text = (
        f"what there may be of it in {' and '.join(parts)} is left as it is, unseen: the registration of this cluster "
        f"reaches {words(member.namespaces)} alone"
    )
    return (Holding(Hold.SCOPE, text),)


def words(namespaces: Iterable[str]) -> str:
    """Namespaces for people, the first of them by name."""
    found = sorted(namespaces)
    return f"namespace{'' if len(found) == 1 else 's'} {_some(found)}"


def _some(found: list[str]) -> str:
    more = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (f" and {more} more" if more > 0 else "")
