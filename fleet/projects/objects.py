"""Whether an object may be sent to a cluster: it must pass every fence of its target.

Contract: pure. The verdict is a Fault that names the Project, the rule and the object, or None. What concerns
more than one namespace must be allowed as a kind: objects without namespace, and those that make the hub do
something (Applications, Clusters, Projects, and the Secrets that register a cluster or a repository), which
are namespaced but reach as far as the hub does. A Namespace must be allowed by its name too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet import names
from fleet.model import Fault, Hold, Holding, ObjectRef
from fleet.projects.patterns import ANY, REFUSED, globbed, kind_allowed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.model import Fence, Walls

_NAMESPACE: Final = ("", "Namespace")
_SECRET: Final = ("", "Secret")
_TYPE: Final = names.SECRET_TYPE.encode()
# A JSON string may spell any character by its number.
_ESCAPE: Final = b"\\u"
_SHOWN: Final = 5


def breach(ref: ObjectRef, walls: Walls, *, namespaced: bool, body: bytes = b"") -> Fault | None:
    """Why the object may not be sent; ``body`` is its manifest's JSON."""
    for fence in walls.fences:
        text = _refusal(ref, fence, body, namespaced=namespaced)
        if text:
            return Fault(ref, REFUSED, f"{ref}: Project {fence.project} {text}")
    return None


def open_(walls: Walls) -> bool:
    """Whether the fences let everything through, so that nobody has to look at each object."""
    return all(ANY in fence.namespaces and ANY in fence.cluster_kinds for fence in walls.fences)


def fenced(refs: Iterable[ObjectRef], walls: Walls) -> tuple[tuple[ObjectRef, ...], Holding | None]:
    """Parts live objects that are to go into those that may and a hold on the rest: nothing is deleted there."""
    given = tuple(refs)
    if open_(walls):
        return given, None
    held = {ref: fault.text for ref in given if (fault := breach(ref, walls, namespaced=bool(ref.namespace)))}
    if not held:
        return given, None
    told = list(held.values())
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    text = f"not removed, since the Project does not reach it: {'; '.join(told[:_SHOWN])}{more}"
    return tuple(ref for ref in given if ref not in held), Holding(Hold.PROJECT, text, tuple(held))


def _refusal(ref: ObjectRef, fence: Fence, body: bytes, *, namespaced: bool) -> str:
    if namespaced:
        if not globbed(fence.namespaces, ref.namespace):
            return f"(destinations.namespaces) does not cover namespace {ref.namespace} on this cluster"
    elif not kind_allowed(fence.cluster_kinds, ref.group, ref.kind):
        return f"(clusterScopedKinds) does not allow {_kind(ref.group, ref.kind)}"
    elif (ref.group, ref.kind) == _NAMESPACE and not globbed(fence.namespaces, ref.name):
        return f"(destinations.namespaces) does not cover namespace {ref.name} on this cluster"
    if namespaced and ref.group == names.GROUP and not kind_allowed(fence.cluster_kinds, ref.group, ref.kind):
        return f"(clusterScopedKinds) does not allow {_kind(ref.group, ref.kind)}, which the hub acts upon"
    if (
        (ref.group, ref.kind) == _SECRET
        and not kind_allowed(fence.cluster_kinds, names.GROUP, names.CLUSTER)
        and _registers(body)
    ):
        return (
            f"(clusterScopedKinds) does not allow {_kind(names.GROUP, names.CLUSTER)}, and a Secret with the "
            f"label {names.SECRET_TYPE} registers one"
        )
    return ""


def _kind(group: str, kind: str) -> str:
    return f"{kind}.{group}" if group else kind


def _registers(body: bytes) -> bool:
    if _TYPE not in body and _ESCAPE not in body:
        return False
    metadata: Any = orjson.loads(body).get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and names.SECRET_TYPE in labels
