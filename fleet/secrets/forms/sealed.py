"""SealedSecret (``bitnami.com/v1alpha1``): how it reads, and what it becomes.

Contract: pure. What is wrong is a SecretRefused that names the field. The template is nobody's seal: whoever may
change the manifest may change it; so it is read as an input of strangers, and decides neither name nor namespace nor
owner of the Secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.model import ObjectRef
from fleet.secrets.body import LAST_APPLIED
from fleet.secrets.refused import SecretRefused
from fleet.secrets.seal import PREFIX, Scope, scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.model import Manifest

GROUP: Final = "bitnami.com"
KIND: Final = "SealedSecret"
VERSION: Final = "v1alpha1"
MANAGED: Final = f"{PREFIX}/managed"  # by which the controller takes over a Secret that is there
_KEPT: Final = ("labels", "annotations", "finalizers")


def twin(secret: ObjectRef) -> ObjectRef | None:
    """The SealedSecret of which a controller makes this Secret; None for another kind."""
    if (secret.group, secret.kind) != ("", "Secret"):
        return None
    return ObjectRef(GROUP, KIND, secret.namespace, secret.name)


def made(ref: ObjectRef) -> ObjectRef | None:
    """The Secret that is made of this SealedSecret; None for another kind."""
    if (ref.group, ref.kind) != (GROUP, KIND):
        return None
    return ObjectRef("", "Secret", ref.namespace, ref.name)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A SealedSecret as read; ``encrypted`` is base64 by key, ``texts`` the templates of further keys.

    ``metadata`` is that of the Secret, without name and namespace. A key of ``omitted`` is left out of the Secret: it
    serves the templates alone.
    """

    scope: Scope
    encrypted: Mapping[str, str] = field(repr=False)
    texts: Mapping[str, str] = field(default_factory=dict)
    omitted: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    type: str = "Opaque"
    immutable: bool = False


def read(manifest: Manifest) -> Sealed:
    """Read a SealedSecret's manifest. Raises SecretRefused."""
    ref = manifest.ref
    body = orjson.loads(manifest.body)
    if body.get("apiVersion") != f"{GROUP}/{VERSION}":
        raise _refused(ref, "apiVersion", f"must be {GROUP}/{VERSION}")
    spec = _map(body, "spec", ref)
    if spec.get("data"):
        raise _refused(ref, "spec.data", "is the form of before 2019 and not read: seal it anew")
    template = _map(spec, "template", ref, "spec.")
    if unknown := sorted(template.keys() - {"metadata", "type", "immutable", "data"}):
        raise _refused(ref, f"spec.template.{unknown[0]}", "is no field of a SealedSecret's template")
    encrypted = _texts(spec, "encryptedData", ref, "spec.")
    texts = _map(template, "data", ref, "spec.template.")
    for key, value in texts.items():
        if not isinstance(value, str | None):
            raise _refused(ref, f"spec.template.data.{key}", "must be a text")
    immutable = template.get("immutable", False)
    if not isinstance(immutable, bool):
        raise _refused(ref, "spec.template.immutable", "must be true or false")
    kind = template.get("type") or "Opaque"
    if not isinstance(kind, str):
        raise _refused(ref, "spec.template.type", "must be a text")
    annotations = _map(_map(body, "metadata", ref), "annotations", ref, "metadata.")
    return Sealed(
        scope(annotations),
        encrypted,
        {key: value for key, value in texts.items() if value is not None},
        frozenset(key for key, value in texts.items() if value is None),
        _metadata(template, ref),
        kind,
        immutable,
    )


def _metadata(template: Mapping[str, Any], ref: ObjectRef) -> dict[str, Any]:
    given = _map(template, "metadata", ref, "spec.template.")
    kept = {name: given[name] for name in _KEPT if given.get(name)}
    annotations = {
        name: value
        for name, value in _map(kept, "annotations", ref, "spec.template.metadata.").items()
        if name not in LAST_APPLIED and not name.startswith(f"{PREFIX}/")
    }
    labels = _map(kept, "labels", ref, "spec.template.metadata.")
    return {**kept, "labels": dict(labels), "annotations": annotations}


def _texts(owner: Mapping[str, Any], name: str, ref: ObjectRef, above: str) -> dict[str, str]:
    found = _map(owner, name, ref, above)
    for key, value in found.items():
        if not isinstance(value, str):
            raise _refused(ref, f"{above}{name}.{key}", "must be a text")
    return dict(found)


def _map(owner: Mapping[str, Any], name: str, ref: ObjectRef, above: str = "") -> Mapping[str, Any]:
    value = owner.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refused(ref, f"{above}{name}", "must be a map")
    return value


def _refused(ref: ObjectRef, name: str, text: str) -> SecretRefused:
    return SecretRefused(f"SealedSecret {ref.namespace}/{ref.name}: {name} {text}", ref=ref, field=name)
