"""The Secrets that ``cluster add`` writes and ``cluster remove`` deletes. Pure.

A new cluster gets one labelled Secret with a kubeconfig, from which the hub makes the Cluster. A Cluster that
is declared in Git already gets its credential alone, in the Secret NAME-token, where the hub looks for it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.clusters.registration import NAMESPACES, WHOLE, Scope, shorthand_name
from fleet.documents import write
from fleet.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.kube.connection import Connection

KUBECONFIG_SUFFIX: Final = "-kubeconfig"
TOKEN_SUFFIX: Final = "-token"  # noqa: S105 (the end of a Secret's name)


def registration(
    at: tuple[str, str],
    connection: Connection,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    scope: Scope = WHOLE,
) -> dict[str, Any]:
    """Give the Secret for a new cluster at (hub namespace, cluster name)."""
    namespace, name = at
    data = {"kubeconfig": kubeconfig(name, connection).encode()}
    if scope.namespaces is not None:
        data[NAMESPACES] = ",".join(scope.namespaces).encode()
    return _secret(
        (namespace, f"{name}{KUBECONFIG_SUFFIX}"),
        {**labels, names.SECRET_TYPE: names.SECRET_CLUSTER},
        annotations,
        data,
    )


def credential(at: tuple[str, str], connection: Connection) -> dict[str, Any]:
    """Give the Secret for a Cluster that is declared already."""
    namespace, name = at
    data = {"token": (connection.token or "").encode()}
    if connection.ca_data:
        data["ca.crt"] = connection.ca_data
    labels = {names.SECRET_TYPE: names.SECRET_CREDENTIAL}
    return _secret((namespace, f"{name}{TOKEN_SUFFIX}"), labels, {}, data)


def kubeconfig(name: str, connection: Connection) -> str:
    """Give a kubeconfig of one context, all inline."""
    cluster: dict[str, Any] = {"server": connection.server}
    if connection.ca_data:
        cluster["certificate-authority-data"] = base64.b64encode(connection.ca_data).decode("ascii")
    if connection.tls_server_name:
        cluster["tls-server-name"] = connection.tls_server_name
    if connection.proxy_url:
        cluster["proxy-url"] = connection.proxy_url
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": connection.token or ""}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return write.yaml(value)


def ours(secret: Mapping[str, Any] | None) -> bool:
    """Whether a Secret is a registration or credential, so that it may be replaced or deleted as one."""
    labels = ((secret or {}).get("metadata") or {}).get("labels") or {}
    return labels.get(names.SECRET_TYPE) in (names.SECRET_CLUSTER, names.SECRET_CREDENTIAL)


def ours_of(name: str, secret: Mapping[str, Any] | None) -> bool:
    """Whether a Secret is what registering the cluster called ``name`` writes: its registration, or its NAME-token.

    By its label and not by its name alone: a repository's, or what another cluster is made from, may be called so too.
    """
    if not ours(secret):
        return False
    metadata = (secret or {})["metadata"]
    if metadata["labels"][names.SECRET_TYPE] == names.SECRET_CREDENTIAL:
        return bool(metadata["name"] == f"{name}{TOKEN_SUFFIX}")
    try:
        return shorthand_name(secret or {}) == name
    except RegistrationError:
        return False


def _secret(
    at: tuple[str, str], labels: Mapping[str, str], annotations: Mapping[str, str], data: Mapping[str, bytes]
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": at[0], "name": at[1], "labels": dict(labels)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata,
        "data": {key: base64.b64encode(value).decode("ascii") for key, value in data.items()},
    }
