"""Fields that a merge leaves with whoever holds them, since our apply would then take them away.

Contract: what is merged into our entry and is not in Git is removed by the next apply. That is meant for what
Git or a person once wrote. An entry such as `before-first-apply` also holds what controllers and the API
server wrote: taking a finalizer away skips a clean-up, taking a volume's name is refused for ever, taking
`replicas` scales to 1, taking `restartedAt` restarts the pods once more. These stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fleet.ownership.entries import Path

_SUBTREES: Final[frozenset[Path]] = frozenset(
    {
        ("f:status",),
        ("f:metadata", "f:finalizers"),
        ("f:metadata", "f:ownerReferences"),
        ("f:spec", "f:replicas"),
        ("f:spec", "f:claimRef"),
        ("f:spec", "f:nodeName"),
        ("f:spec", "f:volumeName"),
        ("f:spec", "f:finalizers"),
        # A Job's selector and the labels it goes by are made by the API server and never change.
        ("f:spec", "f:selector", "f:matchLabels", "f:batch.kubernetes.io/controller-uid"),
        ("f:spec", "f:template", "f:metadata", "f:labels", "f:batch.kubernetes.io/controller-uid"),
        ("f:spec", "f:template", "f:metadata", "f:labels", "f:batch.kubernetes.io/job-name"),
        ("f:spec", "f:template", "f:metadata", "f:labels", "f:controller-uid"),
        ("f:spec", "f:template", "f:metadata", "f:labels", "f:job-name"),
        (
            "f:spec",
            "f:template",
            "f:metadata",
            "f:annotations",
            "f:kubectl.kubernetes.io/restartedAt",
        ),
    }
)
_LONGEST: Final = max(map(len, _SUBTREES))
_ANNOTATIONS: Final = ("f:metadata", "f:annotations")
# Written by Kubernetes' own controllers on Deployments and claims.
_ANNOTATION_PREFIXES: Final = (
    "f:deployment.kubernetes.io/",
    "f:pv.kubernetes.io/",
    "f:volume.kubernetes.io/",
    "f:volume.beta.kubernetes.io/",
)
# Injected into webhooks, APIServices and CRDs; Git has no such value to give.
_LAST: Final = "f:caBundle"


def kept(path: Path) -> bool:
    """Whether the field stays with its holder."""
    if path[-1] == _LAST:
        return True
    if path[:2] == _ANNOTATIONS:
        return len(path) > len(_ANNOTATIONS) and path[2].startswith(_ANNOTATION_PREFIXES)
    return any(path[:length] in _SUBTREES for length in range(1, min(len(path), _LONGEST) + 1))
