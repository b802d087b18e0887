"""Which objects of a hub are its own, so that a new one can be made of them and Git. Pure.

Contract: what Git gives back is left out, but for Secrets, without which the hub may not get at Git. Applications count
in every namespace, all else in the hub's own. What asks for
something once (a sync, a take-over, a confirmation) is left out too: a new hub must not be asked again what the former
one was. Statuses are learnt anew. A Cluster that is made from a Secret is kept for what it says besides: that it is
paused, labels that a person gave it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fleet import names
from fleet.backup.age import BackupUnreadable
from fleet.errors import FleetError
from fleet.secrets import keys

FORMAT: Final = f"{names.GROUP}/backup"
VERSION: Final = "2"
_FORMER: Final = f"{names.GROUP}/hub-namespace"
_OLDER: Final = "1"  # holds what was in the hub's own namespace alone
SECRET: Final = "Secret"  # noqa: S105 (a kind)
CONFIG_MAP: Final = "ConfigMap"
SERVICE_ACCOUNT: Final = "ServiceAccount"

_API_VERSIONS: Final = {
    SECRET: "v1",
    CONFIG_MAP: "v1",
    SERVICE_ACCOUNT: "v1",
    **dict.fromkeys(names.HUB_KINDS, names.API_VERSION),
}
# In the order in which they are made: whoever is told of a Cluster finds its Secret.
KINDS: Final = (SECRET, CONFIG_MAP, SERVICE_ACCOUNT, names.PROJECT, names.CLUSTER, names.APPLICATION)
EVERYWHERE: Final = frozenset({names.APPLICATION})  # the kinds that count in every namespace
_NAMED: Final = (names.API_SECRET, names.WEBHOOK_SECRET, names.DIGEST_KEY_SECRET)
_ONCE: Final = frozenset(
    {
        names.PLACED,
        names.SYNC,
        names.REFRESH,
        names.REFRESH_SECRETS,
        names.ABANDON,
        names.CONFIRM,
        names.LEAVING,
        names.TAKE_OVER,
        names.REPLACE,
        names.COLLECT,
        names.CLEAN,
        names.ROTATE,
        names.REVOKE,
        names.LAST_APPLIED,
    }
)
_OURS: Final = ("applyset.kubernetes.io/",)
_OF_SECRET: Final = {"server", "credential", "namespaces"}
_PARTS: Final = ("type", "immutable", "data", "spec", "automountServiceAccountToken")


class BackupMisplaced(FleetError):
    """What is in the file cannot be told apart in the namespace that is to be the hub's."""

    reason = "BackupMisplaced"


def counts(body: Mapping[str, Any], kind: str) -> bool:
    """Whether an object belongs into a backup; one of a kind that is not EVERYWHERE is in the hub's namespace."""
    metadata = body["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if metadata.get("deletionTimestamp"):
        return False
    if kind == SECRET:
        return names.SECRET_TYPE in labels or keys.LABEL in labels or metadata["name"] in _NAMED
    if kind == CONFIG_MAP:
        return bool(metadata["name"] == names.RINGS)
    if kind == SERVICE_ACCOUNT:
        return metadata["name"] not in ("default", names.PRODUCT)
    if kind == names.PROJECT and metadata["name"] == names.DEFAULT_PROJECT:
        return True  # from Git too: until Git has its way the one of an installation would count, which allows everything
    if names.APPLYSET_PART_OF in labels:
        return False
    return names.MADE_FROM not in annotations or _says_more(body)


def bare(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The object without what its server, and what a moment, made of it."""
    metadata = body["metadata"]
    kept: dict[str, Any] = {"name": metadata["name"], "namespace": metadata.get("namespace", "")}
    for part in ("labels", "annotations"):
        if found := _kept(body, part):
            kept[part] = found
    rest = {part: body[part] for part in _PARTS if part in body}
    return {"apiVersion": _API_VERSIONS[kind], "kind": kind, "metadata": kept, **rest}


def _says_more(made: Mapping[str, Any]) -> bool:
    """Whether a Cluster that is made from a Secret says anything that the Secret does not."""
    besides = {part for part, value in (made.get("spec") or {}).items() if value} - _OF_SECRET
    return bool(besides or _kept(made, "labels") or _kept(made, "annotations").keys() - {names.MADE_FROM})


def _kept(body: Mapping[str, Any], part: str) -> dict[str, str]:
    """Labels or annotations that stay: no asking, and of a Cluster nothing that the Secret it is made from says."""
    said = _said(body, part) if names.MADE_FROM in (body["metadata"].get("annotations") or {}) else set()
    return {
        key: value
        for key, value in (body["metadata"].get(part) or {}).items()
        if key not in _ONCE and not key.startswith(_OURS) and key not in said
    }


def _said(made: Mapping[str, Any], part: str) -> set[str]:
    return {
        key.removeprefix("f:")
        for entry in made["metadata"].get("managedFields") or []
        if entry.get("manager") == names.REGISTRATION_MANAGER
        for key in ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get(f"f:{part}") or {}
    } - {names.MADE_FROM}


def pack(items: Iterable[Mapping[str, Any]], made: str, namespace: str) -> bytes:
    """The content of a backup of the hub in ``namespace``: a List, as kubectl reads it."""
    metadata = {"annotations": {FORMAT: VERSION, _FORMER: namespace, f"{names.GROUP}/made": made}}
    return json.dumps(
        {"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": list(items)}
    ).encode()


def unpack(content: bytes, namespace: str) -> list[dict[str, Any]]:
    """Its objects, for a hub in ``namespace``, in the order in which they are to be made.

    What was in the former hub's namespace is in ``namespace`` then; other namespaces stay. Those of a kind stay in the
    order of the backup, which for Secrets is that in which they were written. Raises BackupUnreadable, and
    BackupMisplaced where an Application of another namespace would become one of the hub's own, which may name any Project.
    """
    try:
        found = json.loads(content)
        annotations = found["metadata"]["annotations"]
        version = annotations[FORMAT]
        former = annotations[_FORMER] if version == VERSION else ""
        items = list(found["items"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BackupUnreadable("it opens, and holds no backup of a hub") from None
    if version not in (_OLDER, VERSION):
        raise BackupUnreadable("it was made by a version of fleethub that this one does not know")
    if version == VERSION and not (former and isinstance(former, str)):
        raise BackupUnreadable("it does not say which namespace was the hub's")
    made = []
    for one in items:
        kind = str(one.get("kind")) if isinstance(one, dict) else ""
        try:
            ours = kind in KINDS and one["apiVersion"] == _API_VERSIONS[kind] and counts(one, kind)
            # Whoever knows a recipient can make such a file: no more of it is taken than a backup holds.
            kept = bare(one, kind) if ours else {}
        except (KeyError, TypeError, AttributeError):
            kept = {}
        if not kept:
            raise BackupUnreadable("it holds an object that belongs to no hub")
        made.append(_placed(kept, former, namespace) if former else _within(kept, namespace))
    return sorted(made, key=lambda one: KINDS.index(one["kind"]))


def _placed(one: dict[str, Any], former: str, namespace: str) -> dict[str, Any]:
    """The object where it is to be made, when the hub moves from the namespace ``former`` to ``namespace``."""
    place = one["metadata"]["namespace"]
    if place == former:
        return _within(one, namespace)
    if one["kind"] not in EVERYWHERE or not (place and isinstance(place, str)):
        raise BackupUnreadable("it holds an object that belongs to no hub")
    if place == namespace:
        raise BackupMisplaced(
            f"{one['kind']} {place}/{one['metadata']['name']} was not in the namespace of the former hub, {former}, "
            f"and would be in that of the new one: give another --hub-namespace"
        )
    return one


def _within(one: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {**one, "metadata": {**one["metadata"], "namespace": namespace}}


def differs(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    """Whether what is there says something else; labels and annotations that came since do not count."""
    for part in _PARTS:
        if (wanted.get(part) or None) != (present.get(part) or None):
            return True
    for part in ("labels", "annotations"):
        has = present["metadata"].get(part) or {}
        if not (wanted["metadata"].get(part) or {}).items() <= has.items():
            return True
    return False


def over(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """What puts ``wanted`` in the place of ``present``, in one write that is refused if somebody else writes first."""
    metadata = {key: value for key, value in present["metadata"].items() if key != "managedFields"}
    for part in ("labels", "annotations"):
        metadata[part] = {**(metadata.get(part) or {}), **(wanted["metadata"].get(part) or {})}
    rest = {key: value for key, value in present.items() if key not in _PARTS}
    return {**rest, **wanted, "metadata": metadata}
