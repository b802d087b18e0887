"""Whether clusters have what they are to have: Ready, and the first sync of all that selects them done.

Contract: what an Application selects is judged here from its placement, by the hub's own rule: what the hub says of
its targets may be from before a cluster came. The hub's live API is asked only where the status does not tell all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.api.application import Application
from fleet.api.cluster import Cluster
from fleet.cli import objects
from fleet.cli.app import columns
from fleet.cli.live import Live
from fleet.placement import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fleet.cli.session import Session

_MOST: Final = 3  # Applications that a line names


class Syncing:
    """The clusters of these names, of this selector, or all. ``count`` is how many the last look had."""

    def __init__(self, session: Session, wanted: Sequence[str], selector: str) -> None:
        self._session = session
        self._wanted = wanted
        self._selector = selector
        self._live = Live(session)
        self.count = 0

    async def left(self) -> list[str]:
        """Give a line for each cluster or app of apps that is not yet so far."""
        hub = self._session.hub
        everything = await objects.listed(self._session.send, names.CLUSTER, hub.hub_namespace)
        clusters = await self._chosen(everything)
        lines = [f"{name}: there is no such Cluster yet" for name, body in clusters.items() if body is None]
        if not clusters:
            lines.append("there is no cluster yet" + (f" with {self._selector}" if self._selector else ""))
        self.count = len(clusters)
        applications = await objects.listed(self._session.send, names.APPLICATION, None)
        for name, body in clusters.items():
            ready = objects.condition(body or {}, "Ready")
            if body is not None and ready.get("status") != "True":
                lines.append(
                    f"{name}: {ready.get('message') or 'the hub has not taken it up yet; does it run?'}"
                )
        lines += _roots(applications)
        # While an app of apps has more to bring, the list of what selects a cluster is not whole.
        return lines or await self._unsynced(applications, everything, clusters)

    async def _chosen(self, everything: list[dict[str, Any]]) -> dict[str, dict[str, Any] | None]:
        by_name = {one["metadata"]["name"]: one for one in everything}
        found: dict[str, dict[str, Any] | None] = {name: by_name.get(name) for name in self._wanted}
        if self._selector:
            hub = self._session.hub
            chosen = await objects.listed(
                self._session.send, names.CLUSTER, hub.hub_namespace, self._selector
            )
            found.update({one["metadata"]["name"]: one for one in chosen})
        return found if self._wanted or self._selector else dict(by_name)

    async def _unsynced(
        self,
        applications: Iterable[dict[str, Any]],
        everything: Iterable[dict[str, Any]],
        clusters: Mapping[str, dict[str, Any] | None],
    ) -> list[str]:
        models = [model for body in everything if (model := _cluster(body)) is not None]
        missing: dict[str, list[str]] = {}
        for body in applications:
            placed = _placed(body, models)
            if _synced_everywhere(body, len(placed)):
                continue
            for name in placed:
                if name in clusters:
                    missing.setdefault(name, []).append(_key(body))
        lines = []
        for name, keys in sorted(missing.items()):
            there = await self._synced_at(name)
            if left := [key for key in keys if key not in there]:
                more = f" and {len(left) - _MOST} more" if len(left) > _MOST else ""
                lines.append(f"{name}: not yet synced: {', '.join(left[:_MOST])}{more}")
        return lines

    async def _synced_at(self, name: str) -> set[str]:
        """The Applications that are synced on a cluster, as the hub says it now."""
        live = await self._live.get(f"/clusters/{name}")
        targets = (live or {}).get("targets") or []
        return {one["application"] for one in targets if one["sync"] == "Synced"}


def _roots(applications: Iterable[dict[str, Any]]) -> Iterator[str]:
    for body in applications:
        spec = body.get("spec") or {}
        if not (spec.get("placement") or {}).get("hub") or not _automated(spec):
            continue
        if not columns.observed(body) or columns.status(body).get("sync") != "Synced":
            message = objects.condition(body, "Ready").get("message", "the hub has not looked at it yet")
            yield f"app of apps {_key(body)}: {message}"


def _placed(body: dict[str, Any], clusters: Sequence[Cluster]) -> tuple[str, ...]:
    """The clusters that are to have an Application without anybody's word."""
    if not _automated(body.get("spec") or {}) or body["metadata"].get("deletionTimestamp"):
        return ()
    try:
        application = Application.model_validate(body)
    except ValueError:  # its own status says so
        return ()
    return tuple(name for name in place.place(application, clusters).names if name != names.HUB_CLUSTER)


def _synced_everywhere(body: dict[str, Any], count: int) -> bool:
    held = columns.status(body)
    score = held.get("clusters") == f"{count}/{count}"
    return count == 0 or (columns.observed(body) and held.get("sync") == "Synced" and score)


def _automated(spec: Mapping[str, Any]) -> bool:
    return (spec.get("syncPolicy") or {}).get("automated") is not None


def _cluster(body: dict[str, Any]) -> Cluster | None:
    try:
        return Cluster.model_validate(body)
    except ValueError:
        return None


def _key(body: dict[str, Any]) -> str:
    metadata = body["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"
