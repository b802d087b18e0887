"""What runs the hub as Pods: Deployment, Service, NetworkPolicy, PodDisruptionBudget. Pure.

Contract: two replicas, of which the Lease makes one active; nobody but the API server, whoever calls the hub over
HTTP, and the places of ``PORTS`` is talked to. A Pod is no root, writes only its two volumes, and gains no right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from fleet import names
from fleet.cli import hub_objects

REPLICAS: Final = 2
PORT: Final = 8080
USER: Final = 65532
SETTINGS: Final = "fleethub-settings"
AUTHORITIES: Final = "fleethub-ca"
DATA: Final = "/var/lib/fleethub"
TRUSTED: Final = "/etc/fleethub/ca"
IMAGE: Final = "registry.example/fleethub:0.1.0"  # stands for the one of whoever installs
SELECTOR: Final = {"app.kubernetes.io/name": names.PRODUCT, "app.kubernetes.io/component": "hub"}
# Link-local addresses are a cloud's metadata service, which gives credentials to whoever asks.
_ANYWHERE: Final = (
    {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]},
    {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::/32"]},
)


class Port(NamedTuple):
    """A port that the hub opens connections to, and whose it is."""

    number: int
    whose: str


PORTS: Final = (
    Port(22, "Git servers by SSH"),
    Port(443, "API servers, Git servers, forges, chart repositories, registries"),
    Port(6443, "API servers"),
    Port(8200, "Vault and OpenBao"),
)


def workload(place: str, image: str) -> Iterator[dict[str, Any]]:
    """Give the objects that run ``image`` as the hub in the namespace ``place``, in order."""
    yield _service(place)
    yield _network(place)
    yield _disruption(place)
    yield _deployment(place, image)


def guarded(namespace: dict[str, Any]) -> dict[str, Any]:
    """The hub's namespace with the word that only Pods like the hub's may run there."""
    metadata = namespace["metadata"]
    labels = {**metadata["labels"], "pod-security.kubernetes.io/enforce": "restricted"}
    return {**namespace, "metadata": {**metadata, "labels": labels}}


def _deployment(place: str, image: str) -> dict[str, Any]:
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(SELECTOR)},
    }
    pod = {
        "serviceAccountName": names.PRODUCT,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [spread],
        "containers": [_container(image)],
        "volumes": [
            {"name": "data", "emptyDir": {"sizeLimit": "10Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
            {"name": "ca", "configMap": {"name": AUTHORITIES, "optional": True}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": hub_objects.meta(place),
        "spec": {
            "replicas": REPLICAS,
            # The new one waits for the Lease, which the old one gives up as it ends: never none, never two.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": dict(SELECTOR)},
            "template": {"metadata": {"labels": {**hub_objects.LABELS, **SELECTOR}}, "spec": pod},
        },
    }


def _container(image: str) -> dict[str, Any]:
    def field(name: str, path: str) -> dict[str, Any]:
        return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}

    def probe(path: str, **times: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "http"}, **times}

    return {
        "name": "hub",
        "image": image,
        "args": ["hub"],
        "env": [
            field("POD_IP", "status.podIP"),
            field("FLEETHUB_NAMESPACE", "metadata.namespace"),
            {"name": "FLEETHUB_URL", "value": f"http://$(POD_IP):{PORT}"},
            {"name": "FLEETHUB_LISTEN", "value": f":{PORT}"},
            {"name": "FLEETHUB_DATA", "value": DATA},
            {"name": "FLEETHUB_LOG_FORMAT", "value": "json"},
            {"name": "HOME", "value": DATA},
        ],
        # What an installation wants otherwise: FLEETHUB_... and HTTPS_PROXY, without another manifest.
        "envFrom": [
            {"configMapRef": {"name": SETTINGS, "optional": True}},
            {"secretRef": {"name": SETTINGS, "optional": True}},
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "startupProbe": probe("/healthz", periodSeconds=2, failureThreshold=30),
        "livenessProbe": probe("/healthz", periodSeconds=10, timeoutSeconds=5, failureThreshold=6),
        "readinessProbe": probe("/readyz", periodSeconds=2, timeoutSeconds=2, failureThreshold=3),
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "4Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": DATA},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (a volume of the Pod's own)
            {"name": "ca", "mountPath": TRUSTED, "readOnly": True},
        ],
    }


def _service(place: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": hub_objects.meta(place),
        "spec": {"selector": dict(SELECTOR), "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def _network(place: str) -> dict[str, Any]:
    selector = {"matchLabels": dict(SELECTOR)}
    http = [{"protocol": "TCP", "port": PORT}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": hub_objects.meta(place),
        "spec": {
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": http}],
            "egress": [
                {"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]},
                {"to": [{"podSelector": selector}], "ports": http},
                {
                    "to": [{"ipBlock": block} for block in _ANYWHERE],
                    "ports": [{"protocol": "TCP", "port": port.number} for port in PORTS],
                },
            ],
        },
    }


def _disruption(place: str) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": hub_objects.meta(place),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": dict(SELECTOR)}},
    }
