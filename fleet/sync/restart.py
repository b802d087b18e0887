"""Restart on change: a workload is marked with what the Secrets that it mounts hold, so that a change rolls it out.

Contract: pure. The mark is an annotation of the pod template, made of the Secrets' keyed digests: it says nothing of
what they hold, and is the same for every hub that keeps the cluster. A Secret that is not known stays out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.model import ObjectRef

if TYPE_CHECKING:
    from fleet.model import Manifest

_WORKLOADS: Final = {("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet")}
_MARK: Final = names.RESTART.encode()


@dataclass(frozen=True, slots=True)
class Restarts:
    """The digest of each Secret that is known, by its ref; ``everything``: no workload has to ask for it."""

    digests: Mapping[ObjectRef, str] = field(default_factory=dict)
    everything: bool = False


def asks(manifest: Manifest, *, everything: bool) -> bool:
    """Whether a workload may want to be restarted by a change of a Secret. Cheap."""
    ref = manifest.ref
    return (ref.group, ref.kind) in _WORKLOADS and (everything or _MARK in manifest.body)


def mark(workload: dict[str, Any], ref: ObjectRef, restarts: Restarts) -> frozenset[ObjectRef]:
    """Mark a workload, in place, where it asks for it; gives the Secrets by which it was marked."""
    said = _map(_map(workload, "metadata"), "annotations").get(names.RESTART)
    if not (said == "true" or (restarts.everything and said != "false")):
        return frozenset()
    spec = workload.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    if not isinstance(template, dict):
        return frozenset()
    mounted = {ObjectRef("", "Secret", ref.namespace, name) for name in _secrets(_map(template, "spec"))}
    found = {one: restarts.digests[one] for one in sorted(mounted) if one in restarts.digests}
    if not found:
        return frozenset()
    digest = hashlib.sha256("\n".join(f"{one.name} {value}" for one, value in found.items()).encode())
    metadata = template.get("metadata")
    if not isinstance(metadata, dict):
        metadata = template["metadata"] = {}
    annotations = metadata.get("annotations")
    if not isinstance(annotations, dict):
        annotations = metadata["annotations"] = {}
    annotations[names.RESTARTED] = digest.hexdigest()[:32]
    return frozenset(found)


def _secrets(pod: Mapping[str, Any]) -> Iterator[str]:
    """The names of Secrets that a pod's containers and volumes name."""
    for volume in _maps(pod, "volumes"):
        yield from _name(_map(volume, "secret"), "secretName")
        for source in _maps(_map(volume, "projected"), "sources"):
            yield from _name(_map(source, "secret"), "name")
        yield from _name(_map(_map(volume, "csi"), "nodePublishSecretRef"), "name")
    for kind in ("containers", "initContainers"):
        for container in _maps(pod, kind):
            for one in _maps(container, "envFrom"):
                yield from _name(_map(one, "secretRef"), "name")
            for one in _maps(container, "env"):
                yield from _name(_map(_map(one, "valueFrom"), "secretKeyRef"), "name")


def _name(owner: Mapping[str, Any], name: str) -> Iterator[str]:
    value = owner.get(name)
    if isinstance(value, str) and value:
        yield value


def _map(owner: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = owner.get(name)
    return value if isinstance(value, dict) else {}


def _maps(owner: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    value = owner.get(name)
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))
