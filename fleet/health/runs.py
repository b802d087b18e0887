"""Pod, Job, CronJob: what runs and ends.

Source: Argo CD's gitops-engine, pkg/health, in behaviour.
"""

from __future__ import annotations

from typing import Final

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
    verdict,
    word,
)
from fleet.model import Health

# Reasons that are named; another one that tells of an error may say anything.
_STUCK: Final = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


def job(found: Object) -> Assessment:
    """Degraded when failed, Healthy when complete."""
    halted = stands(found, "Suspended") or table(found, "spec").get("suspend") is True
    return verdict(
        (stands(found, "Failed"), degraded("it failed")),
        (stands(found, "Complete") or stands(found, "SuccessCriteriaMet"), HEALTHY),
        (halted, suspended("it is suspended")),
        (True, progressing("it runs")),
    )


def cron_job(found: Object) -> Assessment:
    """Suspended or Healthy: its Jobs speak for themselves."""
    return verdict((table(found, "spec").get("suspend") is True, suspended("it is suspended")))


def pod(found: Object) -> Assessment:
    """By phase, readiness, and what holds a container up."""
    phase = word(table(found, "status"), "phase")
    # One that ends by itself may get over such an error; waiting for its end is the caller's.
    stuck = _stuck(found) if _stays(found) else ""
    unschedulable = condition(found, "PodScheduled").get("reason") == "Unschedulable"
    waits = "no node takes it" if unschedulable else "it is pending"
    return verdict(
        (stuck != "", degraded(f"a container waits: {stuck}")),
        (phase == "Failed", degraded("it failed")),
        (phase == "Succeeded", HEALTHY),
        (phase == "Pending", progressing(waits)),
        (phase == "Running", _running(found)),
        (True, Assessment(Health.UNKNOWN, "it has no phase that is known")),
    )


def _running(found: Object) -> Assessment:
    ended = any(
        table(one, "lastState", "terminated") for one in items(table(found, "status"), _CONTAINERS[1])
    )
    return verdict(
        (not _stays(found), progressing("it runs")),
        (stands(found, "Ready"), HEALTHY),
        (ended, degraded("it is not ready, and a container ended before")),
        (True, progressing("it is not ready")),
    )


def _stays(found: Object) -> bool:
    return (word(table(found, "spec"), "restartPolicy") or "Always") == "Always"


def _stuck(found: Object) -> str:
    for kind in _CONTAINERS:
        for container in items(table(found, "status"), kind):
            reason = word(table(container, "state", "waiting"), "reason")
            if reason in _STUCK:
                return reason
            if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
                return "an error"
    return ""


_CONTAINERS: Final = ("initContainerStatuses", "containerStatuses")
