"""JSON of the API server into our values. Pure; the fastest way there is (msgspec Structs).

Contract: what is not named here is skipped. ``kubectl.kubernetes.io/last-applied-configuration`` is emptied
in metadata and in whole objects, since it may quote a Secret (H20); the key stays, so that it can be removed.
Whole objects are given without managedFields, with apiVersion and kind. What an object nests deeper than a decoder
goes is cut, in managedFields too, so that it hides no other object. An answer that does not read raises ServerFailed.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from fleet import names
from fleet.documents import deep
from fleet.errors import ServerFailed
from fleet.model import Meta, ObjectRef, OwnerRef, Resource

T = TypeVar("T")

_NONE: Final = MappingProxyType[str, str]({})
_NO_FIELDS: Final = msgspec.Raw(b"[]")
_UNREADABLE: Final = "the answer does not read as what was asked for"


class _Owner(msgspec.Struct):
    kind: str
    uid: str
    name: str = ""
    controller: bool | None = None


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""  # noqa: N815 (the server's names, here and below)
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: list[_Owner] | None = None  # noqa: N815
    managedFields: msgspec.Raw = _NO_FIELDS  # noqa: N815 (in a union with None, Raw is not honoured)
    deletionTimestamp: str | None = None  # noqa: N815


class _Object(msgspec.Struct):
    metadata: _Meta
    apiVersion: str = ""  # noqa: N815
    kind: str = ""


class _ListMeta(msgspec.Struct):
    resourceVersion: str = ""  # noqa: N815
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[_Object] | None = None


class _WholeList(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Failure(msgspec.Struct):
    code: int = 0
    reason: str = ""


# A stack that is nearly full leaves a decoder no room, however shallow the text is.
_BROKEN: Final[tuple[type[Exception], ...]] = (msgspec.MsgspecError, RecursionError)
_OBJECT: Final = msgspec.json.Decoder(_Object)
_LIST: Final = msgspec.json.Decoder(_List)
_WHOLE_LIST: Final = msgspec.json.Decoder(_WholeList)
_EVENT: Final = msgspec.json.Decoder(_Event)
_FAILURE: Final = msgspec.json.Decoder(_Failure)
_ANY: Final = msgspec.json.Decoder(dict[str, Any])
_VALUE: Final = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Item:
    """An object of a list: its metadata, and all of it where the whole was asked for."""

    meta: Meta
    object: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; ``rest`` is the continue token, empty on the last."""

    items: tuple[Item, ...]
    version: str
    rest: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A line of a watch. ERROR has a ``code`` and no ``meta``; a BOOKMARK's meta holds the version alone."""

    type: str
    meta: Meta | None
    object: dict[str, Any] | None = None
    code: int = 0


def meta(body: bytes, resource: Resource | None) -> Meta:
    """The metadata of one object. Without ``resource`` the body must say apiVersion and kind itself."""
    try:
        read = _read(_OBJECT, body)
    except _BROKEN:
        raise _unreadable() from None
    if resource is not None:
        return _meta(read.metadata, resource.group, resource.kind)
    return _meta(read.metadata, read.apiVersion.rpartition("/")[0], read.kind)


def metas(body: bytes, resource: Resource) -> tuple[tuple[Meta, ...], str, str]:
    """The metadata of a list's items, its resourceVersion, and its continue token (empty: complete)."""
    try:
        read = _read(_LIST, body)
    except _BROKEN:
        raise _unreadable() from None
    group, kind = resource.group, resource.kind
    found = tuple([_meta(item.metadata, group, kind) for item in read.items or ()])
    return found, read.metadata.resourceVersion, read.metadata.continue_


def page(body: bytes, resource: Resource, *, whole: bool) -> Page:
    """A page of a list, with the objects themselves where ``whole`` says that they were asked for."""
    if not whole:
        found, version, rest = metas(body, resource)
        return Page(tuple([Item(each) for each in found]), version, rest)
    try:
        read = _read(_WHOLE_LIST, body)
        items = tuple([_item(raw, resource) for raw in read.items or ()])
    except _BROKEN:
        raise _unreadable() from None
    return Page(items, read.metadata.resourceVersion, read.metadata.continue_)


def event(line: bytes, resource: Resource, *, whole: bool) -> WatchEvent:
    """One line of a watch."""
    try:
        read = _read(_EVENT, line)
        if read.type == "ERROR":
            return WatchEvent(read.type, None, code=_read(_FAILURE, read.object).code)
        if whole and read.type != "BOOKMARK":
            item = _item(read.object, resource)
            return WatchEvent(read.type, item.meta, item.object)
        found = _read(_OBJECT, read.object).metadata
    except _BROKEN:
        raise _unreadable() from None
    return WatchEvent(read.type, _meta(found, resource.group, resource.kind))


def value(body: bytes) -> Any:
    """Any JSON of a server, as it is."""
    try:
        return _read(_VALUE, body)
    except _BROKEN:
        raise _unreadable() from None


def _read(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    """The value; cut only where it nests too deep, so that all others cost nothing."""
    try:
        return decoder.decode(body)
    except RecursionError:
        return decoder.decode(deep.cut(bytes(body)))


def _item(raw: msgspec.Raw, resource: Resource) -> Item:
    body = _read(_ANY, raw)
    body.setdefault(
        "apiVersion", f"{resource.group}/{resource.version}" if resource.group else resource.version
    )
    body.setdefault("kind", resource.kind)
    read = _read(_OBJECT, raw).metadata
    metadata = body["metadata"]
    metadata.pop("managedFields", None)
    annotations = metadata.get("annotations")
    if annotations and names.LAST_APPLIED in annotations:
        annotations[names.LAST_APPLIED] = ""
    return Item(_meta(read, resource.group, resource.kind), body)


def _meta(read: _Meta, group: str, kind: str) -> Meta:
    annotations = read.annotations
    if annotations and names.LAST_APPLIED in annotations:
        annotations[names.LAST_APPLIED] = ""
    owners = read.ownerReferences
    return Meta(
        ObjectRef(group, kind, read.namespace, read.name),
        read.uid,
        read.resourceVersion,
        read.labels or _NONE,
        annotations or _NONE,
        tuple([OwnerRef(o.kind, o.name, o.uid, bool(o.controller)) for o in owners]) if owners else (),
        bytes(read.managedFields),
        read.deletionTimestamp is not None,
    )


def _unreadable() -> ServerFailed:
    return ServerFailed(_UNREADABLE, status=200, word="Unreadable")
