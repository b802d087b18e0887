"""What is sent for a manifest: its body without what must not be sent, with our marks on it.

Contract: pure. The body is parsed once and changed in place. Warnings and errors name fields and keys, never
a value. The digest is keyed (a plain hash of a short secret can be guessed) and covers all that is sent but
its own annotation.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet import names
from fleet.errors import ManifestRefused
from fleet.sync import restart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.model import ObjectRef, Resource
    from fleet.sync.restart import Restarts
    from fleet.sync.scope import Placed

_DIGEST_LENGTH: Final = 32
_SERVER_SET: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
_APPLYSET: Final = "applyset.kubernetes.io/"
# What the hub keeps on its own kinds, and goes by: an exported manifest has it too.
_OF_THE_HUB: Final = (names.PLACED, names.LEAVING, names.MADE_FROM)
# Names how forms are resolved: where that makes another Secret of the same form, it is another word.
_FORMS: Final = "forms-1"


@dataclass(frozen=True, slots=True)
class Marks:
    """What a target puts on its members: its set's id, and a digest made with the member's key."""

    set_id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A body ready to be applied, and what was left out of it.

    ``content`` is the keyed digest of what a Secret of a form holds; ``after`` are Secrets that must stand first.
    """

    ref: ObjectRef
    resource: Resource
    body: bytes = field(repr=False)
    digest: str
    wave: int
    warnings: tuple[str, ...]
    placed: Placed = field(repr=False)
    content: str = ""
    after: frozenset[ObjectRef] = frozenset()


def body(
    placed: Placed, marks: Marks, clear: bytes | None = None, restarts: Restarts | None = None
) -> Shaped:
    """Make the body to apply. Raises ManifestRefused, which names the field at fault.

    ``clear`` is the Secret for which the manifest stands, where it is of such a form. Its digest is that of the form,
    which says what the Secret holds as long as it can be opened: so without ``clear`` it is told, and the body is empty.
    ``restarts`` are the Secrets whose change restarts whatever mounts them.
    """
    ref = placed.ref
    if placed.manifest.form and clear is None:
        return Shaped(
            ref, placed.resource, b"", _form_digest(placed, marks), placed.manifest.wave, (), placed
        )
    content = orjson.loads(placed.manifest.body if clear is None else clear)
    warnings: list[str] = []
    if content.pop("status", None):
        warnings.append("status is left out")
    metadata = _metadata(content, ref, warnings)
    after: frozenset[ObjectRef] = frozenset()
    if restarts:
        after = restart.mark(content, ref, restarts)
    special = _SPECIAL.get((ref.group, ref.kind))
    if special:
        special(content, ref, warnings)
    metadata["labels"][names.APPLYSET_PART_OF] = marks.set_id
    holds = ""
    if placed.manifest.form:
        digest = _form_digest(placed, marks)
        holds = content_digest(content, marks)
        metadata.setdefault("annotations", {})[names.CONTENT] = holds
    else:
        digest = _digest(marks.key, orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
    metadata.setdefault("annotations", {})[names.MANIFEST] = digest
    sent = orjson.dumps(content)
    return Shaped(
        ref, placed.resource, sent, digest, placed.manifest.wave, tuple(warnings), placed, holds, after
    )


def content_digest(secret: Mapping[str, Any], marks: Marks) -> str:
    """The keyed digest of what a Secret holds, whatever form it was made from."""
    data = dict(secret.get("data") or {})
    for key, value in (secret.get("stringData") or {}).items():
        data[key] = base64.b64encode(str(value).encode()).decode()
    held = {"type": secret.get("type") or "Opaque", "data": data}
    return _digest(marks.key, b"content\0" + orjson.dumps(held, option=orjson.OPT_SORT_KEYS))


def _form_digest(placed: Placed, marks: Marks) -> str:
    ref, manifest = placed.ref, placed.manifest
    said = f"{_FORMS}\0{manifest.form}\0{ref.namespace}\0{ref.name}\0{marks.set_id}".encode()
    if manifest.kept.stamp == names.ONCE:
        return _digest(marks.key, said + b"\0once")
    parts = [said, manifest.body]
    if manifest.kept.stores or manifest.kept.stamp:
        parts += [*manifest.kept.stores, manifest.kept.stamp.encode()]
    return _digest(marks.key, b"\0".join(parts))


def _digest(key: bytes, content: bytes) -> str:
    return hmac.digest(key, content, "sha256").hex()[:_DIGEST_LENGTH]


def _metadata(content: dict[str, Any], ref: ObjectRef, warnings: list[str]) -> dict[str, Any]:
    """Clean the metadata, which has labels now and annotations only where any are left."""
    metadata: dict[str, Any] = content["metadata"]
    left_out = [name for name in _SERVER_SET if metadata.pop(name, None)]
    warnings += [f"metadata.{name} is left out" for name in left_out]
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    elif metadata.pop("namespace", None):
        warnings.append("metadata.namespace is left out: the kind has cluster scope")
    metadata["labels"] = _words(metadata, "labels", ref)
    annotations = _words(metadata, "annotations", ref)
    for where, words in (("labels", metadata["labels"]), ("annotations", annotations)):
        for key in [key for key in words if key.startswith(_APPLYSET)]:
            del words[key]
            warnings.append(f"metadata.{where}.{key} is left out: it is the hub's to set")
    for name in (names.MANIFEST, names.CONTENT):
        if annotations.pop(name, None) is not None:
            warnings.append(f"metadata.annotations.{name} is left out: it is the hub's to set")
    if annotations.pop(names.LAST_APPLIED, None) is not None:
        warnings.append(f"metadata.annotations.{names.LAST_APPLIED} is left out")
    if ref.group == names.GROUP:
        _leave_to_the_hub(metadata, annotations, warnings)
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    return metadata


def _leave_to_the_hub(metadata: dict[str, Any], annotations: dict[str, str], warnings: list[str]) -> None:
    """What says where an Application is placed is written by the hub alone, and its finalizer must be its own to take off."""
    theirs = [key for key in _OF_THE_HUB if annotations.pop(key, None) is not None]
    warnings += [f"metadata.annotations.{key} is left out: it is the hub's to set" for key in theirs]
    finalizers = metadata.get("finalizers")
    if isinstance(finalizers, list) and names.FINALIZER in finalizers:
        metadata["finalizers"] = [one for one in finalizers if one != names.FINALIZER]
        warnings.append(f"metadata.finalizers.{names.FINALIZER} is left out: it is the hub's to set")


def _words(metadata: dict[str, Any], name: str, ref: ObjectRef) -> dict[str, str]:
    """Labels or annotations, which hold strings: YAML makes numbers and booleans of unquoted ones."""
    words = metadata.get(name)
    if words is None:
        return {}
    if not isinstance(words, dict):
        raise _refused(ref, f"metadata.{name}", "must be a map")
    for key, value in words.items():
        if not isinstance(value, str):
            raise _refused(ref, f"metadata.{name}.{key}", "must be a string (quote it)")
    return words


def _secret(content: dict[str, Any], ref: ObjectRef, _warnings: list[str]) -> None:
    """Turn ``stringData`` into ``data``: it is never owned, so an edit of it would be missed."""
    data = _map(content, "data", ref)
    for key, value in data.items():
        if not isinstance(value, str) or not _is_base64(value):
            raise _refused(ref, f"data.{key}", "must be a string of base64")
    strings = _map(content, "stringData", ref)
    for key, value in strings.items():
        if not isinstance(value, str):
            raise _refused(ref, f"stringData.{key}", "must be a string (quote it)")
        data[key] = base64.b64encode(value.encode()).decode()
    content.pop("stringData", None)
    if strings:
        content["data"] = data


def _config_map(content: dict[str, Any], ref: ObjectRef, _warnings: list[str]) -> None:
    for key, value in _map(content, "data", ref).items():
        if not isinstance(value, str):
            raise _refused(ref, f"data.{key}", "must be a string (quote it)")


def _cluster_role(content: dict[str, Any], _ref: ObjectRef, warnings: list[str]) -> None:
    """Leave the rules of an aggregated role to their controller: writing them is an outage and a fight."""
    if content.get("aggregationRule") and content.pop("rules", None):
        warnings.append("rules is left out: the role is aggregated from others")


_SPECIAL: Final = {
    ("", "Secret"): _secret,
    ("", "ConfigMap"): _config_map,
    ("rbac.authorization.k8s.io", "ClusterRole"): _cluster_role,
}


def _map(content: dict[str, Any], name: str, ref: ObjectRef) -> dict[str, Any]:
    value = content.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refused(ref, name, "must be a map")
    return value


def _is_base64(value: str) -> bool:
    try:
        # The API server's decoder skips line breaks, which block scalars bring.
        binascii.a2b_base64(value.replace("\n", "").replace("\r", ""), strict_mode=True)
    except ValueError:
        return False
    return True


def _refused(ref: ObjectRef, name: str, text: str) -> ManifestRefused:
    return ManifestRefused(f"{name} {text}", ref=ref, field=name)
