"""The ApplySet parent of a target: what was to be applied on the member, and which kinds it may hold.

Contract: written with the union of old and new kinds and namespaces before the first object of either, and
only when that changes it (H15); ``seal`` alone shrinks them, after a complete pass. A parent is a ConfigMap
in the namespace that fleethub has on the member. Its own namespace always belongs to a set's namespaces and
is not written, as KEP-3659 has it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet import names
from fleet.errors import NotFound
from fleet.kube import decode, listing, paths
from fleet.model import (
    ApplicationKey,
    GroupKind,
    Meta,
    ObjectRef,
    Recorded,
    Resource,
    Revision,
    TargetKey,
)
from fleet.sync import existing
from fleet.sync import namespace as namespaces_of_member
from fleet.sync.sets import parent_name, set_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.kube.request import Send

__all__ = [
    "RESOURCE",
    "Intent",
    "Parent",
    "declare",
    "read",
    "read_all",
    "remove",
    "seal",
    "set_id",
    "stands",
]

RESOURCE: Final = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)


def _tooling() -> str:
    try:
        return f"{names.PRODUCT}/{version(names.PRODUCT)}"
    except PackageNotFoundError:
        return f"{names.PRODUCT}/unknown"


_TOOLING: Final = _tooling()


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent as it stands on the member."""

    meta: Meta
    target: TargetKey
    recorded: Recorded
    kinds: frozenset[GroupKind]
    namespaces: frozenset[str]


@dataclass(frozen=True, slots=True)
class Intent:
    """What a pass is about to apply; ``kinds`` and ``namespaces`` are those of the desired objects."""

    target: TargetKey
    revisions: tuple[Revision, ...]
    render: str
    renderer: str
    kinds: frozenset[GroupKind]
    namespaces: frozenset[str]
    inputs: str = ""


async def read_all(send: Send, cluster: str, namespace: str = names.MEMBER_NAMESPACE) -> tuple[Parent, ...]:
    """All parents that fleethub keeps on ``cluster``; others' ApplySets are left out."""
    try:
        listed = await listing.read(send, RESOURCE, namespace, selector=names.APPLYSET_ID)
    except NotFound:
        return ()
    found = (read(item.meta, cluster) for item in listed.items)
    return tuple(parent for parent in found if parent is not None)


async def stands(send: Send, target: TargetKey, namespace: str) -> bool:
    """Whether the target has a parent there."""
    ref = ObjectRef("", "ConfigMap", namespace, parent_name(target.application))
    return await existing.read(send, RESOURCE, ref) is not None


def read(meta: Meta, cluster: str) -> Parent | None:
    """Read the parent that a ConfigMap's metadata is; None where it is none of fleethub's."""
    annotations = meta.annotations
    owner = annotations.get(names.SET_APPLICATION, "").partition("/")
    if not annotations.get(names.APPLYSET_TOOLING, "").startswith(f"{names.PRODUCT}/") or not owner[2]:
        return None
    target = TargetKey(ApplicationKey(owner[0], owner[2]), cluster)
    if meta.labels.get(names.APPLYSET_ID) != set_id(target, meta.ref.namespace):
        return None
    recorded = Recorded(
        target,
        _revisions(annotations.get(names.SET_REVISIONS, "")),
        annotations.get(names.SET_RENDER, ""),
        annotations.get(names.SET_RENDERER, ""),
        annotations.get(names.SET_SEAL),
        annotations.get(names.SET_INPUTS, ""),
    )
    additional = _words(annotations.get(names.APPLYSET_NAMESPACES, ""))
    kinds = frozenset(map(_kind, _words(annotations.get(names.APPLYSET_KINDS, ""))))
    return Parent(meta, target, recorded, kinds, additional | {meta.ref.namespace})


async def declare(
    send: Send, before: Parent | None, intent: Intent, namespace: str = names.MEMBER_NAMESPACE
) -> Parent:
    """Say what is about to be applied: at most one write, and none where the parent says it already.

    Kinds and namespaces are united with those that are there; another render takes off the seal. The
    namespace is made where it is missing.
    """
    kinds, namespaces, sealed = intent.kinds, intent.namespaces, None
    if before is not None:
        kinds, namespaces = kinds | before.kinds, namespaces | before.namespaces
        if before.recorded.render == intent.render:
            sealed = before.recorded.seal
    recorded = Recorded(
        intent.target, intent.revisions, intent.render, intent.renderer, sealed, intent.inputs
    )
    return await _write(send, before, recorded, (kinds, namespaces), namespace)


async def seal(
    send: Send, parent: Parent, seal: str, kinds: frozenset[GroupKind], namespaces: frozenset[str]
) -> Parent:
    """Record the digest of the members' entries, and exactly the kinds and namespaces that are left."""
    was = parent.recorded
    recorded = replace(was, seal=seal)
    return await _write(send, parent, recorded, (kinds, namespaces), parent.meta.ref.namespace)


async def remove(send: Send, parent: Parent) -> None:
    """Remove the parent, after its last member. Conflict where it was written since it was read."""
    meta = parent.meta
    try:
        await send(paths.delete(RESOURCE, meta.ref, uid=meta.uid, version=meta.version))
    except NotFound:
        return


async def _write(
    send: Send,
    before: Parent | None,
    recorded: Recorded,
    reach: tuple[frozenset[GroupKind], frozenset[str]],
    namespace: str,
) -> Parent:
    ref = ObjectRef("", "ConfigMap", namespace, parent_name(recorded.target.application))
    labels = {names.APPLYSET_ID: set_id(recorded.target, namespace)}
    annotations = _annotations(recorded, reach, namespace)
    if before is not None and _says(before.meta, labels, annotations):
        return before
    body = orjson.dumps(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": ref.name,
                "namespace": namespace,
                "labels": labels,
                "annotations": annotations,
            },
        }
    )
    request = paths.apply(RESOURCE, ref, body, manager=names.FIELD_MANAGER)
    try:
        answer = await send(request)
    except NotFound:
        await namespaces_of_member.ensure(send, namespace)
        answer = await send(request)
    kinds, namespaces = reach
    return Parent(
        decode.meta(answer.body, RESOURCE), recorded.target, recorded, kinds, namespaces | {namespace}
    )


def _annotations(
    recorded: Recorded, reach: tuple[frozenset[GroupKind], frozenset[str]], namespace: str
) -> dict[str, str]:
    kinds, namespaces = reach
    revisions: list[Any] = [revision._asdict() for revision in recorded.revisions]
    annotations = {
        names.APPLYSET_TOOLING: _TOOLING,
        names.APPLYSET_KINDS: ",".join(sorted(map(str, kinds))),
        names.APPLYSET_NAMESPACES: ",".join(sorted(namespaces - {namespace, ""})),
        names.SET_APPLICATION: str(recorded.target.application),
        names.SET_REVISIONS: orjson.dumps(revisions).decode(),
        names.SET_RENDER: recorded.render,
        names.SET_RENDERER: recorded.renderer,
    }
    if recorded.seal is not None:
        annotations[names.SET_SEAL] = recorded.seal
    if recorded.inputs:
        annotations[names.SET_INPUTS] = recorded.inputs
    return annotations


def _says(meta: Meta, labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
    """Whether all stands there; another version of us will do, or an upgrade would rewrite every parent."""
    seal = meta.annotations.get(names.SET_SEAL)
    return (
        seal == annotations.get(names.SET_SEAL)
        and meta.annotations.get(names.SET_INPUTS) == annotations.get(names.SET_INPUTS)
        and all(meta.labels.get(key) == value for key, value in labels.items())
        and meta.annotations.get(names.APPLYSET_TOOLING, "").startswith(f"{names.PRODUCT}/")
        and all(
            meta.annotations.get(key) == value
            for key, value in annotations.items()
            if key != names.APPLYSET_TOOLING
        )
    )


def _revisions(text: str) -> tuple[Revision, ...]:
    """What a parent says it was made from; nothing where anything of it is no word: a hand can write the annotation."""
    try:
        found = [Revision(item["repo"], item["commit"], item["ref"]) for item in orjson.loads(text)]
    except (ValueError, TypeError, KeyError):
        return ()
    return tuple(found) if all(isinstance(word, str) for one in found for word in one) else ()


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())


def _kind(text: str) -> GroupKind:
    kind, _, group = text.partition(".")
    return GroupKind(group, kind)
