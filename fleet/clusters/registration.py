"""A Cluster and the Secret that serves it -> a Registration: how the hub reaches it and what is known of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fleet.clusters import fields, forms
from fleet.clusters.kubeconfig import NOTHING, Allowed
from fleet.clusters.token import Token
from fleet.clusters.token import read as read_token
from fleet.errors import RegistrationError
from fleet.names import (
    API_VERSION,
    APPLYSET_ID,
    ARGO,
    CLUSTER,
    GROUP,
    LAST_APPLIED,
    MADE_FROM,
    MEMBER_NAMESPACE,
    ROTATE,
    SECRET_CREDENTIAL,
    SECRET_TYPE,
)

if TYPE_CHECKING:
    from fleet.api.cluster import Cluster, ClusterSpec
    from fleet.kube.connection import Connection

TOKEN_SUFFIX: Final = "-token"  # noqa: S105 (the end of a Secret's name)
KUBECONFIG_SUFFIX: Final = "-kubeconfig"
NAMESPACES: Final = "namespaces"  # the key of a Secret that limits its registration to these, comma separated
_BESIDE: Final = ("ca.crt", "server")  # what a bare token may have beside it
_NAME_MAX: Final = 253 - len(TOKEN_SUFFIX)
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# Marks by which tools know their own objects; copied to a Cluster they would claim it.
_MARKS: Final = (
    f"{GROUP}/",
    f"{LAST_APPLIED.partition('/')[0]}/",
    f"{APPLYSET_ID.partition('/')[0]}/",
    f"{ARGO}/",
    "meta.helm.sh/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
)
# A digest that only this process can make: one of a short password could be guessed.
_KEY: Final = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a registration reaches: the whole cluster (None), or these namespaces.

    ``impersonates``: the hub's account writes only as the ServiceAccounts that Projects name.
    """

    namespaces: tuple[str, ...] | None = None
    impersonates: bool = False


WHOLE: Final = Scope()
IMPERSONATING: Final = Scope(impersonates=True)
KUBE_SYSTEM: Final = "kube-system"
_MOST: Final = 100  # namespaces of a scope: each kind costs a watch in each of them


def listed(namespaces: Iterable[str], field: str = "namespaces") -> Scope:
    """The scope of some namespaces, in order and each once. Raises RegistrationError, which names the field."""
    found = tuple(sorted(set(namespaces)))
    if not found:
        raise RegistrationError(
            f"{field} names no namespace; without it the scope is the whole cluster", field=field
        )
    if len(found) > _MOST:
        raise RegistrationError(f"{field} names {len(found)} namespaces; {_MOST} at most", field=field)
    for name in found:
        if not _LABEL.fullmatch(name):
            raise RegistrationError(f"{field} holds what is no name of a namespace", field=field)
    if MEMBER_NAMESPACE in found:
        raise RegistrationError(
            f"{field} names {MEMBER_NAMESPACE}, which is where the hub keeps what is its own: leave it out",
            field=field,
        )
    if KUBE_SYSTEM in found:
        # Who may write there may act as what runs there, and so as the cluster's administrator.
        raise RegistrationError(
            f"{field} names {KUBE_SYSTEM}: rights there are rights over the whole cluster, which is the scope without it",
            field=field,
        )
    return Scope(found)


def named(text: str, field: str = "namespaces") -> Scope:
    """The scope of a comma separated list; of an empty one the whole cluster. Raises RegistrationError."""
    found = [name for part in text.split(",") if (name := part.strip())]
    return listed(found, field) if found else WHOLE


@dataclass(frozen=True, slots=True)
class Registration:
    """A member as a worker gets it. ``digest`` differs when connection or scope do, within this process."""

    name: str
    connection: Connection
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    scope: Scope = WHOLE
    digest: str = field(default="", repr=False)


def read(
    name: str,
    cluster: Cluster | None,
    secret: Mapping[str, Any] | None,
    *,
    kept: Mapping[str, Any] | None = None,
    allow: Allowed = NOTHING,
) -> Registration:
    """The registration called ``name``.

    ``cluster`` None, or one made from a Secret: all of it comes from the Secret. A declared Cluster's ``server``,
    ``caData``, ``tlsServerName`` and ``proxyURL`` win over what its credential says; how far it reaches is its
    ``namespaces`` alone, as that of a Secret is the key of that name. ``kept`` is the hub's own NAME-token: where it serves, its token takes the place of the other's credential, and whatever else
    it does not say is the other's. Raises RegistrationError.
    """
    declared = cluster if cluster is not None and not made(cluster) else None
    serves = serving(secret, kept, allow)
    if serves is None or (secret is None and declared is None):
        raise RegistrationError(
            f"there is no credential: neither a Secret that credential.secretRef names nor {name}{TOKEN_SUFFIX}"
        )
    held = forms.data(serves)
    found = forms.connection(held, allow)
    if secret is not None and serves is not secret:
        found = _renewed(secret, found, allow)
    if declared is not None:
        found = _over(found, declared.spec)
        labels, annotations = declared.metadata.labels, declared.metadata.annotations
        given = declared.spec.namespaces
        scope = WHOLE if given is None else listed(given, "spec.namespaces")
    else:
        labels, annotations = facts(secret or {})
        scope = scope_of(secret or {})
    if not found.server:
        raise RegistrationError(
            "spec.server is required, since the credential names no server", field="spec.server"
        )
    return Registration(name, found, labels, annotations, scope, _digest(found, scope, held))


def scope_of(secret: Mapping[str, Any]) -> Scope:
    """How far the registration in a Secret reaches: its key ``namespaces``, as Argo CD has it. Raises RegistrationError."""
    text = forms.data(secret).get(NAMESPACES, b"").decode(errors="replace")
    return named(text, NAMESPACES)


def serving(
    given: Mapping[str, Any] | None, kept: Mapping[str, Any] | None, allow: Allowed = NOTHING
) -> Mapping[str, Any] | None:
    """The Secret that serves: of a person's or Git's, and the hub's own NAME-token.

    Of two tokens of one and the same account the one that was granted last, however often the Secret with the other
    has been written since; else the one whose content was written last.
    """
    if given is None or kept is None:
        return given if kept is None else kept
    mine = _token(kept, allow)
    theirs = _token(given, allow) if mine.account else mine
    if mine.account == theirs.account and mine.issued != theirs.issued:
        return kept if mine.issued > theirs.issued else given
    return kept if written(kept) > written(given) else given


def written(secret: Mapping[str, Any]) -> tuple[float, int]:
    """What Secrets are put in the order by, in which their contents were last written.

    By managedFields, which the label of another writer does not move; within a second by resourceVersion.
    """
    metadata = secret.get("metadata") or {}
    times = [
        entry.get("time")
        for entry in metadata.get("managedFields") or []
        if {"f:data", "f:stringData"} & (entry.get("fieldsV1") or {}).keys()
    ]
    version = str(metadata.get("resourceVersion") or "")
    moment = max((_time(each) for each in times if each), default=_time(metadata.get("creationTimestamp")))
    return moment, int(version) if version.isdecimal() else 0


def wrote_token(secret: Mapping[str, Any], manager: str) -> bool:
    """Whether the bare token in a Secret is what this manager wrote there, and nobody since."""
    return any(
        entry.get("manager") == manager and "f:token" in ((entry.get("fieldsV1") or {}).get("f:data") or {})
        for entry in (secret.get("metadata") or {}).get("managedFields") or []
    )


def keeping(
    at: tuple[str, str], token: str, word: str, present: Mapping[str, Any] | None, *, alone: bool
) -> dict[str, Any]:
    """The Secret NAME-token at (hub's namespace, its name) with this token, in place of ``present``.

    ``word`` is the request that it answers. ``alone``: no other credential serves the cluster, so that what
    ``present`` says of its server stays.
    """
    body = json.loads(json.dumps(present or {}))
    metadata = body.get("metadata") or {}
    metadata.pop("managedFields", None)
    labels = {**(metadata.get("labels") or {}), SECRET_TYPE: SECRET_CREDENTIAL}
    annotations = {**(metadata.get("annotations") or {}), **({ROTATE: word} if word else {})}
    rest = {key: value for key, value in (body.get("data") or {}).items() if alone and key in _BESIDE}
    return {
        **body,
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            **metadata,
            "namespace": at[0],
            "name": at[1],
            "labels": labels,
            "annotations": annotations,
        },
        "data": {**rest, "token": base64.b64encode(token.encode()).decode("ascii")},
    }


def made(cluster: Cluster) -> bool:
    """Whether the hub made the Cluster from a Secret; such a one follows its Secret in all."""
    return MADE_FROM in cluster.metadata.annotations


def shorthand_name(secret: Mapping[str, Any]) -> str:
    """The name of the Cluster that a labelled Secret makes.

    Argo CD's key ``name`` where it is a valid name, else the Secret's name less an ending ``-kubeconfig``. Raises
    RegistrationError where neither can name a Cluster.
    """
    try:
        argo = forms.argo_name(forms.data(secret))
    except RegistrationError:
        argo = ""
    if _valid(argo):
        return argo
    name: str = secret["metadata"]["name"]
    name = name.removesuffix(KUBECONFIG_SUFFIX)
    if not _valid(name):
        raise RegistrationError(f"the Secret's name cannot name a Cluster: {_NAME_MAX} characters at most")
    return name


def facts(secret: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The Secret's labels and annotations as facts of the Cluster, without the marks of tools."""
    metadata = secret.get("metadata") or {}
    labels, annotations = (
        {key: value for key, value in (metadata.get(part) or {}).items() if not key.startswith(_MARKS)}
        for part in ("labels", "annotations")
    )
    return labels, annotations


def made_cluster(
    at: tuple[str, str],
    known: tuple[dict[str, str], dict[str, str]],
    server: str,
    secret: str,
    scope: Scope = WHOLE,
) -> dict[str, Any]:
    """The Cluster (namespace, name) that is made from a Secret; ``known`` are its labels and annotations."""
    spec: dict[str, Any] = {"server": server} if server else {"credential": {"secretRef": {"name": secret}}}
    if scope.namespaces is not None:
        spec["namespaces"] = list(scope.namespaces)
    return {
        "apiVersion": API_VERSION,
        "kind": CLUSTER,
        "metadata": {"namespace": at[0], "name": at[1], "labels": known[0], "annotations": known[1]},
        "spec": spec,
    }


def _renewed(given: Mapping[str, Any], newer: Connection, allow: Allowed) -> Connection:
    """What a person or Git gave, with the credential of the Secret that was written after it."""
    try:
        base = forms.connection(forms.data(given), allow)
    except RegistrationError:  # then the newer one has to say all by itself
        return newer
    return replace(
        base,
        server=newer.server or base.server,
        ca_data=newer.ca_data or base.ca_data,
        token=newer.token,
        client_cert=newer.client_cert,
        client_key=newer.client_key,
        basic=newer.basic,
        refresh=newer.refresh,
    )


def _over(found: Connection, spec: ClusterSpec) -> Connection:
    """The credential's connection with what the Cluster itself says."""
    said: dict[str, Any] = {
        "server": spec.server and fields.server(spec.server, "spec.server"),
        "ca_data": fields.pem(spec.ca_data, "spec.caData"),
        "tls_server_name": spec.tls_server_name,
        "proxy_url": spec.proxy_url and spec.proxy_url.rstrip("/"),
    }
    return replace(found, **{key: value for key, value in said.items() if value})


def _valid(name: str) -> bool:
    return len(name) <= _NAME_MAX and _NAME.fullmatch(name) is not None


def _token(secret: Mapping[str, Any], allow: Allowed) -> Token:
    """What its token says of itself; nothing where there is none that does."""
    try:
        found = read_token(forms.connection(forms.data(secret), allow).token)
    except RegistrationError:
        found = None
    return found or Token("", 0.0, 0.0)


def _time(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _digest(connection: Connection, scope: Scope, held: Mapping[str, bytes]) -> str:
    # What the Secret holds too: a command that gets a token stands in no field that can be compared.
    parts = [getattr(connection, name) for name in connection.__dataclass_fields__ if name != "refresh"]
    content = json.dumps([*parts, scope.namespaces, sorted(held.items())], default=lambda value: value.hex())
    return hashlib.blake2b(content.encode(), key=_KEY, digest_size=16).hexdigest()
