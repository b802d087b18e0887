"""Deployment, StatefulSet, DaemonSet, ReplicaSet: replicas asked for against replicas that are there.

Source: Argo CD's gitops-engine, pkg/health, in behaviour; besides, one that no controller has looked at yet
is Progressing, whatever its numbers.
"""

from __future__ import annotations

from fleet.health.reading import (
    Assessment,
    Object,
    condition,
    degraded,
    number,
    progressing,
    seen,
    stands,
    suspended,
    table,
    verdict,
    word,
)

_UNSEEN = progressing("its controller has not seen the newest generation yet")
_ON_DELETE = "OnDelete"


def deployment(found: Object) -> Assessment:
    """Suspended when paused, Degraded past its progress deadline, else by its replicas."""
    spec, status = table(found, "spec"), table(found, "status")
    wanted = number(spec, "replicas", 1)
    updated = number(status, "updatedReplicas")
    old = number(status, "replicas") - updated
    available = number(status, "availableReplicas")
    late = condition(found, "Progressing").get("reason") == "ProgressDeadlineExceeded"
    return verdict(
        (spec.get("paused") is True, suspended("it is paused")),
        (not seen(found), _UNSEEN),
        (late, degraded("it exceeded its progress deadline")),
        (updated < wanted, progressing(f"{updated} of {wanted} replicas are updated")),
        (old > 0, progressing(f"{old} old replicas are still there")),
        (available < updated, progressing(f"{available} of {updated} replicas are available")),
    )


def stateful_set(found: Object) -> Assessment:
    """By ready and updated replicas; an update by hand or a partition is taken as it is meant."""
    spec, status = table(found, "spec"), table(found, "status")
    wanted = number(spec, "replicas", 1)
    ready = number(status, "readyReplicas")
    updated = number(status, "updatedReplicas")
    by_hand = word(table(spec, "updateStrategy"), "type") == _ON_DELETE
    partition = 0 if by_hand else number(table(spec, "updateStrategy", "rollingUpdate"), "partition")
    due = max(wanted - partition, 0)
    rolling = word(status, "updateRevision") != word(status, "currentRevision") and not (by_hand or partition)
    return verdict(
        (not seen(found), _UNSEEN),
        (ready < wanted, progressing(f"{ready} of {wanted} replicas are ready")),
        (partition > 0 and updated < due, progressing(f"{updated} of {due} replicas are updated")),
        (rolling, progressing(f"{updated} of {wanted} replicas are updated")),
    )


def daemon_set(found: Object) -> Assessment:
    """By updated and available pods; of an update by hand the available ones alone."""
    status = table(found, "status")
    by_hand = word(table(found, "spec", "updateStrategy"), "type") == _ON_DELETE
    wanted = number(status, "desiredNumberScheduled")
    updated = number(status, "updatedNumberScheduled")
    available = number(status, "numberAvailable")
    return verdict(
        (not seen(found), _UNSEEN),
        (updated < wanted and not by_hand, progressing(f"{updated} of {wanted} pods are updated")),
        (available < wanted, progressing(f"{available} of {wanted} pods are available")),
    )


def replica_set(found: Object) -> Assessment:
    """By available replicas; a ReplicationController's states are the same."""
    wanted = number(table(found, "spec"), "replicas", 1)
    available = number(table(found, "status"), "availableReplicas")
    return verdict(
        (not seen(found), _UNSEEN),
        (stands(found, "ReplicaFailure"), degraded("its replicas cannot be made")),
        (available < wanted, progressing(f"{available} of {wanted} replicas are available")),
    )
