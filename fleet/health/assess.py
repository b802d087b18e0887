"""The table of kinds, and who needs to be read whole for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.health import others, runs, workloads
from fleet.health.reading import Assessment, Object, progressing, table, word
from fleet.model import Health
from fleet.names import APPLICATION, CLUSTER, GROUP, PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Assessment", "assess", "needs_object", "worst"]

_TABLE: Final[Mapping[tuple[str, str], Callable[[Object], Assessment]]] = {
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("", "ReplicationController"): workloads.replica_set,
    ("", "Pod"): runs.pod,
    ("batch", "Job"): runs.job,
    ("batch", "CronJob"): runs.cron_job,
    ("", "Service"): others.service,
    ("networking.k8s.io", "Ingress"): others.ingress,
    ("", "PersistentVolumeClaim"): others.claim,
    ("autoscaling", "HorizontalPodAutoscaler"): others.scaler,
    ("apiregistration.k8s.io", "APIService"): others.api_service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): others.definition,
    ("", "Namespace"): others.namespace,
    (GROUP, APPLICATION): others.application,
    (GROUP, CLUSTER): others.cluster,
    (GROUP, PROJECT): others.project,
}
# Kubernetes' own groups; that a group ends in k8s.io says nothing (gateway.networking.k8s.io is a CRD's).
_BUILT_IN: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)


def assess(found: Object) -> Assessment:
    """How an object fares; it says its apiVersion and kind itself."""
    if table(found, "metadata").get("deletionTimestamp"):
        return progressing("it is being deleted")
    group, _, _ = word(found, "apiVersion").rpartition("/")
    return _TABLE.get((group, word(found, "kind")), others.by_conditions)(found)


def needs_object(group: str, kind: str) -> bool:
    """Whether health can only be told from the whole object: kinds of the table, and all custom ones.

    Kubernetes' own kinds without a row (ConfigMap, Secret, Role, ...) have no health: metadata are enough.
    """
    return (group, kind) in _TABLE or group not in _BUILT_IN


def worst(healths: Iterable[Health]) -> Health:
    """The worst of some; Healthy where there is none."""
    return max(healths, default=Health.HEALTHY)
