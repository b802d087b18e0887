"""What the commands registered, as a ConfigMap of the hub's namespace: so that a list can say what became of it.

Contract: a record holds no credential; it is written after the registration and removed by ``cluster remove``. What
it says against is the Cluster alone, so a list needs no right to read Secrets.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.cli import objects
from fleet.cli.errors import CliError
from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.kube.request import Send

NAME: Final = "fleethub-registered"
AS_MADE: Final = "as made"
GONE: Final = "gone"
_LABELS: Final = {"app.kubernetes.io/managed-by": names.PRODUCT}

Record = dict[str, Any]


def record(
    server: str,
    identity: str,
    facts: tuple[Mapping[str, str], Mapping[str, str]],
    namespaces: tuple[str, ...] | None = None,
) -> Record:
    """Give the record of a registration; ``facts`` are its labels and annotations."""
    limited = {} if namespaces is None else {"namespaces": list(namespaces)}
    return {
        **limited,
        "server": server,
        "identity": identity,
        "labels": dict(facts[0]),
        "annotations": dict(facts[1]),
    }


async def write(send: Send, namespace: str, name: str, value: Record | None) -> None:
    """Keep a record, or with None forget it. Other records are left as they are."""
    content = None if value is None else json.dumps(value, sort_keys=True)
    at = objects.At(objects.CONFIG_MAP, namespace, NAME)
    if await objects.find(send, at) is None:
        if value is None:
            return
        metadata = {"name": NAME, "namespace": namespace, "labels": _LABELS}
        await objects.create(send, {"apiVersion": "v1", "kind": objects.CONFIG_MAP, "metadata": metadata})
    await objects.patch(send, at, {"data": {name: content}})


async def read(send: Send, namespace: str) -> dict[str, Record]:
    """Give all records by name; none where they cannot be read."""
    try:
        found = await objects.find(send, objects.At(objects.CONFIG_MAP, namespace, NAME))
    except (CliError, FleetError):
        return {}
    records = {}
    for name, text in ((found or {}).get("data") or {}).items():
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if isinstance(value, dict):
            records[name] = value
    return records


def became(value: Record | None, cluster: Mapping[str, Any] | None) -> str:
    """Say what became of a registration: as made, gone, changed or failed, and in what. Empty for none of ours."""
    if value is None:
        return ""
    if cluster is None:
        return GONE
    status = cluster.get("status") or {}
    if objects.condition(cluster, "IdentityChanged").get("status") == "True":
        return "changed: it reaches another cluster"
    if changed := _changed(value, cluster, status):
        return f"changed: {', '.join(changed)}"
    ready = objects.condition(cluster, "Ready")
    if ready.get("status") == "False":
        return f"failed: {ready.get('reason', '')}".rstrip(": ")
    return AS_MADE


def _changed(value: Record, cluster: Mapping[str, Any], status: Mapping[str, Any]) -> list[str]:
    metadata = cluster["metadata"]
    found = []
    server = status.get("server") or (cluster.get("spec") or {}).get("server") or ""
    if server and server != value.get("server"):
        found.append("server")
    if (status.get("identity") or value.get("identity")) != value.get("identity"):
        found.append("cluster")
    if sorted((cluster.get("spec") or {}).get("namespaces") or ()) != value.get("namespaces", []):
        found.append("namespaces")
    for part, word in (("labels", "label"), ("annotations", "annotation")):
        present = metadata.get(part) or {}
        found += [
            f"{word} {key}"
            for key, wanted in sorted((value.get(part) or {}).items())
            if present.get(key) != wanted
        ]
    return found
