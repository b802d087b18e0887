"""Marks of other owners: the object of a Helm release, of Argo CD, of Flux, of somebody's ApplySet (H9).

Contract: a mark is what the tool itself goes by. Sources: Helm `pkg/action/validate.go` (label and annotation
together), Argo CD `util/argo/resource_tracking.go` (the tracking id names its object: a copy does not count),
Flux's labels `kustomize.toolkit.fluxcd.io` and `helm.toolkit.fluxcd.io`, KEP-3659 for ApplySets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.names import APPLYSET_PART_OF, ARGO, MANIFEST
from fleet.ownership.entries import entries
from fleet.ownership.membership import owns_label

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from fleet.model import Meta
    from fleet.ownership.entries import Path

HELM: Final = "helm"
ARGOCD: Final = "argocd"
FLUX: Final = "flux"
APPLYSET: Final = "applyset"
ADOPTABLE: Final = frozenset({HELM, ARGOCD, FLUX})

_FLUX_PREFIXES: Final = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io")
_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_INSTANCE: Final = "app.kubernetes.io/instance"
_RELEASE: Final = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who else holds an object: the tool, in the words of `syncPolicy.adopt`, and the name of its unit."""

    tool: str
    name: str


def other_owner(meta: Meta, ours: Container[str] = ()) -> Owner | None:
    """The other tool that holds the object, or None. A member of ours has none.

    `ours` are the ids of sets known to be ours on that cluster: an object that carries one of those labels
    without our entry was copied, or has lost the entry, and is nobody else's.
    """
    if owns_label(meta.fields):
        return None
    # Flux before Helm: what Flux's helm-controller installs carries both marks, and Flux would come back.
    for mark in _TOOLS:
        owner = mark(meta)
        if owner:
            return owner
    return _applyset(meta, ours)


def held_by(meta: Meta, tools: Container[str]) -> frozenset[Path]:
    """The fields by which those tools know the object, as far as it bears them."""
    labels = {
        *(f"{prefix}/{part}" for prefix in _FLUX_PREFIXES for part in ("name", "namespace") if FLUX in tools),
        *([f"{ARGO}/instance"] if ARGOCD in tools else []),
        *([_MANAGED_BY] if HELM in tools and meta.labels.get(_MANAGED_BY) == "Helm" else []),
    }
    annotations = {
        *([f"{ARGO}/tracking-id", f"{ARGO}/installation-id"] if ARGOCD in tools else []),
        *([_RELEASE, _RELEASE_NAMESPACE] if HELM in tools else []),
    }
    return frozenset(
        [("f:metadata", "f:labels", f"f:{name}") for name in labels if name in meta.labels]
        + [("f:metadata", "f:annotations", f"f:{name}") for name in annotations if name in meta.annotations]
    )


def _flux(meta: Meta) -> Owner | None:
    for prefix in _FLUX_PREFIXES:
        name = meta.labels.get(f"{prefix}/name")
        if name:
            return Owner(FLUX, _joined(meta.labels.get(f"{prefix}/namespace", ""), name))
    return None


def _argocd(meta: Meta) -> Owner | None:
    tracked = meta.annotations.get(f"{ARGO}/tracking-id", "")
    application, _, rest = tracked.partition(":")
    if application and _names(meta, rest):
        return Owner(ARGOCD, application)
    labelled = meta.labels.get(f"{ARGO}/instance")
    if labelled:
        return Owner(ARGOCD, labelled)
    # Charts write the common label themselves: it is Argo CD's only where Argo CD has written to the object.
    instance = meta.labels.get(_INSTANCE)
    if instance and any(one.manager.startswith("argocd-") for one in entries(meta.fields)):
        return Owner(ARGOCD, instance)
    return None


def _names(meta: Meta, tracked: str) -> bool:
    """Whether a tracking id's `group/Kind:namespace/name` is this object; the group may have moved since."""
    group_kind, _, place = tracked.partition(":")
    kind = group_kind.rpartition("/")[2]
    namespace, _, name = place.partition("/")
    return kind == meta.ref.kind and name == meta.ref.name and meta.ref.namespace in ("", namespace)


def _helm(meta: Meta) -> Owner | None:
    release = meta.annotations.get(_RELEASE)
    if release and meta.labels.get(_MANAGED_BY) == "Helm":
        return Owner(HELM, _joined(meta.annotations.get(_RELEASE_NAMESPACE, ""), release))
    return None


def _applyset(meta: Meta, ours: Container[str]) -> Owner | None:
    label = meta.labels.get(APPLYSET_PART_OF)
    # The manifest annotation is ours alone and no controller copies it with the label: our entry was lost.
    if not label or label in ours or MANIFEST in meta.annotations:
        return None
    return Owner(APPLYSET, label)


def _joined(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


_TOOLS: Final[tuple[Callable[[Meta], Owner | None], ...]] = (_flux, _argocd, _helm)
