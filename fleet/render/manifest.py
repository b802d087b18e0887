"""A document as manifests: lists unfolded, what the hub must know of an object read from it.

Contract: pure. The body of a manifest is the object's JSON as written: key order and explicit nulls stay, no
default is filled in. Whatever keeps an object from being applied is a `NotManifest`, whose text names file,
document and line and quotes nothing but names.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from fleet import names
from fleet.errors import DocumentError
from fleet.facts import mentions
from fleet.model import Manifest, ObjectRef, Origin

_WAVE: Final = re.compile(r"[+-]?[0-9]{1,9}")
_LONGEST: Final = 253
_DEEPEST_LIST: Final = 5


class NotManifest(DocumentError):
    """A document, or an item of a list, that is no manifest; ``field`` says where."""

    def __init__(self, text: str, *, at: Place, field: str = "", ref: ObjectRef | None = None) -> None:
        super().__init__(text, path=at.path, document=at.document, line=at.line, ref=ref)
        self.field = field


class Place:
    """A document's place: its file, its number from 0, its line from 1."""

    __slots__ = ("document", "line", "path")

    def __init__(self, path: str, document: int, line: int) -> None:
        self.path = path
        self.document = document
        self.line = line


def unfold(value: Any, at: Place, depth: int = 0) -> Iterator[dict[str, Any] | NotManifest]:
    """The objects of a document: itself, or the items of a ``List``, also of one of a kind such as RoleList.

    Items of the latter may leave out ``apiVersion`` and ``kind``, as ``kubectl get -o yaml`` once did.
    """
    if not isinstance(value, dict):
        yield NotManifest("an item of the list is not an object", at=at, field="items")
        return
    kind, items = value.get("kind"), value.get("items")
    if not (isinstance(kind, str) and kind.endswith("List") and (isinstance(items, list) or _empty(value))):
        yield value
        return
    if depth == _DEEPEST_LIST:
        yield NotManifest(f"lists nest more than {_DEEPEST_LIST} deep", at=at, field="items")
        return
    given = {}
    if kind != "List":
        given = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    for item in items or ():
        if given and isinstance(item, dict) and "kind" not in item and "apiVersion" not in item:
            yield from unfold({**given, **item}, at, depth + 1)
        else:
            yield from unfold(item, at, depth + 1)


def manifest(value: dict[str, Any], at: Place, *, unfilled: bool = False) -> Manifest:
    """The object as a manifest. Raises `NotManifest`. Where it is ``unfilled``, facts may stand in its names yet."""
    group, version = _group_version(value, at)
    kind = _word(value, "kind", at)
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        raise NotManifest(f"{kind} has no metadata", at=at, field="metadata")
    if not metadata.get("name") and metadata.get("generateName"):
        text = f"{kind} has generateName in place of a name: it cannot be kept equal to Git"
        raise NotManifest(text, at=at, field="metadata.generateName")
    name = _path_segment(metadata, "name", kind, at, unfilled=unfilled)
    namespace = (
        ""
        if metadata.get("namespace") in (None, "")
        else _path_segment(metadata, "namespace", kind, at, unfilled=unfilled)
    )
    ref = ObjectRef(sys.intern(group), sys.intern(kind), sys.intern(namespace), name)
    annotations = metadata.get("annotations") or {}
    if not isinstance(annotations, dict):
        raise NotManifest(
            f"{ref} has annotations that are no mapping", at=at, field="metadata.annotations", ref=ref
        )
    return Manifest(
        ref=ref,
        version=sys.intern(version),
        body=body(value),
        origin=Origin(at.path, at.document),
        wave=_wave(annotations, ref, at),
        hook=_hook(annotations, ref, at),
        options=_options(annotations, ref, at),
    )


def _empty(value: Mapping[str, Any]) -> bool:
    return "items" in value and value["items"] is None


def _group_version(value: Mapping[str, Any], at: Place) -> tuple[str, str]:
    text = _word(value, "apiVersion", at)
    group, slash, version = text.rpartition("/")
    if not version or "/" in group or (slash and not group):
        raise NotManifest("apiVersion is neither version nor group/version", at=at, field="apiVersion")
    return group, version


def _word(value: Mapping[str, Any], field: str, at: Place) -> str:
    word = value.get(field)
    if not isinstance(word, str) or not word:
        text = f"the object has no {field}" if word in (None, "") else f"{field} is not a string"
        raise NotManifest(text, at=at, field=field)
    return word


def _path_segment(metadata: Mapping[str, Any], field: str, kind: str, at: Place, *, unfilled: bool) -> str:
    """A name that can stand in a URL's path, as the API server demands of every name."""
    word = metadata.get(field)
    where = f"metadata.{field}"
    if word in (None, ""):
        raise NotManifest(f"{kind} has no {field}", at=at, field=where)
    if not isinstance(word, str):
        raise NotManifest(f"{kind} has a {field} that is not a string: quote it", at=at, field=where)
    if unfilled and mentions(word):
        return word
    if word in (".", "..") or "/" in word or "%" in word or len(word) > _LONGEST or not word.isprintable():
        raise NotManifest(f"{kind} has a {field} that Kubernetes does not allow", at=at, field=where)
    return word


def body(value: dict[str, Any]) -> bytes:
    """The object as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer over 64 bits, which orjson does not write
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _annotation(annotations: Mapping[str, Any], name: str, ref: ObjectRef, at: Place) -> list[str]:
    """The values of an annotation under Argo CD's prefix and ours, ours last, empty ones left out."""
    values = []
    for prefix in names.ANNOTATION_PREFIXES:
        value = _text(annotations, f"{prefix}/{name}", ref, at)
        if value:
            values.append(value)
    return values


def _text(annotations: Mapping[str, Any], key: str, ref: ObjectRef, at: Place) -> str:
    value = annotations.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        text = f"{ref}: the annotation {key} is not a string: quote it"
        raise NotManifest(text, at=at, field=f"metadata.annotations[{key}]", ref=ref)
    return value.strip()


def _wave(annotations: Mapping[str, Any], ref: ObjectRef, at: Place) -> int:
    values = _annotation(annotations, names.SYNC_WAVE, ref, at)
    if not values:
        return 0
    if not _WAVE.fullmatch(values[-1]):
        text = f"{ref}: the sync wave is not an integer"
        raise NotManifest(text, at=at, field=f"metadata.annotations[{names.SYNC_WAVE}]", ref=ref)
    return int(values[-1])


def _hook(annotations: Mapping[str, Any], ref: ObjectRef, at: Place) -> str:
    """The hook as written; what Helm 2 installs by ``crd-install`` is an ordinary object, as for Argo CD."""
    values = _annotation(annotations, names.HOOK, ref, at)
    helm = _text(annotations, names.HELM_HOOK, ref, at)
    if values:
        return sys.intern(values[-1])
    return "" if helm == _CRD_INSTALL else sys.intern(helm)


def _options(annotations: Mapping[str, Any], ref: ObjectRef, at: Place) -> frozenset[str]:
    values = _annotation(annotations, names.SYNC_OPTIONS, ref, at)
    if not values:
        return _NO_OPTIONS
    return frozenset(option.strip() for value in values for option in value.split(",") if option.strip())


_CRD_INSTALL: Final = "crd-install"
_NO_OPTIONS: Final[frozenset[str]] = frozenset()
