"""In which order objects are sent and removed.

Contract: pure. Sync waves ascend; within a wave stages follow one table, which is used forwards to apply and
backwards to remove. Objects of one stage go at the same time, so a kind stands in a later stage only where
the server, or what runs there, needs the earlier one first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.model import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.sync.scope import Placed

_NAMESPACES: Final = 0
_DEFINITIONS: Final = 1
_GROUND: Final = 2  # what Pods are admitted by, run as and read
_BINDINGS: Final = 3  # what names something of the ground and is refused, or removed, without it
_WORKLOADS: Final = 4  # and all other built-in kinds
_CUSTOM: Final = 5  # after the workloads: their controllers may be among these
_SERVERS: Final = 6
_GUARDS: Final = 7  # whatever could refuse the rest, so last

_RBAC: Final = "rbac.authorization.k8s.io"
_STORAGE: Final = "storage.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"

_STAGES: Final = {
    GroupKind("", "Namespace"): _NAMESPACES,
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"): _DEFINITIONS,
    GroupKind("scheduling.k8s.io", "PriorityClass"): _GROUND,
    GroupKind(_STORAGE, "StorageClass"): _GROUND,
    GroupKind(_STORAGE, "VolumeAttributesClass"): _GROUND,
    GroupKind(_STORAGE, "CSIDriver"): _GROUND,
    GroupKind("node.k8s.io", "RuntimeClass"): _GROUND,
    GroupKind("networking.k8s.io", "IngressClass"): _GROUND,
    GroupKind("networking.k8s.io", "NetworkPolicy"): _GROUND,
    GroupKind("", "ResourceQuota"): _GROUND,
    GroupKind("", "LimitRange"): _GROUND,
    GroupKind("", "ServiceAccount"): _GROUND,
    GroupKind("", "Secret"): _GROUND,
    GroupKind("", "ConfigMap"): _GROUND,
    GroupKind("", "PersistentVolume"): _GROUND,
    GroupKind("", "PersistentVolumeClaim"): _GROUND,
    GroupKind("", "Service"): _GROUND,
    GroupKind(_RBAC, "Role"): _GROUND,
    GroupKind(_RBAC, "ClusterRole"): _GROUND,
    GroupKind(_RBAC, "RoleBinding"): _BINDINGS,
    GroupKind(_RBAC, "ClusterRoleBinding"): _BINDINGS,
    GroupKind("apiregistration.k8s.io", "APIService"): _SERVERS,
    GroupKind(_ADMISSION, "MutatingWebhookConfiguration"): _GUARDS,
    GroupKind(_ADMISSION, "ValidatingWebhookConfiguration"): _GUARDS,
    GroupKind(_ADMISSION, "ValidatingAdmissionPolicy"): _GUARDS,
    GroupKind(_ADMISSION, "ValidatingAdmissionPolicyBinding"): _GUARDS,
    GroupKind(_ADMISSION, "MutatingAdmissionPolicy"): _GUARDS,
    GroupKind(_ADMISSION, "MutatingAdmissionPolicyBinding"): _GUARDS,
}

# The token controller removes such a Secret when it looks and finds no ServiceAccount.
_TOKEN_SECRET: Final = b'"kubernetes.io/service-account-token"'


@dataclass(frozen=True, slots=True)
class Wave:
    """One sync wave: its stages follow each other, objects of a stage go together."""

    number: int
    stages: tuple[tuple[Placed, ...], ...]


def stages(placed: Iterable[Placed]) -> tuple[Wave, ...]:
    """Waves in the order of applying; within a stage objects keep the order given."""
    sorted_in: dict[int, dict[int, list[Placed]]] = {}
    for item in placed:
        stage = _forward(item)
        sorted_in.setdefault(item.manifest.wave, {}).setdefault(stage, []).append(item)
    return tuple(
        Wave(number, tuple(tuple(wave[stage]) for stage in sorted(wave)))
        for number, wave in sorted(sorted_in.items())
    )


def backwards(refs: Iterable[tuple[ObjectRef, int]]) -> tuple[tuple[ObjectRef, ...], ...]:
    """Refs with their sync waves, as stages in the order of removing: the last applied goes first."""
    sorted_in: dict[tuple[int, int], list[ObjectRef]] = {}
    for ref, wave in refs:
        sorted_in.setdefault((wave, _stage(ref)), []).append(ref)
    return tuple(tuple(sorted_in[place]) for place in sorted(sorted_in, reverse=True))


def _forward(item: Placed) -> int:
    stage = _stage(item.ref)
    if stage == _GROUND and item.ref.kind == "Secret" and _TOKEN_SECRET in item.manifest.body:
        return _BINDINGS
    return stage


def _stage(ref: ObjectRef) -> int:
    stage = _STAGES.get(GroupKind(ref.group, ref.kind))
    if stage is not None:
        return stage
    # Kubernetes' own groups have no dot or end so; so may a CRD's, and either place is right for it.
    return _WORKLOADS if "." not in ref.group or ref.group.endswith(".k8s.io") else _CUSTOM
