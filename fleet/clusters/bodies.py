"""The objects that a registration consists of on the hub, as bodies to apply: Secrets and the shorthand's Cluster."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fleet.clusters import kubeconfig
from fleet.clusters.registration import KUBECONFIG_SUFFIX, TOKEN_SUFFIX, facts
from fleet.names import (
    API_VERSION,
    CLUSTER,
    HUB_NAMESPACE,
    MADE_FROM,
    SECRET_CLUSTER,
    SECRET_CREDENTIAL,
    SECRET_TYPE,
)

if TYPE_CHECKING:
    from fleet.clusters.registration import Registration
    from fleet.kube.connection import Connection


def secret(
    name: str,
    connection: Connection,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    namespace: str = HUB_NAMESPACE,
) -> dict[str, Any]:
    """The Secret that makes a Cluster called ``name``: a kubeconfig, with the facts as labels and annotations."""
    # A name that ends as Cluster API's Secrets do would lose its end.
    secret_name = name + KUBECONFIG_SUFFIX if name.endswith(KUBECONFIG_SUFFIX) else name
    metadata: dict[str, Any] = {
        "name": secret_name,
        "namespace": namespace,
        "labels": {**(labels or {}), SECRET_TYPE: SECRET_CLUSTER},
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return _secret(metadata, {"kubeconfig": kubeconfig.write(connection, name).encode()})


def token(
    name: str, value: str, *, ca_data: bytes | None = None, namespace: str = HUB_NAMESPACE
) -> dict[str, Any]:
    """The Secret NAME-token, in which the hub keeps what it obtained itself."""
    metadata = {
        "name": name + TOKEN_SUFFIX,
        "namespace": namespace,
        "labels": {SECRET_TYPE: SECRET_CREDENTIAL},
    }
    held = {"token": value.encode()} | ({"ca.crt": ca_data} if ca_data else {})
    return _secret(metadata, held)


def cluster(registration: Registration, made_from: Mapping[str, Any]) -> dict[str, Any]:
    """The Cluster that a shorthand Secret makes; ``spec.server`` is there for placements by server."""
    labels, annotations = facts(made_from)
    metadata = made_from["metadata"]
    return {
        "apiVersion": API_VERSION,
        "kind": CLUSTER,
        "metadata": {
            "name": registration.name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {**annotations, MADE_FROM: metadata["name"]},
        },
        "spec": {
            "server": registration.connection.server,
            "credential": {"secretRef": {"name": metadata["name"]}},
        },
    }


def _secret(metadata: dict[str, Any], data: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }
