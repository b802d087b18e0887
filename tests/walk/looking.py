"""What is live, how it differs from what has to be, and whether the hub has come to rest.

Contract: members are asked directly, past whatever cuts the hub off. The hub is at rest when it has seen all
that is, nothing is in hand and nothing is due; what waits for a later time does not count.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from fleet import names
from fleet.mailbox import Mailbox
from fleet.model import ApplicationKey, ObjectRef, TargetKey
from fleet.sync.sets import set_id
from fleet.worker.sightings import newer
from tests.stage.theatre import Theatre
from tests.walk import model
from tests.walk.stagehand import FOREIGN, GROUPS, Stagehand, digest, value_of
from tests.walk.values import CLUSTERS, Ref, State


@dataclass(frozen=True)
class Seen:
    """An object as it lives."""

    value: int | str
    label: str
    uid: str
    version: str


Sight = dict[str, dict[Ref, Seen]]


async def look(theatre: Theatre) -> Sight:
    """All objects of the walk's kinds in its namespace, those of others too."""
    wanted = [(cluster, kind) for cluster in CLUSTERS for kind in GROUPS]
    lists = await asyncio.gather(
        *(theatre.members[cluster].list(kind, theatre.namespace) for cluster, kind in wanted)
    )
    found: Sight = {cluster: {} for cluster in CLUSTERS}
    for (cluster, kind), items in zip(wanted, lists, strict=True):
        for item in items:
            metadata = item["metadata"]
            found[cluster][Ref(kind, metadata["name"])] = Seen(
                value_of(kind, item),
                (metadata.get("labels") or {}).get(names.APPLYSET_PART_OF, ""),
                metadata["uid"],
                metadata["resourceVersion"],
            )
    return found


def differences(sight: Sight, state: State) -> list[str]:
    """A line for each object that is not as the model has it."""
    lines = []
    for cluster, wanted in model.expected(state).items():
        live = {ref: seen for ref, seen in sight[cluster].items() if ref.name not in FOREIGN}
        for ref in sorted(wanted.keys() | live.keys()):
            want, seen = wanted.get(ref), live.get(ref)
            if want is None:
                lines.append(f"{cluster}: {ref} is there ({seen}) and should not be")
            elif seen is None:
                lines.append(f"{cluster}: {ref} is not there, should be {want}")
            else:
                label = set_of(want.owner, cluster) if want.owner else ""
                if seen.value != want.value or seen.label != label:
                    whose = "" if seen.label == label else f", of another set than {want.owner}'s"
                    lines.append(f"{cluster}: {ref} is {seen.value}{whose}, should be {want}")
    return lines


async def told(theatre: Theatre) -> list[str]:
    """What the Applications say of themselves, as far as it is not that all is well."""
    lines = []
    for change, held in theatre.hub.changes._open.items() if theatre.running is not None else ():
        words = {
            word: sorted(key.name for key in getattr(held, word)) for word in ("waits", "leaving", "looked")
        }
        lines.append(f"change {change.serial}{' (the first look)' if held.first else ''}: {words}")
    for item in await theatre.api.list("Application", names.HUB_NAMESPACE):
        if "deletionTimestamp" in item["metadata"]:
            lines.append(f"{item['metadata']['name']} is being deleted")
        for one in (item.get("status") or {}).get("conditions", ()):
            if one["status"] == "True" and one["type"] not in ("Ready", "Reconciling", "Stalled"):
                path = item["spec"]["source"]["path"]
                lines.append(f"{item['metadata']['name']} ({path}): {one['type']}: {one['message']}")
    return lines


def set_of(app: str, cluster: str) -> str:
    """The label of an Application's objects."""
    return set_id(TargetKey(ApplicationKey(names.HUB_NAMESPACE, app), cluster))


async def unrest(stagehand: Stagehand, state: State, sight: Sight) -> str:
    """What the hub has not seen or not done yet; empty where it is at rest."""
    theatre = stagehand.theatre
    if theatre.running is None:
        return ""
    if theatre.running.task.done():
        await theatre.running.task
        return "the hub has ended"
    return (
        await _objects(theatre, state)
        or _hub(theatre)
        or await _request(stagehand)
        or next((said for name in CLUSTERS if (said := _member(theatre, state, name, sight))), "")
    )


async def _objects(theatre: Theatre, state: State) -> str:
    """Whether the hub's own objects are those of the model, and seen."""
    hub = theatre.hub
    items = await theatre.api.list("Application", names.HUB_NAMESPACE)
    there = {item["metadata"]["name"]: "deletionTimestamp" in item["metadata"] for item in items}
    wanted = {app.name: app.deleting for app in state.apps.values()}
    if there != wanted:
        unlike = sorted(set(there.items()) ^ set(wanted.items()))
        return f"Applications (and whether they are being deleted) differ: {unlike}"
    for item in items:
        name, notes = item["metadata"]["name"], item["metadata"].get("annotations") or {}
        placed = set(filter(None, notes.get(names.PLACED, "").split(","))) - {names.HUB_CLUSTER}
        if placed != (given := {target.cluster for target in state.placed if target.app == name}):
            return f"{name} is placed on {sorted(placed)}, should be on {sorted(given)}"
        kept = state.memory.held.get(name)
        wanted_sets = [digest(kept, theatre.namespace)] if kept else []
        if (sets := (item.get("status") or {}).get("deletionHeld") or []) != wanted_sets:
            return f"the guard holds {sets} of {name}, should hold {wanted_sets}"
        if _unseen(hub.world.applications.get(_key(item)), item["metadata"]):
            return f"the hub has not seen {item['metadata']['name']} as it is"
    for item in await theatre.api.list("Cluster", names.HUB_NAMESPACE):
        name, labels = item["metadata"]["name"], item["metadata"].get("labels") or {}
        member = state.members[name]
        if not member.labels.items() <= labels.items():
            return f"Cluster {name} does not have the labels of its Secret"
        known = hub.world.clusters.get(_key(item))
        if _unseen(known, item["metadata"]) or known is None or known.metadata.get("labels") != labels:
            return f"the hub has not seen Cluster {name} as it is"
    return ""


def _key(item: dict[str, Any]) -> ApplicationKey:
    return ApplicationKey(item["metadata"]["namespace"], item["metadata"]["name"])


def _unseen(known: Any, metadata: dict[str, Any]) -> bool:
    return (
        known is None
        or known.uid != metadata["uid"]
        or known.generation != metadata.get("generation", 0)
        or known.deleting != ("deletionTimestamp" in metadata)
    )


def _hub(theatre: Theatre) -> str:
    hub = theatre.hub
    head = theatre.repo.head()
    for repository in hub.repositories.known():
        if repository.refs is None or repository.refs.heads.get("main") != head:
            return f"the newest commit has not been seen: {repository.refs and dict(repository.refs.heads)}"
    if hub.changes._arriving:
        return "commits arrive"
    if due := _due(hub.queue):
        return f"Applications are due: {due}"
    if hub._spawned:
        return "withdrawals are being written down"
    if due := _due(_box(hub, names.HUB_CLUSTER)):
        return f"roots are due: {due}"
    return ""


def _box(hub: Any, name: str) -> Mailbox[Any, Any]:
    box: Mailbox[Any, Any] = hub.roster.get(name)._box
    return box


def _due(box: Mailbox[Any, Any]) -> str:
    now = box._clock.boottime()
    keys = [*box._held, *(key for key, waiting in box._waiting.items() if waiting.due <= now)]
    return ", ".join(sorted(str(key) for key in keys))


async def _request(stagehand: Stagehand) -> str:
    if stagehand.asked is None:
        return ""
    name, request = stagehand.asked
    last = (await stagehand.theatre.status(name)).get("lastSync") or {}
    if last.get("request") == request and last.get("phase") == "Succeeded":
        stagehand.asked = None
        return ""
    return f"the sync of {name} is {last}"


def _member(theatre: Theatre, state: State, name: str, sight: Sight) -> str:
    member = state.members[name]
    if not member.up:
        return ""
    worker = theatre.hub.roster.get(name)
    if worker is None or worker.running is None:
        return f"{name} is not connected"
    if due := _due(_box(theatre.hub, name)):
        return f"targets on {name} are due: {due}"
    if worker.running._dirty:
        return f"changes on {name} are being folded"
    sightings = worker.running.member.sightings
    place = theatre.namespace
    for ref, one in member.live.items():
        seen, live = (
            sightings.get(ObjectRef(GROUPS[ref.kind], ref.kind, place, ref.name)),
            sight[name].get(ref),
        )
        if one.owner and live and (seen is None or newer(live.version, seen.version)):
            return f"the hub has not seen {ref} on {name} as it is"
    for set_id_ in sightings.sets():
        for known in sightings.members(set_id_):
            if known.namespace == place and Ref(known.kind, known.name) not in member.live:
                return f"the hub has not seen {known} go from {name}"
    return ""
