"""Services, claims, scalers, namespaces, definitions, and the hub's own kinds."""

from __future__ import annotations

from fleet.health.reading import (
    HEALTHY,
    Assessment,
    Object,
    condition,
    degraded,
    items,
    observed,
    progressing,
    stands,
    suspended,
    table,
    word,
)
from fleet.model import Health


def service(found: Object) -> Assessment:
    """A load balancer waits for its address; any other Service is there."""
    if word(table(found, "spec"), "type") != "LoadBalancer":
        return HEALTHY
    if items(table(found, "status", "loadBalancer"), "ingress"):
        return HEALTHY
    return progressing("no load balancer has given it an address yet")


def ingress(found: Object) -> Assessment:
    """Waits for its address."""
    if items(table(found, "status", "loadBalancer"), "ingress"):
        return HEALTHY
    return progressing("no controller has given it an address yet")


def claim(found: Object) -> Assessment:
    """A PersistentVolumeClaim by its phase."""
    phase = word(table(found, "status"), "phase")
    if phase == "Bound":
        return HEALTHY
    if phase == "Lost":
        return degraded("its volume is lost")
    return progressing("it is not bound to a volume yet")


def scaler(found: Object) -> Assessment:
    """A HorizontalPodAutoscaler by its conditions."""
    for kind in ("AbleToScale", "ScalingActive"):
        one = condition(found, kind)
        if one.get("status") == "False" and one.get("reason") not in ("ScalingDisabled", "SucceededRescale"):
            return degraded("it cannot read or scale what it is for")
    if not items(table(found, "status"), "conditions"):
        return progressing("its controller has not looked yet")
    return HEALTHY


def api_service(found: Object) -> Assessment:
    """Available or not."""
    if stands(found, "Available"):
        return HEALTHY
    return progressing("its server is not available")


def definition(found: Object) -> Assessment:
    """A CustomResourceDefinition is established, or its names are refused."""
    if stands(found, "Terminating"):
        return progressing("it is being deleted")
    if condition(found, "NamesAccepted").get("status") == "False":
        return degraded("its names are taken")
    if not stands(found, "Established"):
        return progressing("it is not established yet")
    return HEALTHY


def namespace(found: Object) -> Assessment:
    """Active or going."""
    if word(table(found, "status"), "phase") == "Terminating":
        return progressing("it is being deleted")
    return HEALTHY


def application(found: Object) -> Assessment:
    """fleethub's own: as its status says, once the hub has looked at this generation."""
    if table(found, "metadata").get("deletionTimestamp"):
        return progressing("it is being deleted")
    status = table(found, "status")
    if not items(status, "conditions") or not observed(found):
        return progressing("the hub has not looked at it yet")
    for health in Health:
        if health.word == word(status, "health"):
            if health is Health.HEALTHY and stands(found, "Stalled"):
                return degraded("it needs attention")
            return Assessment(health, "" if health is Health.HEALTHY else "so says its own status")
    return Assessment(Health.UNKNOWN, "its status has no health that is known")


def cluster(found: Object) -> Assessment:
    """fleethub's own: reachable or not."""
    if not items(table(found, "status"), "conditions"):
        return progressing("the hub has not looked at it yet")
    if stands(found, "Ready"):
        return HEALTHY
    return degraded("it is not ready")


def project(found: Object) -> Assessment:
    """fleethub's own: a rule, not a thing that runs."""
    del found
    return HEALTHY


def by_conditions(found: Object) -> Assessment:
    """Any object in kstatus' form; one without conditions is there, and that is all that is known."""
    if table(found, "metadata").get("deletionTimestamp"):
        return progressing("it is being deleted")
    if not observed(found):
        return progressing("its controller has not seen the newest generation yet")
    if stands(found, "Stalled"):
        return degraded("its controller says that it is stalled")
    if stands(found, "Reconciling"):
        return progressing("its controller is at work")
    ready = condition(found, "Ready").get("status")
    if ready == "False":
        return degraded("its controller says that it is not ready")
    if ready == "Unknown":
        return progressing("its controller does not know yet whether it is ready")
    if table(found, "spec").get("suspend") is True:
        return suspended("it is suspended")
    return HEALTHY
