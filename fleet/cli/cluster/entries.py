"""Registrations as a list: what ``cluster apply`` reads. Pure.

A list of entries; an object with the list under ``clusters``; entries by name; or what ``terraform output -json``
prints, whose outputs each hold an entry, a list of them, or entries by name: outputs that hold none are left out.
Errors name entry and field, never a value beyond the entry's name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleet.clusters.registration import IMPERSONATING, WHOLE, listed
from fleet.documents import read as documents
from fleet.errors import DocumentError, RegistrationError

KUBECONFIG: Final = "memberKubeconfig"
_TEXTS: Final = ("name", KUBECONFIG, "memberContext", "server", "ca", "tlsServerName", "proxy", "scope")
_TABLES: Final = ("labels", "annotations")
_KEYS: Final = (*_TEXTS, *_TABLES, "namespaces")
SCOPES: Final = {"cluster-admin": WHOLE, "impersonate": IMPERSONATING}
_OUTPUT: Final = frozenset({"sensitive", "type", "value"})


@dataclass(frozen=True, slots=True)
class Way:
    """How the hub sees the API server, where that is not as the kubeconfig says; ``ca`` is a file of PEM."""

    server: str = ""
    ca: str = ""
    tls_server_name: str = ""
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One registration that is wanted. ``kubeconfig`` is a file of an administrator of the member."""

    name: str
    kubeconfig: str
    context: str = ""
    way: Way = Way()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()
    scope: str = ""  # a key of SCOPES; empty for namespaces, or for what the account has already


def read(content: bytes, *, path: str) -> tuple[Entry, ...]:
    """The entries of a file, in its order. Raises RegistrationError."""
    try:
        value = documents.value(content, path=path)
    except DocumentError as error:  # its text may quote the file
        where = f", line {error.line}" if error.line else ""
        raise RegistrationError(f"{path}{where}: it is not one valid YAML or JSON document") from None
    found = tuple(_entries(value))
    if not found:
        raise RegistrationError(
            f"{path} holds no registration: give a list of entries with name and {KUBECONFIG}"
        )
    seen: set[str] = set()
    for one in found:
        if one.name in seen:
            raise RegistrationError(f"{path} names {one.name} twice", field="name")
        seen.add(one.name)
    return found


def _entries(value: Any) -> Iterator[Entry]:
    if isinstance(value, Mapping) and isinstance(value.get("clusters"), list):
        value = value["clusters"]
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield _entry(one, f"entry {index + 1}")
    elif isinstance(value, Mapping):
        outputs = bool(value) and all(_is_output(one) for one in value.values())
        for key, one in value.items():
            if not outputs:
                yield _entry(one, str(key), named=True)
            elif _holds_entries(one["value"]):
                yield from _entries(_listed(one["value"]))
    else:
        raise RegistrationError("the document is neither a list of entries nor entries by name")


def _is_output(value: Any) -> bool:
    return isinstance(value, Mapping) and "value" in value and value.keys() <= _OUTPUT


def _is_entry(value: Any) -> bool:
    return isinstance(value, Mapping) and KUBECONFIG in value


def _holds_entries(value: Any) -> bool:
    if isinstance(value, Mapping) and not _is_entry(value):
        value = list(value.values())
    return _is_entry(value) or (isinstance(value, list) and bool(value) and all(map(_is_entry, value)))


def _listed(value: Any) -> Any:
    return [value] if _is_entry(value) else value


def _entry(value: Any, where: str, *, named: bool = False) -> Entry:
    if not isinstance(value, Mapping):
        raise RegistrationError(f"{where}: it must be an object with name and {KUBECONFIG}")
    if named:
        value = {"name": where, **value}
    if isinstance(value.get("name"), str) and value["name"]:
        where = value["name"][:80]
    for key in value:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(_KEYS)}"
            raise RegistrationError(f"{where}: it has an unknown field {str(key)[:80]!r}{hint}")
    texts = {key: _text(value.get(key), where, key) for key in _TEXTS}
    for key in ("name", KUBECONFIG):
        if not texts[key]:
            raise RegistrationError(f"{where}: {key} is required", field=key)
    if texts["scope"] not in ("", *SCOPES):
        raise RegistrationError(f"{where}: scope must be {' or '.join(SCOPES)}", field="scope")
    namespaces = _names(value.get("namespaces"), where)
    if namespaces and texts["scope"]:
        raise RegistrationError(f"{where}: namespaces are a scope: leave out scope", field="scope")
    labels, annotations = (_table(value.get(key), where, key) for key in _TABLES)
    return Entry(
        name=texts["name"],
        kubeconfig=texts[KUBECONFIG],
        context=texts["memberContext"],
        way=Way(texts["server"], texts["ca"], texts["tlsServerName"], texts["proxy"]),
        labels=labels,
        annotations=annotations,
        namespaces=namespaces,
        scope=texts["scope"],
    )


def _text(value: Any, where: str, key: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RegistrationError(f"{where}: {key} must be a string", field=key)
    return value


def _table(value: Any, where: str, key: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise RegistrationError(f"{where}: {key} must be an object of strings", field=key)
    return dict(value)


def _names(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise RegistrationError(f"{where}: namespaces must be a list of names", field="namespaces")
    try:
        return listed(value).namespaces or ()
    except RegistrationError as error:
        raise RegistrationError(f"{where}: {error.text}", field="namespaces") from None
