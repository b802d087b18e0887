"""Placeholders in a Secret, as argocd-vault-plugin writes them inline: how they read, and the Secret that they become.

Contract: pure. The form is ``<path:MOUNT/data/PATH#KEY[#VERSION] [| MODIFIER]...>`` (version 1 of the engine: without
``data``), once or more in a value of ``stringData`` or ``data``, there in the base64 or in its place. Nothing else of a
Secret takes one, since nothing else of it is masked. The form that needs ``avp.kubernetes.io/path`` is refused: read
apart from that annotation, ``<anything>`` would be one. Errors name fields, paths and keys as written, never a value.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.errors import FleetError
from fleet.facts import Expansion, Facts
from fleet.secrets import body, refused, segments
from fleet.secrets.fields import Node, called
from fleet.secrets.refused import SecretRefused
from fleet.secrets.stores import value
from fleet.secrets.vault.address import KvPath
from fleet.secrets.want import ValueMissing, Want

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fleet.model import Manifest, ObjectRef

_PREFIX: Final = "avp.kubernetes.io/"
_ENGINE: Final = f"{_PREFIX}kv-version"
_IGNORE: Final = f"{_PREFIX}ignore"
_OPENING: Final = b"<path:"
_ANY: Final = re.compile(rb"<path:[^#<>]+#[^<>]+>")
_WHOLE: Final = re.compile(
    rb"<path:(?P<path>[^#<>|]+)#(?P<key>[^#<>|]+)(?:#(?P<version>[^#<>|]+))?(?P<modifiers>(?:\|[^<>|]*)*)>"
)
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_VERSIONED: Final = 2
_MODIFIED: Final = 4  # times at most: each base64encode makes a third more


class _Unfit(Exception):
    """A value that a modifier does not take."""


def _encode(found: bytes) -> bytes:
    return base64.b64encode(found)


def _decode(found: bytes) -> bytes:
    try:
        return binascii.a2b_base64(found.replace(b"\n", b"").replace(b"\r", b""), strict_mode=True)
    except ValueError:
        raise _Unfit from None


_MODIFIERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"base64encode": _encode, "base64decode": _decode}


@dataclass(frozen=True, slots=True)
class Hole:
    """One placeholder: ``path`` may hold facts; ``where`` is the field in which it stands."""

    where: str
    path: str
    key: str
    version: int | None = None
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A value of the Secret: bytes and placeholders in turn; ``encoded``: what comes of it is base64 already."""

    where: str
    parts: tuple[bytes | Hole, ...] = field(repr=False)
    encoded: bool = False


@dataclass(frozen=True, slots=True)
class Placeholders:
    """A Secret with placeholders, as read. ``texts`` are its values by key, ``engine`` is 1 or 2."""

    title: str
    texts: Mapping[str, Text]
    metadata: Mapping[str, Any]
    type: str = "Opaque"
    immutable: bool = False
    engine: int = _VERSIONED

    @property
    def holes(self) -> tuple[Hole, ...]:
        """All placeholders, in the order of keys and places."""
        return tuple(
            part for key in sorted(self.texts) for part in self.texts[key].parts if isinstance(part, Hole)
        )


def present(body: bytes) -> bool:
    """Whether a placeholder stands anywhere in a manifest's body, base64 apart; for any kind."""
    return _OPENING in body and _ANY.search(body) is not None


def holds(manifest: Manifest) -> bool:
    """Whether a manifest is a Secret that placeholders make incomplete, in base64 too."""
    if (manifest.ref.group, manifest.ref.kind) != ("", "Secret"):
        return False
    found = orjson.loads(manifest.body)
    annotations = _annotations(found)
    if annotations.get(_IGNORE) == "true":
        return False
    if _OPENING in manifest.body or f"{_PREFIX}path" in annotations:
        return True
    data = found.get("data")
    return isinstance(data, dict) and any(_OPENING in (_plain(one) or b"") for one in data.values())


def read(manifest: Manifest) -> Placeholders:
    """Read a Secret that ``holds`` placeholders. Raises SecretRefused."""
    root = Node(manifest.ref, called(manifest.ref), "", orjson.loads(manifest.body))
    engine = _engine(root.below("metadata").below("annotations"))
    for name, held in root.held.items():
        if name not in ("data", "stringData"):
            _nowhere(root, name, held)
    kind = root.text("type") or "Opaque"
    refused.check(manifest.ref, kind)
    texts = {key: _encoded(root.below("data"), key) for key in root.below("data").held}
    # As the API server does: what stands in stringData counts.
    texts |= {key: _text(root.below("stringData"), key) for key in root.below("stringData").held}
    return Placeholders(root.title, texts, root.below("metadata").held, kind, root.flag("immutable"), engine)


def wants(found: Placeholders, facts: Facts) -> tuple[Want, ...]:
    """What to read, one for each placeholder in the order of ``holes``; equal ones are one read. Raises FleetError."""
    expansion = Expansion(facts)
    try:
        return tuple(_want(hole, found.engine, expansion) for hole in found.holes)
    except FleetError as error:
        failure = type(error)(f"{found.title}: {error.text}", field=error.field)
    raise failure


def make(
    found: Placeholders, ref: ObjectRef, wanted: Sequence[Want], values: Mapping[Want, Mapping[str, Any]]
) -> bytes:
    """The Secret ``ref`` in clear, as JSON. Raises FleetError.

    ``wanted`` is what ``wants`` gave; ``values`` has what was found, and lacks a Want of which Vault has nothing.
    """
    by_hole = dict(zip(found.holes, wanted, strict=True))
    filling = body.Filling(ref)
    data = {}
    for key, text in found.texts.items():
        parts = []
        for part in text.parts:
            parts.append(
                part if isinstance(part, bytes) else _filled(found, ref, part, by_hole[part], values)
            )
            filling.add(len(parts[-1]))
        made = b"".join(parts)
        if text.encoded:
            decoded = _plain(made)
            if decoded is None:
                raise _wrong(
                    found, ref, text.where, "must come out as base64: add | base64encode, or use stringData"
                )
            made = decoded
        data[key] = made
    return body.secret(ref, found.metadata, found.type, data, immutable=found.immutable)


def _annotations(found: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = found.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return annotations if isinstance(annotations, dict) else {}


def _engine(node: Node) -> int:
    for name in sorted(node.held):
        if name.startswith(_PREFIX) and name not in (_ENGINE, _IGNORE):
            raise node.refused(name, "is not read: write <path:MOUNT/data/PATH#KEY> in each place")
    return int(node.choice(_ENGINE, ("1", "2"), "2"))


def _nowhere(node: Node, name: str, held: Any) -> None:
    """Refuse a placeholder in what is no value of the Secret."""
    inner = Node(node.ref, node.title, node.at(name))
    if isinstance(held, str):
        if _OPENING.decode() in held:
            raise inner.refused("", "holds a placeholder, and only data and stringData of a Secret take one")
    elif isinstance(held, dict):
        for key, one in held.items():
            _nowhere(inner, "(a key)", key)
            _nowhere(inner, key, one)
    elif isinstance(held, list):
        for number, one in enumerate(held):
            _nowhere(inner, str(number), one)


def _encoded(node: Node, key: str) -> Text:
    """A value of ``data``: base64 of a text with placeholders, or placeholders that give base64."""
    text = node.text(key)
    plain = _plain(text)
    if plain is None and _OPENING.decode() not in text:
        raise node.refused(_key(node, key), "is no base64")
    if plain is None:
        return Text(node.at(key), _parts(node, key, text.encode()), encoded=True)
    return Text(node.at(_key(node, key)), _parts(node, key, plain))


def _text(node: Node, key: str) -> Text:
    return Text(node.at(_key(node, key)), _parts(node, key, node.text(key).encode()))


def _key(node: Node, key: str) -> str:
    """The key, which is a name that a Secret may have and holds no placeholder."""
    if not body.is_key(key):
        raise node.refused("", "has a key that is no key of a Secret: those have letters, digits and . _ -")
    return key


def _parts(node: Node, key: str, text: bytes) -> tuple[bytes | Hole, ...]:
    parts: list[bytes | Hole] = []
    at = 0
    for found in _WHOLE.finditer(text):
        parts += [text[at : found.start()], _hole(node, key, found)]
        at = found.end()
    parts.append(text[at:])
    if any(isinstance(part, bytes) and _OPENING in part for part in parts):
        raise node.refused(
            key, "holds what begins as a placeholder and is none: it is <path:MOUNT/data/PATH#KEY[#VERSION]>"
        )
    return tuple(part for part in parts if part)


def _hole(node: Node, key: str, found: re.Match[bytes]) -> Hole:
    try:
        words = {name: (held or b"").decode().strip() for name, held in found.groupdict().items()}
    except UnicodeDecodeError:
        words = {}
    if not words:
        raise node.refused(key, "holds a placeholder that is no text in UTF-8")
    version = words["version"]
    if version and not _DIGITS.fullmatch(version):
        raise node.refused(key, "asks for a version that is no number")
    modifiers = tuple(one.strip() for one in words["modifiers"].split("|")[1:])
    if len(modifiers) > _MODIFIED:
        raise node.refused(key, f"uses {len(modifiers)} modifiers; a placeholder takes {_MODIFIED} at most")
    for modifier in modifiers:
        if modifier not in _MODIFIERS:
            named = modifier.split(" ")[0][:60]
            raise node.refused(key, f"uses the modifier {named!r}; there are {' and '.join(_MODIFIERS)}")
    return Hole(node.at(key), words["path"], words["key"], int(version or 0) or None, modifiers)


def _want(hole: Hole, engine: int, expansion: Expansion) -> Want:
    path = segments.path(expansion.text(hole.path, hole.where), hole.where)
    mount, _, rest = path.partition("/")
    if engine == _VERSIONED:
        data, _, rest = rest.partition("/")
        if data != "data":
            raise _misplaced(hole, "must be MOUNT/data/PATH, or kv-version 1 be said in an annotation")
    elif hole.version:
        raise _misplaced(hole, "asks for a version, and KV version 1 has none")
    if not rest:
        raise _misplaced(hole, "names no path below the mount")
    return Want(None, KvPath(mount, rest, engine), hole.version)


def _filled(
    found: Placeholders, ref: ObjectRef, hole: Hole, want: Want, values: Mapping[Want, Mapping[str, Any]]
) -> bytes:
    held = values.get(want)
    if held is None or held.get(hole.key) is None:
        missing = (
            f"{want.path} has no key {hole.key}" if held is not None else f"there is nothing at {want.path}"
        )
        raise ValueMissing(f"{found.title}: {hole.where}: {missing}", ref=ref, field=hole.where)
    one = held[hole.key]
    if isinstance(one, dict | list):
        raise _wrong(
            found, ref, hole.where, f"key {hole.key} of {want.path} is no text, number or truth value"
        )
    made = value.octets(one)
    for modifier in hole.modifiers:
        try:
            made = _MODIFIERS[modifier](made)
        except _Unfit:
            raise _wrong(found, ref, hole.where, f"{modifier}: the value is no base64") from None
    return made


def _plain(text: Any) -> bytes | None:
    """What a text is the base64 of; None where it is of nothing."""
    if not isinstance(text, str | bytes):
        return None
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        return _decode(raw)
    except _Unfit:
        return None


def _misplaced(hole: Hole, text: str) -> SecretRefused:
    return SecretRefused(f"{hole.where}: the path {text}", field=hole.where)


def _wrong(found: Placeholders, ref: ObjectRef, where: str, text: str) -> SecretRefused:
    return SecretRefused(f"{found.title}: {where}: {text}", ref=ref, field=where)
