"""The forms in which a Secret holds a registration or credential: a table from key to reader. Pure.

A kubeconfig under ``kubeconfig``; Cluster API's and Flux's ``value`` or ``value.yaml``, also a kubeconfig; Argo
CD's ``server`` and ``config`` (JSON; argo-cd docs, operator-manual/declarative-setup, "Clusters"); and a bare
``token``, with ``ca.crt`` beside it or not, as Kubernetes' own service account tokens have it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from fleet.clusters import fields, kubeconfig
from fleet.clusters.kubeconfig import Allowed
from fleet.documents import read as documents_read
from fleet.errors import DocumentError, KubeconfigInvalid, KubeconfigRefused, RegistrationError
from fleet.kube.connection import Connection

Data = Mapping[str, bytes]

_INSTEAD: Final = "`fleethub cluster add` makes a credential that the hub can use by itself"
_PEM: Final = b"-----BEGIN "


def data(secret: Mapping[str, Any]) -> Data:
    """A Secret's ``data``, out of base64. Raises RegistrationError, which names the key."""
    found: dict[str, bytes] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise RegistrationError("a key of the Secret does not hold base64", field="data") from None
    return found


def connection(held: Data, allow: Allowed) -> Connection:
    """What the Secret holds, by the first form whose key it has. ``server`` is empty for a bare token."""
    for key, reader in _FORMS:
        if held.get(key):
            return reader(held, allow)
    raise RegistrationError(
        "the Secret holds no registration: a kubeconfig under kubeconfig, Cluster API's value, Argo CD's server "
        "and config, or a token"
    )


def argo_name(held: Data) -> str:
    """The name that Argo CD's form gives the cluster; empty for other forms."""
    if "server" not in held:
        return ""
    return held.get("name", b"").decode(errors="replace").strip()


def server(held: Data) -> str:
    """The server that a Secret names, also where its credential is none that the hub uses; empty for none."""
    try:
        for key in _KUBECONFIGS:
            if held.get(key):
                return kubeconfig.server(held[key])
        return fields.server(_text(held.get("server", b""), "server").strip(), "server")
    except RegistrationError:
        return ""


def _kubeconfig(key: str) -> Callable[[Data, Allowed], Connection]:
    def read(held: Data, allow: Allowed) -> Connection:
        return kubeconfig.parse(held[key], allow=allow)

    return read


def _token(held: Data, allow: Allowed) -> Connection:  # noqa: ARG001 (the table's signature)
    authority = held.get("ca.crt") or None
    if authority and _PEM not in authority:
        raise KubeconfigInvalid("ca.crt holds no PEM", field="ca.crt")
    server = held.get("server")
    return Connection(
        server=fields.server(_text(server, "server"), "server") if server else "",
        ca_data=authority,
        token=fields.text(_text(held["token"], "token").strip(), "token"),
    )


def _argo(held: Data, allow: Allowed) -> Connection:
    try:
        found = documents_read.value(held["config"], path="config.json")
    except DocumentError:  # its text may name a key of the document
        raise KubeconfigInvalid("config is not valid JSON", field="config") from None
    config = fields.table(found, "config")
    for key in ("awsAuthConfig", "execProviderConfig"):
        if config.get(key):
            raise KubeconfigRefused(
                f"config.{key}: the hub runs no commands for a registration; {_INSTEAD}",
                field=f"config.{key}",
            )
    where = "config.tlsClientConfig"
    tls = fields.table(config.get("tlsClientConfig"), where)
    if fields.flag(tls.get("insecure"), f"{where}.insecure"):
        raise KubeconfigRefused(
            f"{where}.insecure: the hub always verifies servers; give caData, and serverName where the "
            "certificate has another name",
            field=f"{where}.insecure",
        )
    credential = fields.credential(
        "config",
        token=fields.text(config.get("bearerToken"), "config.bearerToken"),
        certificate=(
            fields.pem(tls.get("certData"), f"{where}.certData"),
            fields.pem(tls.get("keyData"), f"{where}.keyData"),
        ),
        basic=(
            fields.text(config.get("username"), "config.username"),
            fields.text(config.get("password"), "config.password"),
        ),
    )
    return Connection(
        server=fields.server(_text(held.get("server", b""), "server").strip(), "server"),
        ca_data=fields.pem(tls.get("caData"), f"{where}.caData"),
        tls_server_name=fields.text(tls.get("serverName"), f"{where}.serverName"),
        proxy_url=fields.proxy(config.get("proxyUrl"), "config.proxyUrl", allow.proxies),
        **credential,
    )


def _text(value: bytes, field: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise KubeconfigInvalid(f"{field} is not UTF-8 text", field=field) from None


_KUBECONFIGS: Final = ("kubeconfig", "value", "value.yaml")
_FORMS: Final[tuple[tuple[str, Callable[[Data, Allowed], Connection]], ...]] = (
    *((key, _kubeconfig(key)) for key in _KUBECONFIGS),
    ("config", _argo),
    ("token", _token),
)
