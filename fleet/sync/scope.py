"""Which kind and namespace each manifest means on one cluster.

Contract: pure. ``fill`` is run per target, after the render's cache, because scope differs between clusters.
Bodies are not touched (only those of CRDs are parsed): a filled ``ref`` counts, and ``shape`` writes its
namespace into what is sent. A manifest that cannot be placed is a Fault that names its ref, so that whoever
prunes keeps it in the desired set.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from fleet import names
from fleet.model import Discovery, Fault, GroupKind, Manifest, ObjectRef, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")

_VERBS = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})
_INVENTORY = frozenset(
    {GroupKind("", "ConfigMap"), GroupKind("", "Secret"), GroupKind("coordination.k8s.io", "Lease")}
)
_NAMESPACE = GroupKind("", "Namespace")
_PARENT_LABEL = names.APPLYSET_ID.encode()


@dataclass(frozen=True, slots=True)
class Placed:
    """A manifest whose ``ref`` is that of the live object, with the way its kind is served."""

    manifest: Manifest
    resource: Resource

    @property
    def ref(self) -> ObjectRef:
        """The live object's ref."""
        return self.manifest.ref


@dataclass(frozen=True, slots=True)
class Scoped:
    """What can be sent to the cluster, in the render's order, and what cannot.

    ``gone`` stands for what is gone where it is kept, and is to go here too; ``unknown`` are Secrets of which nobody
    can say now which version there is, and why.
    """

    manifests: tuple[Placed, ...]
    faults: tuple[Fault, ...] = ()
    gone: tuple[Placed, ...] = ()
    unknown: Mapping[ObjectRef, Fault] = field(default_factory=dict)


def fill(
    manifests: Iterable[Manifest],
    namespace: str,
    discovery: Discovery,
    own_namespace: str,
    *,
    registers: bool = False,
) -> Scoped:
    """Place each manifest; ``namespace`` is the target's, ``own_namespace`` where fleethub keeps inventory.

    ``registers``: this is the hub itself, which is told of clusters and repositories by Secrets beside its inventory;
    of what form they are there was judged before.

    Faults: KindUnknown, NamespaceMissing, InventoryProtected, and DuplicateObject on the later of two
    manifests of one object.
    """
    given = tuple(manifests)
    kinds = _Kinds(discovery, _defined(given))
    placed: dict[ObjectRef, Placed] = {}
    faults: list[Fault] = []
    for manifest in given:
        resource = kinds.find(manifest)
        if isinstance(resource, Fault):
            faults.append(resource)
            continue
        wanted = (manifest.ref.namespace or namespace) if resource.namespaced else ""
        ref = manifest.ref if wanted == manifest.ref.namespace else manifest.ref._replace(namespace=wanted)
        found = Placed(manifest if ref is manifest.ref else replace(manifest, ref=ref), resource)
        told = registers and bool(manifest.form)
        fault = _refusal(found, "" if told else own_namespace, placed)
        if fault:
            faults.append(fault)
        else:
            placed[ref] = found
    return Scoped(tuple(placed.values()), tuple(faults))


class _Kinds:
    """Discovery, with the kinds that CRDs of the same render define in front of it."""

    def __init__(self, discovery: Discovery, defined: dict[GroupKind, tuple[Resource, ...]]) -> None:
        self._discovery = discovery
        self._defined = defined
        self._found: dict[tuple[str, str, str], Resource | str] = {}

    def find(self, manifest: Manifest) -> Resource | Fault:
        key = (manifest.ref.group, manifest.ref.kind, manifest.version)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look(*key)
        if isinstance(found, str):
            return Fault(manifest.ref, "KindUnknown", found, transient=True)
        return found

    def _look(self, group: str, kind: str, version: str) -> Resource | str:
        """Return the Resource, or why there is none."""
        wanted = GroupKind(group, kind)
        served = self._defined.get(wanted) or self._discovery.kinds.get(wanted, ())
        for resource in served:
            if resource.version == version:
                return resource
        if served:
            versions = ", ".join(resource.version for resource in served)
            return f"the cluster does not serve {wanted} at {version}; it serves {versions}"
        if group in self._discovery.stale:
            return (
                f"the server of group {group} does not answer the cluster's API server: {wanted} is unknown"
            )
        return f"the cluster does not serve {wanted}"


def _refusal(found: Placed, own_namespace: str, placed: dict[ObjectRef, Placed]) -> Fault | None:
    manifest, ref = found.manifest, found.ref
    if found.resource.namespaced and not ref.namespace:
        text = "the manifest names no namespace and the Application has none"
        return Fault(ref, "NamespaceMissing", text, "metadata.namespace")
    if _is_inventory(manifest, own_namespace):
        text = "this is where fleethub keeps its own inventory; no Application may hold it"
        return Fault(ref, "InventoryProtected", text)
    if earlier := placed.get(ref):
        first, second = earlier.manifest.origin.path, manifest.origin.path
        where = f"twice in {first}" if first == second else f"in {first} and again in {second}"
        return Fault(ref, "DuplicateObject", f"the same object stands {where}; the first is used")
    return None


def _is_inventory(manifest: Manifest, own_namespace: str) -> bool:
    ref = manifest.ref
    kind = GroupKind(ref.group, ref.kind)
    if kind in _INVENTORY and ref.namespace == own_namespace:
        return True
    if kind == _NAMESPACE and ref.name == own_namespace:
        return True
    # Parsed only where the label's name occurs at all, which is next to never.
    return _PARENT_LABEL in manifest.body and names.APPLYSET_ID in _labels(manifest)


def _labels(manifest: Manifest) -> dict[str, Any]:
    metadata = orjson.loads(manifest.body).get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}


def defined(manifest: Manifest) -> tuple[Resource, ...]:
    """The kinds, one a served version, that a CRD's manifest defines; none for any other manifest."""
    if (manifest.ref.group, manifest.ref.kind) != CRD:
        return ()
    return _served(orjson.loads(manifest.body).get("spec"))


def _defined(manifests: tuple[Manifest, ...]) -> dict[GroupKind, tuple[Resource, ...]]:
    """Read the kinds that CRDs among the manifests define; a CRD that does not read defines none."""
    kinds: dict[GroupKind, tuple[Resource, ...]] = {}
    for manifest in manifests:
        if manifest.ref.group == CRD.group and manifest.ref.kind == CRD.kind:
            resources = _served(orjson.loads(manifest.body).get("spec"))
            if resources:
                kinds[GroupKind(resources[0].group, resources[0].kind)] = resources
    return kinds


def _served(spec: Any) -> tuple[Resource, ...]:
    try:
        kind, plural = spec["names"]["kind"], spec["names"]["plural"]
        group, namespaced = spec["group"], spec["scope"] == "Namespaced"
        versions = [version["name"] for version in spec["versions"] if version.get("served")]
    except (TypeError, KeyError, AttributeError):
        return ()
    if not all(isinstance(word, str) for word in (kind, plural, group, *versions)):
        return ()
    return tuple(Resource(group, version, kind, plural, namespaced, _VERBS) for version in versions)
