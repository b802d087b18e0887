"""What the stores gave -> the Secret in clear.

Contract: pure; the answer is the caller's to forget. The work is bounded, but templates may take seconds: it is for a
thread. Errors name fields, paths and properties as they are written, and nothing that was read.
"""

from __future__ import annotations

import binascii
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.documents import read as documents
from fleet.documents.limits import Limits
from fleet.errors import DocumentError, FleetError
from fleet.secrets import body, refused
from fleet.secrets.forms.external.spec import Decoding, Deletion
from fleet.secrets.refused import SecretRefused
from fleet.secrets.stores import value
from fleet.secrets.stores.store import KubernetesStore
from fleet.secrets.template import Rendering
from fleet.secrets.want import ValueMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fleet.model import ObjectRef
    from fleet.secrets.forms.external.spec import External, Item, Target, Template
    from fleet.secrets.want import Want

_LIMITS: Final = Limits(size=4 * body.LARGEST, documents=2, nodes=100_000, depth=64)
_STAYS: Final = f"{names.GROUP}/{names.SYNC_OPTIONS}"
_PLAIN: Final = frozenset("-._")


class SecretGone(FleetError):
    """All that a Secret is made of is gone, and its ``deletionPolicy`` says that it goes too."""

    reason = "SecretGone"


def make(
    external: External, ref: ObjectRef, wanted: Sequence[Want], values: Mapping[Want, Mapping[str, Any]]
) -> bytes:
    """The Secret ``ref`` in clear, as JSON. Raises FleetError.

    ``wanted`` is what ``wants`` gave. ``values`` has what was found, and lacks a Want of which the store has nothing:
    for metadata Vault's answer about the path, for the hub's API the Secret's data, decoded. Raises ValueMissing, and
    SecretGone where the Secret is to be removed.
    """
    target = external.target
    refused.check(ref, target.type)
    filling = body.Filling(ref)
    data: dict[str, bytes] = {}
    found = False
    for item, want in zip(external.items, wanted, strict=True):
        held = values.get(want)
        if held is None:
            if target.deletion is Deletion.RETAIN:
                raise _missing(external, ref, item, f"there is nothing at {want.path}")
            continue
        found = True
        taken = _taken(external, ref, item, want, held)
        filling.add(sum(map(len, taken.values())))
        data.update(taken)
    if not found and target.deletion is Deletion.DELETE:
        raise SecretGone(
            f"{external.title}: all that it is made of is gone, and spec.target.deletionPolicy is Delete",
            ref=ref,
            field="spec.target.deletionPolicy",
        )
    if target.template is not None:
        data = _templated(external, ref, target.template, data)
    return body.secret(ref, _metadata(target), target.type, data, immutable=target.immutable)


def _metadata(target: Target) -> Mapping[str, Any]:
    """What the Secret carries; one that outlives its ExternalSecret says so itself, as any object does."""
    if not target.orphan:
        return target.metadata
    annotations = {**target.metadata.get("annotations", {}), _STAYS: "Prune=false,Delete=false"}
    return {**target.metadata, "annotations": annotations}


def _taken(
    external: External, ref: ObjectRef, item: Item, want: Want, held: Mapping[str, Any]
) -> dict[str, bytes]:
    """The keys that one item gives."""
    try:
        taken = _one(item, want, held) if item.key else _all(item, want, held)
    except value.NotFound:
        raise _missing(external, ref, item, f"{want.path} has no property {item.remote.property}") from None
    except value.Unread as error:
        raise _wrong(external, ref, f"{item.where}.property", str(error)) from None
    except _Undecodable:
        where = f"{item.where}.decodingStrategy"
        raise _wrong(external, ref, where, f"a value is no {item.remote.decoding.value}") from None
    except value.Unfit as error:
        raise _wrong(external, ref, item.where, f"what is at {want.path}: {error}") from None
    except ValueError:  # Python's own words may quote what does not read
        raise _wrong(external, ref, item.where, f"what is at {want.path}: it does not read") from None
    if item.remote.whole and any(b"\0" in one for one in taken.values()):
        raise _wrong(external, ref, f"{item.where}.nullBytePolicy", "a value holds a null byte")
    return taken


def _one(item: Item, want: Want, held: Mapping[str, Any]) -> dict[str, bytes]:
    if isinstance(want.store, KubernetesStore):
        found = _of_hub(held, item.remote.property)
    else:
        found = value.pick(value.metadata(held) if want.metadata else held, item.remote.property)
    return {item.key: _decoded(found, item.remote.decoding)}


def _of_hub(held: Mapping[str, Any], property_: str) -> bytes:
    """Of a Secret's data: a key, or a path in the JSON that a key holds."""
    if not property_:
        return value.text(held, html=False).encode()
    if property_ in held:
        return value.octets(held[property_])
    key, _, rest = property_.partition(".")
    inner = value.mapping(held.get(key))
    if inner is None or not rest:
        raise value.NotFound
    return value.octets(value.follow(inner, rest))


def _all(item: Item, want: Want, held: Mapping[str, Any]) -> dict[str, bytes]:
    whole: Mapping[str, Any] = value.metadata(held) if want.metadata else held
    inner = value.mapping(value.within(whole, item.remote.property)) if item.remote.property else whole
    if inner is None:
        raise value.Unfit("it is no map, so there is nothing to extract")
    made: dict[str, bytes] = {}
    for key, one in inner.items():
        name = _converted(str(key), unicode=item.remote.unicode)
        if name in made:
            raise value.Unfit("two keys become one by conversionStrategy")
        made[name] = _decoded(value.octets(one), item.remote.decoding)
    return made


def _converted(key: str, *, unicode: bool) -> str:
    """A key with ``_``, or the number of the character, for what a key of a Secret does not hold."""
    return "".join(
        one
        if one in _PLAIN or unicodedata.category(one)[0] in "LN"
        else (f"_U{ord(one):04x}_" if unicode else "_")
        for one in key
    )


class _Undecodable(Exception):
    """A value is not of the encoding that is asked for."""


def _decoded(found: bytes, decoding: Decoding) -> bytes:
    match decoding:
        case Decoding.NONE:
            return found
        case Decoding.BASE64:
            return _base64(found)
        case Decoding.BASE64_URL:
            return _base64_url(found)
    for attempt in (_base64, _base64_url):
        try:
            return attempt(found)
        except _Undecodable:
            continue
    return found


def _base64(found: bytes) -> bytes:
    """As Go's decoder: line breaks are let pass, everything else is not."""
    try:
        return binascii.a2b_base64(found.replace(b"\n", b"").replace(b"\r", b""), strict_mode=True)
    except ValueError:
        raise _Undecodable from None


def _base64_url(found: bytes) -> bytes:
    if b"+" in found or b"/" in found:
        raise _Undecodable
    return _base64(found.translate(bytes.maketrans(b"-_", b"+/")))


def _templated(
    external: External, ref: ObjectRef, template: Template, data: Mapping[str, bytes]
) -> dict[str, bytes]:
    made = dict(data) if template.merge else {}
    rendering = Rendering(data)
    for number, text in enumerate(template.literals):
        where = f"spec.target.template.templateFrom[{number}].literal"
        made.update(_read(external, ref, where, _rendered(external, ref, where, text, rendering)))
    for key, text in template.texts.items():
        made[key] = _rendered(external, ref, f"spec.target.template.data.{key}", text, rendering)
    return made


def _rendered(external: External, ref: ObjectRef, where: str, text: str, rendering: Rendering) -> bytes:
    try:
        return rendering.render(text, name=where)
    except FleetError as error:
        raise SecretRefused(f"{external.title}: {error.text}", ref=ref, field=where) from None


def _read(external: External, ref: ObjectRef, where: str, text: bytes) -> dict[str, bytes]:
    """The map of texts that a literal gave."""
    found: Any = None
    try:
        found = documents.value(text, path=where, limits=_LIMITS)
    except DocumentError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise _wrong(external, ref, where, "gives no map of texts in YAML")
    return {str(key): one.encode() for key, one in found.items()}


def _missing(external: External, ref: ObjectRef, item: Item, text: str) -> ValueMissing:
    return ValueMissing(f"{external.title}: {item.where}: {text}", ref=ref, field=item.where)


def _wrong(external: External, ref: ObjectRef, where: str, text: str) -> SecretRefused:
    return SecretRefused(f"{external.title}: {where}: {text}", ref=ref, field=where)
