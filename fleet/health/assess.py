"""The table of kinds, and who needs to be read whole for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from fleet.health import others, runs, workloads
from fleet.health.reading import Assessment, Object, word
from fleet.model import Health
from fleet.names import GROUP

__all__ = ["Assessment", "assess", "needs_object", "worst"]

_TABLE: Final[Mapping[tuple[str, str], Callable[[Object], Assessment]]] = {
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
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
    (GROUP, "Application"): others.application,
    (GROUP, "Cluster"): others.cluster,
    (GROUP, "Project"): others.project,
}


def assess(found: Mapping[str, Any]) -> Assessment:
    """How an object fares."""
    group, _, _ = word(found, "apiVersion").rpartition("/")
    return _TABLE.get((group, word(found, "kind")), others.by_conditions)(found)


def needs_object(group: str, kind: str) -> bool:
    """Whether health can only be told from the whole object: kinds of the table, and all custom ones.

    Kubernetes' own kinds without a row (ConfigMap, Secret, Role, ...) have no health: metadata are enough.
    """
    if (group, kind) in _TABLE:
        return True
    return "." in group and not group.endswith(".k8s.io")


def worst(healths: Iterable[Health]) -> Health:
    """The worst of some; Healthy where there is none."""
    return max(healths, default=Health.HEALTHY)
