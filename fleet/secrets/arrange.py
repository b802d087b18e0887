"""Which manifests stand for Secrets: they get the ref of the Secret that they become.

Contract: pure. What is passed through, or is no such form, is returned as it stands; the body of the others stays as
written and ``form`` names how it is resolved. So whatever asks by ref (claims, fences, pruning, waves) sees the Secret,
and an Application that holds a Secret twice, in two forms, is told so like any other. Stores are the hub's to read,
and go to no cluster, where ExternalSecrets are resolved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import orjson

from fleet.errors import FleetError, fault
from fleet.model import Fault, GroupKind, Kept, ObjectRef
from fleet.secrets.forms import external, placeholders, sealed
from fleet.secrets.forms.external.spec import GROUP, KIND
from fleet.secrets.refused import SecretRefused
from fleet.secrets.stores.store import CLUSTER_STORE, STORE, StoreRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fleet.model import Manifest, SecretModes

SEALED: Final = sealed.KIND
EXTERNAL: Final = KIND
PLACEHOLDERS: Final = "Placeholders"
FETCHED: Final = frozenset(
    {EXTERNAL, PLACEHOLDERS}
)  # what they stand for is kept elsewhere, and changes there
_FORMS: Final = {
    GroupKind(sealed.GROUP, sealed.KIND): SEALED,
    GroupKind(GROUP, KIND): EXTERNAL,
}
_STORES: Final = frozenset(GroupKind(GROUP, kind) for kind in (STORE, CLUSTER_STORE))
_SECRET: Final = GroupKind("", "Secret")


@dataclass(frozen=True, slots=True)
class Arranged:
    """The manifests with the refs that they have on a cluster; what cannot be is a fault with its ref."""

    manifests: tuple[Manifest, ...]
    faults: tuple[Fault, ...] = ()


def form(ref: ObjectRef) -> str:
    """The form that a kind is; empty for any other."""
    return _FORMS.get(GroupKind(ref.group, ref.kind), "")


def is_store(ref: ObjectRef) -> bool:
    """Whether a kind says where secrets are kept."""
    return GroupKind(ref.group, ref.kind) in _STORES


def made_ref(manifest: Manifest) -> ObjectRef:
    """The Secret that a manifest of a form becomes."""
    if form(manifest.ref) == EXTERNAL:
        return external.secret_ref(manifest)
    return ObjectRef("", "Secret", manifest.ref.namespace, manifest.ref.name)


def made_labels(manifest: Manifest) -> Mapping[str, object]:
    """The labels that the Secret will have by the word of its manifest."""
    found: object = orjson.loads(manifest.body)
    above = ("target", "template") if form(manifest.ref) == EXTERNAL else ("template",)
    for name in ("spec", *above, "metadata", "labels"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def arranged(manifests: Iterable[Manifest], modes: SecretModes, namespace: str) -> Arranged:
    """Arrange a desired set; ``namespace`` is the target's, for what names none."""
    given = tuple(manifests)
    stores = tuple(one for one in given if is_store(one.ref))
    kept: list[Manifest] = []
    faults: list[Fault] = []
    for manifest in given:
        if modes.external and is_store(manifest.ref):
            continue
        try:
            kept.append(_one(manifest, modes, stores, namespace))
        except FleetError as error:
            faults.append(fault(error, manifest.ref))
    return Arranged(tuple(kept), tuple(faults))


def _one(manifest: Manifest, modes: SecretModes, stores: tuple[Manifest, ...], namespace: str) -> Manifest:
    found = form(manifest.ref)
    if found == SEALED and modes.sealed:
        return replace(manifest, ref=made_ref(manifest), version="v1", form=found)
    if found == EXTERNAL and modes.external:
        mine = tuple(_named(manifest, stores, namespace))
        return replace(manifest, ref=made_ref(manifest), version="v1", form=found, kept=Kept(mine))
    if not modes.placeholders:
        return manifest
    if GroupKind(manifest.ref.group, manifest.ref.kind) == _SECRET:
        return replace(manifest, form=PLACEHOLDERS) if placeholders.holds(manifest) else manifest
    if placeholders.present(manifest.body):
        raise SecretRefused(
            f"{manifest.ref}: a placeholder <path:...> stands outside a Secret, where what it names would be read by all",
            ref=manifest.ref,
        )
    return manifest


def _named(manifest: Manifest, stores: tuple[Manifest, ...], namespace: str) -> Iterator[bytes]:
    """The bodies of the stores beside an ExternalSecret that it names; what does not read names none."""
    try:
        refs = {item.store for item in external.read(manifest).items}
    except FleetError:
        return
    place = manifest.ref.namespace or namespace
    for store in stores:
        near = store.ref.kind != STORE or (store.ref.namespace or namespace) == place
        if near and StoreRef(store.ref.kind, store.ref.name) in refs:
            yield store.body
