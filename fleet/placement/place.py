"""An Application and the clusters there are -> the names of the clusters that it goes to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.api.selector import matches
from fleet.model import Fault
from fleet.names import HUB_CLUSTER

if TYPE_CHECKING:
    from fleet.api.application import Application, Destination
    from fleet.api.cluster import Cluster

MISSING: Final = "PlacementMissing"
UNKNOWN: Final = "ClusterUnknown"
AMBIGUOUS: Final = "ClusterAmbiguous"

_IN_CLUSTER_SERVER: Final = "https://kubernetes.default.svc"
_IN_CLUSTER_NAME: Final = "in-cluster"
_HINT: Final = (
    "the hub's own cluster is no cluster of the fleet by itself: register it under a name, or write "
    "placement.hub: true for an app of apps"
)
_DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Placed:
    """Names of clusters, sorted, each once; ``faults`` say what could not be placed and hinder no other."""

    names: tuple[str, ...]
    faults: tuple[Fault, ...] = ()


def place(application: Application, clusters: Iterable[Cluster]) -> Placed:
    """Where the Application goes among ``clusters``; ``@hub`` for an app of apps."""
    placement = application.spec.placement
    if placement is None:
        destination = application.spec.destination
        return Placed((), (_missing(),)) if destination is None else _destined(destination, clusters)
    if placement.hub:
        return Placed((HUB_CLUSTER,))
    if placement.cluster_selector is not None:
        selector = placement.cluster_selector
        return Placed(
            tuple(sorted(each.metadata.name for each in clusters if matches(selector, each.metadata.labels)))
        )
    if not placement.clusters:
        return Placed((), (_missing(),))
    known = {each.metadata.name for each in clusters}
    asked = sorted(set(placement.clusters))
    return Placed(
        tuple(name for name in asked if name in known),
        tuple(_unknown(name) for name in asked if name not in known),
    )


def takes(application: Application, cluster: Cluster) -> bool:
    """Whether the Application asks for this cluster, whatever others there are."""
    placement, destination = application.spec.placement, application.spec.destination
    if placement is not None:
        if placement.cluster_selector is not None:
            return matches(placement.cluster_selector, cluster.metadata.labels)
        return cluster.metadata.name in placement.clusters
    if destination is None:
        return False
    if destination.name is not None:
        return destination.name == cluster.metadata.name
    return server_key(destination.server or "") == server_key(cluster.spec.server or "")


def server_key(server: str) -> str:
    """One form of the spellings of a server's URL: host in lower case, no default port, no slash at the end."""
    scheme, _, rest = server.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.lower().removesuffix(':443')}{slash}{path}".rstrip("/")


def namespace(application: Application) -> str:
    """The namespace of manifests that name none."""
    spec = application.spec
    if spec.namespace is not None:
        return spec.namespace
    if spec.destination is not None:
        return spec.destination.namespace or _DEFAULT_NAMESPACE
    if spec.placement is not None and spec.placement.hub:
        return application.metadata.namespace
    return _DEFAULT_NAMESPACE


def _destined(destination: Destination, clusters: Iterable[Cluster]) -> Placed:
    if destination.name is not None:
        if any(each.metadata.name == destination.name for each in clusters):
            return Placed((destination.name,))
        if destination.name == _IN_CLUSTER_NAME:
            return Placed((), (Fault(None, UNKNOWN, _HINT, "spec.destination.name"),))
        return Placed((), (_unknown(destination.name, "spec.destination.name"),))
    wanted = server_key(destination.server or "")
    found = sorted(
        each.metadata.name for each in clusters if each.spec.server and server_key(each.spec.server) == wanted
    )
    if len(found) == 1:
        return Placed((found[0],))
    field = "spec.destination.server"
    if found:
        text = f"the clusters {', '.join(found[:5])} have this server: name one in spec.destination.name"
        return Placed((), (Fault(None, AMBIGUOUS, text, field),))
    text = _HINT if wanted == _IN_CLUSTER_SERVER else "no Cluster has this server"
    return Placed((), (Fault(None, UNKNOWN, text, field),))


def _missing() -> Fault:
    text = "it is placed nowhere: give placement.clusters, placement.clusterSelector or placement.hub"
    return Fault(None, MISSING, text, "spec.placement")


def _unknown(name: str, field: str = "spec.placement.clusters") -> Fault:
    return Fault(None, UNKNOWN, f"there is no Cluster {name}", field)
