"""Deployment, StatefulSet, DaemonSet, ReplicaSet: replicas asked for against replicas that are there.

Source: Argo CD's gitops-engine, pkg/health, in behaviour.
"""

from __future__ import annotations

from fleet.health.reading import (
    HEALTHY,
    Assessment,
    Object,
    condition,
    degraded,
    number,
    observed,
    progressing,
    stands,
    suspended,
    table,
    word,
)

_UNSEEN = "its controller has not seen the newest generation yet"


def deployment(found: Object) -> Assessment:
    """Suspended when paused, Degraded past its progress deadline, else by its replicas."""
    spec, status = table(found, "spec"), table(found, "status")
    if spec.get("paused") is True:
        return suspended("it is paused")
    if not observed(found):
        return progressing(_UNSEEN)
    if condition(found, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return degraded("it exceeded its progress deadline")
    wanted = number(spec, "replicas", 1)
    updated = number(status, "updatedReplicas")
    if updated < wanted:
        return progressing(f"{updated} of {wanted} replicas are updated")
    if number(status, "replicas") > updated:
        return progressing(f"{number(status, 'replicas') - updated} old replicas are still there")
    available = number(status, "availableReplicas")
    if available < updated:
        return progressing(f"{available} of {updated} replicas are available")
    return HEALTHY


def stateful_set(found: Object) -> Assessment:
    """By ready and updated replicas; an update by hand or a partition is taken as it is meant."""
    spec, status = table(found, "spec"), table(found, "status")
    if not observed(found):
        return progressing(_UNSEEN)
    wanted = number(spec, "replicas", 1)
    ready = number(status, "readyReplicas")
    if ready < wanted:
        return progressing(f"{ready} of {wanted} replicas are ready")
    strategy = table(spec, "updateStrategy")
    if word(strategy, "type") == "OnDelete":
        return HEALTHY
    partition = number(table(strategy, "rollingUpdate"), "partition")
    updated = number(status, "updatedReplicas")
    if partition > 0:
        if updated < wanted - partition:
            return progressing(f"{updated} of {wanted - partition} replicas past the partition are updated")
        return HEALTHY
    if word(status, "updateRevision") != word(status, "currentRevision"):
        return progressing(f"{updated} of {wanted} replicas are updated")
    return HEALTHY


def daemon_set(found: Object) -> Assessment:
    """By updated and available pods."""
    status = table(found, "status")
    if not observed(found):
        return progressing(_UNSEEN)
    wanted = number(status, "desiredNumberScheduled")
    if word(table(found, "spec", "updateStrategy"), "type") != "OnDelete":
        updated = number(status, "updatedNumberScheduled")
        if updated < wanted:
            return progressing(f"{updated} of {wanted} pods are updated")
    available = number(status, "numberAvailable")
    if available < wanted:
        return progressing(f"{available} of {wanted} pods are available")
    return HEALTHY


def replica_set(found: Object) -> Assessment:
    """By available replicas."""
    spec, status = table(found, "spec"), table(found, "status")
    if not observed(found):
        return progressing(_UNSEEN)
    if stands(found, "ReplicaFailure"):
        return degraded("its replicas cannot be made")
    wanted = number(spec, "replicas", 1)
    available = number(status, "availableReplicas")
    if available < wanted:
        return progressing(f"{available} of {wanted} replicas are available")
    return HEALTHY
