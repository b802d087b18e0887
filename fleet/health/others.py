"""Services, claims, scalers, namespaces, definitions, and the hub's own kinds."""

from __future__ import annotations

from fleet.health.reading import (
    HEALTHY,
    Assessment,
    Object,
    condition,
    degraded,
    items,
    number,
    observed,
    progressing,
    stands,
    suspended,
    table,
    verdict,
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
    """Of fleethub: as its status says, once the hub has looked at this generation."""
    said = word(table(found, "status"), "health")
    health = next((one for one in Health if one.word == said), None)
    looked = bool(items(table(found, "status"), "conditions")) and observed(found)
    well = health is Health.HEALTHY
    return verdict(
        (not looked, progressing("the hub has not looked at it yet")),
        (health is None, Assessment(Health.UNKNOWN, "its status has no health that is known")),
        (well and stands(found, "Stalled"), degraded("it needs attention")),
        (not well, Assessment(health or Health.UNKNOWN, "so says its own status")),
    )


def cluster(found: Object) -> Assessment:
    """Of fleethub: reachable or not."""
    return verdict(
        (not items(table(found, "status"), "conditions"), progressing("the hub has not looked at it yet")),
        (not stands(found, "Ready"), degraded("it is not ready")),
    )


def project(found: Object) -> Assessment:
    """Of fleethub: a rule, not a thing that runs."""
    del found
    return HEALTHY


def by_conditions(found: Object) -> Assessment:
    """Any object in kstatus' form; one without conditions is there, and that is all that is known."""
    return verdict(
        (not observed(found), progressing("its controller has not seen the newest generation yet")),
        (stands(found, "Stalled"), degraded("its controller says that it is stalled")),
        (stands(found, "Reconciling"), progressing("its controller is at work")),
        (_ready(found) == "False", progressing("its controller says that it is not ready")),
        (_ready(found) == "Unknown", progressing("its controller does not know yet whether it is ready")),
        (_ready(found) == "", progressing("its controller has not looked at the newest generation yet")),
        (table(found, "spec").get("suspend") is True, suspended("it is suspended")),
    )


def _ready(found: Object) -> str:
    """The status of Ready: True where there is none, empty where it is of an older generation."""
    ready = condition(found, "Ready")
    of = number(ready, "observedGeneration")
    if 0 < of < number(table(found, "metadata"), "generation"):
        return ""
    return word(ready, "status") if ready else "True"
