"""Fields that a merge leaves with whoever holds them, since our apply would then take them away.

Contract: what is merged into our entry and is not in Git is removed by the next apply. That is meant for what
Git or a person once wrote. An entry such as `before-first-apply` also holds what controllers and the API
server wrote: taking a finalizer away skips a clean-up, taking a volume's name is refused for ever, taking
`replicas` scales to 1, taking `restartedAt` restarts the pods once more. These stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.model import GroupKind
from fleet.names import GROUP

if TYPE_CHECKING:
    from fleet.model import ObjectRef
    from fleet.ownership.entries import Path

_RESTARTED: Final = ("f:template", "f:metadata", "f:annotations", "f:kubectl.kubernetes.io/restartedAt")

# Of every kind: each with all that is below it.
_SUBTREES: Final[frozenset[Path]] = frozenset(
    {
        ("f:status",),
        ("f:metadata", "f:finalizers"),
        ("f:metadata", "f:ownerReferences"),
        ("f:spec", "f:finalizers"),
        ("f:spec", "f:replicas"),
        ("f:spec", *_RESTARTED),
    }
)
# What the API server or a controller fills in and then never lets change.
_OF_KIND: Final[dict[GroupKind, frozenset[Path]]] = {
    GroupKind("", "PersistentVolumeClaim"): frozenset({("f:spec", "f:volumeName")}),
    GroupKind("", "PersistentVolume"): frozenset({("f:spec", "f:claimRef")}),
    GroupKind("", "Pod"): frozenset({("f:spec",)}),
    GroupKind("", "ServiceAccount"): frozenset({("f:secrets",)}),
    GroupKind("batch", "Job"): frozenset({("f:spec", "f:selector"), ("f:spec", "f:template")}),
}
_ANNOTATIONS: Final = ("f:metadata", "f:annotations")
_REQUESTS: Final = f"f:{GROUP}/"
# Written by Kubernetes' own controllers on Deployments and claims.
_ANNOTATION_PREFIXES: Final = (
    "f:deployment.kubernetes.io/",
    "f:pv.kubernetes.io/",
    "f:volume.kubernetes.io/",
    "f:volume.beta.kubernetes.io/",
)
# Injected into webhooks, APIServices and CRDs; Git has no such value to give.
_LAST: Final = "f:caBundle"


def passing(path: Path) -> bool:
    """Whether the field is nobody's wish for how the object should be: a state, or a request that is served.

    Requests to the hub itself are such: a sync, a word that lets something be removed.
    """
    if path[:2] == _ANNOTATIONS and len(path) > len(_ANNOTATIONS):
        return path[2].startswith(_REQUESTS)
    return path[0] == "f:status" or path[-len(_RESTARTED) :] == _RESTARTED


def kept(path: Path, ref: ObjectRef | None = None) -> bool:
    """Whether the field stays with its holder; `ref` is the object, whose kind may keep more of its own."""
    if path[-1] == _LAST:
        return True
    if path[:2] == _ANNOTATIONS:
        return len(path) > len(_ANNOTATIONS) and path[2].startswith(_ANNOTATION_PREFIXES)
    own = _OF_KIND.get(GroupKind(ref.group, ref.kind), frozenset()) if ref else frozenset()
    return any(path[:length] in _SUBTREES or path[:length] in own for length in range(1, len(path) + 1))
