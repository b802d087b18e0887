"""Pod, Job, CronJob: what runs and ends.

Source: Argo CD's gitops-engine, pkg/health, in behaviour.
"""

from __future__ import annotations

from fleet.health.reading import (
    HEALTHY,
    Assessment,
    Object,
    condition,
    degraded,
    items,
    progressing,
    stands,
    suspended,
    table,
    word,
)
from fleet.model import Health

_STUCK = ("CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "InvalidImageName")


def job(found: Object) -> Assessment:
    """Degraded when failed, Healthy when complete."""
    if stands(found, "Failed"):
        return degraded("it failed")
    if stands(found, "Complete") or stands(found, "SuccessCriteriaMet"):
        return HEALTHY
    if stands(found, "Suspended") or table(found, "spec").get("suspend") is True:
        return suspended("it is suspended")
    return progressing("it runs")


def cron_job(found: Object) -> Assessment:
    """Suspended or Healthy: its Jobs speak for themselves."""
    if table(found, "spec").get("suspend") is True:
        return suspended("it is suspended")
    return HEALTHY


def pod(found: Object) -> Assessment:
    """By phase, readiness, and what holds a container up."""
    status = table(found, "status")
    phase = word(status, "phase")
    restarts = word(table(found, "spec"), "restartPolicy") or "Always"
    for container in (*items(status, "initContainerStatuses"), *items(status, "containerStatuses")):
        reason = word(table(container, "state", "waiting"), "reason")
        if restarts == "Always" and (
            reason.startswith("Err") or reason.endswith("Error") or reason.endswith("BackOff")
        ):
            return degraded(f"a container waits: {reason if reason in _KNOWN else 'an error'}")
    if phase == "Failed":
        return degraded("it failed")
    if phase == "Succeeded":
        return HEALTHY
    if phase == "Running":
        if restarts != "Always":
            return progressing("it runs")
        if stands(found, "Ready"):
            return HEALTHY
        if any(
            table(container, "lastState", "terminated") for container in items(status, "containerStatuses")
        ):
            return degraded("it is not ready, and a container ended before")
        return progressing("it is not ready")
    if phase == "Pending":
        unschedulable = condition(found, "PodScheduled").get("reason") == "Unschedulable"
        return progressing("no node takes it" if unschedulable else "it is pending")
    return Assessment(Health.UNKNOWN, "it has no phase that is known")


_KNOWN = frozenset(
    {
        *_STUCK,
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "RunContainerError",
        "ImageInspectError",
    }
)
