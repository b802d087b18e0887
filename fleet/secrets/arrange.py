"""Which manifests stand for Secrets: they get the ref of the Secret that they become.

Contract: pure. What is passed through, or is no such form, is returned as it stands; the body of the others stays as
written and ``form`` names how it is resolved. So whatever asks by ref (claims, fences, pruning, waves) sees the Secret,
and an Application that holds a Secret twice, in two forms, is told so like any other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleet.model import GroupKind, ObjectRef
from fleet.secrets.forms import sealed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.model import Manifest, SecretModes

SEALED: Final = sealed.KIND
_FORMS: Final = {GroupKind(sealed.GROUP, sealed.KIND): SEALED}


def form(ref: ObjectRef) -> str:
    """The form that a kind is; empty for any other."""
    return _FORMS.get(GroupKind(ref.group, ref.kind), "")


def arranged(manifests: Iterable[Manifest], modes: SecretModes) -> tuple[Manifest, ...]:
    """The manifests with the refs that they have on a cluster."""
    return tuple(_one(manifest, modes) for manifest in manifests)


def _one(manifest: Manifest, modes: SecretModes) -> Manifest:
    found = form(manifest.ref)
    if not found or (found == SEALED and not modes.sealed):
        return manifest
    ref = ObjectRef("", "Secret", manifest.ref.namespace, manifest.ref.name)
    return replace(manifest, ref=ref, version="v1", form=found)
