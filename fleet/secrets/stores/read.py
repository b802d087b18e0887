"""SecretStore and ClusterSecretStore (``external-secrets.io/v1``): how they read.

Contract: pure. What the hub does not do is a SecretRefused that names the field and offers to pass the ExternalSecret
through. Known and without effect, since the hub only reads and logs in as what the Project says:

- ``refreshInterval``: how often the operator tries the store itself; ``checkAndSet``: for writing;
  ``readYourWrites``: of a client that writes.
- ``auth.kubernetes.serviceAccountRef``, ``auth.jwt.kubernetesServiceAccountToken``: whose token it is, and for whom, is
  the Project's word, never that of a manifest. The same goes for the key inside ``appRole.secretRef``.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from fleet import facts
from fleet.errors import FleetError
from fleet.model import ObjectRef
from fleet.secrets import segments
from fleet.secrets.fields import Node, called
from fleet.secrets.refused import SecretRefused
from fleet.secrets.stores import conditions
from fleet.secrets.stores.store import (
    CLUSTER_STORE,
    GROUP,
    STORE,
    VERSIONS,
    Declared,
    KubernetesStore,
    StoreRef,
    VaultStore,
)
from fleet.secrets.vault.address import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_METHOD: Final = "is no way in which the hub logs in (it has jwt, kubernetes and appRole)"
_SPEC: Final = {
    "retrySettings": "changes how often is tried, which the hub decides for all",
    "controller": "chooses one of several operators, and the hub is none of them",
}
_VAULT: Final = {
    "caProvider": "reads certificates from the cluster, which the hub does not; write them into caBundle",
    "tls": "asks for a client certificate, which the hub does not send",
    "headers": "adds headers, which the hub does not send",
    "forwardInconsistent": "adds a header, which the hub does not send",
}
_AUTH: Final = dict.fromkeys(("tokenSecretRef", "ldap", "cert", "iam", "userPass", "gcp"), _NO_METHOD)
_METHODS: Final = {"jwt": Method.JWT, "kubernetes": Method.KUBERNETES, "appRole": Method.APPROLE}
_TOKEN: Final = "takes a token out of a Secret, and the hub logs in with one that is made for it"  # noqa: S105 (a sentence)
_HERE: Final = ("kubernetes.default", "https://kubernetes.default", "https://kubernetes.default.svc")
_ROOT_CA: Final = {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"}
_ELSEWHERE: Final = "points to another API server, and the hub reads its own"


def ref(body: Mapping[str, Any]) -> StoreRef | None:
    """What this object is called as a store; None for another kind."""
    group, _, version = str(body.get("apiVersion", "")).partition("/")
    kind = body.get("kind")
    if group != GROUP or version not in VERSIONS or kind not in (STORE, CLUSTER_STORE):
        return None
    metadata = body.get("metadata")
    return StoreRef(kind, str(metadata.get("name", "")) if isinstance(metadata, dict) else "")


def read(body: Mapping[str, Any], home: str) -> Declared:
    """The store that a body declares, for Applications of the hub's namespace ``home``. Raises SecretRefused."""
    kind, metadata = str(body.get("kind", "")), body.get("metadata")
    held = metadata if isinstance(metadata, dict) else {}
    namespace = str(held.get("namespace") or "") if kind == STORE else ""
    place = ObjectRef(GROUP, kind, namespace, str(held.get("name") or ""))
    root = Node(place, called(place), "", body)
    found = ref(body)
    if found is None or not found.name:
        raise root.refused("apiVersion", f"must be {GROUP}/{VERSIONS[0]}, of kind {STORE} or {CLUSTER_STORE}")
    root.only(("apiVersion", "kind", "metadata", "spec", "status"))
    spec = root.below("spec")
    spec.only(("provider", "refreshInterval", "conditions"), _SPEC)
    if found.kind == STORE and spec.has("conditions"):
        raise spec.refused("conditions", "are those of a ClusterSecretStore")
    provider = spec.below("provider")
    provider.only(
        ("vault", "kubernetes"),
        dict.fromkeys(provider.held, "is no provider that the hub reads (it has vault and kubernetes)"),
    )
    if provider.has("vault") == provider.has("kubernetes"):
        raise provider.refused("", "must be one of vault and kubernetes")
    store: VaultStore | KubernetesStore
    if provider.has("vault"):
        store = _vault(provider.below("vault"))
    else:
        store = _kubernetes(provider.below("kubernetes"), home)
    return Declared(found, store, conditions.read(spec.items("conditions")))


def _vault(node: Node) -> VaultStore:
    node.only(
        ("server", "path", "version", "namespace", "auth", "caBundle", "readYourWrites", "checkAndSet"),
        _VAULT,
    )
    server = node.needed("server")
    if facts.mentions(server):
        raise node.refused("server", "holds a fact of the cluster: which server it is stands there in words")
    engine = int(node.choice("version", ("v1", "v2"), "v2")[1:])
    auth = node.below("auth")
    auth.only((*_METHODS, "namespace"), _AUTH)
    given = [name for name in _METHODS if auth.has(name)]
    if len(given) != 1:
        raise auth.refused("", f"must be one of {', '.join(_METHODS)}")
    method = _METHODS[given[0]]
    mount, role, secret = _login(auth.below(given[0]), method)
    try:
        server = segments.server(server, node.at("server"))
    except FleetError as error:
        raise _of(node, error) from None
    return VaultStore(
        server,
        node.text("namespace"),
        node.text("path"),
        engine,
        method,
        mount,
        role,
        auth.text("namespace"),
        _certificates(node),
        secret,
    )


def _login(node: Node, method: Method) -> tuple[str, str, str]:
    """Mount, role, and the name of an AppRole's Secret."""
    if method is Method.JWT:
        node.only(("path", "role", "kubernetesServiceAccountToken"), {"secretRef": _TOKEN})
        return node.text("path", "jwt"), node.needed("role"), ""
    if method is Method.KUBERNETES:
        node.only(("mountPath", "role", "serviceAccountRef"), {"secretRef": _TOKEN})
        return node.text("mountPath", "kubernetes"), node.needed("role"), ""
    node.only(
        ("path", "roleId", "secretRef"),
        {"roleRef": "takes the role id out of a Secret; it is no secret, so write it into roleId"},
    )
    secret = node.below("secretRef")
    secret.only(("name", "key"), {"namespace": "points to a Secret of another namespace"})
    return node.text("path", "approle"), node.needed("roleId"), secret.text("name")


def _certificates(node: Node) -> str:
    try:
        pem = base64.b64decode(node.text("caBundle"), validate=True).decode("ascii")
    except ValueError:
        raise node.refused("caBundle", "is no base64 of certificates in PEM") from None
    if pem and "-----BEGIN CERTIFICATE-----" not in pem:
        raise node.refused("caBundle", "holds no certificate in PEM")
    return pem


def _kubernetes(node: Node, home: str) -> KubernetesStore:
    node.only(
        ("server", "remoteNamespace", "auth"),
        {"authRef": "brings a credential, and the hub reads as itself"},
    )
    server = node.below("server")
    server.only(("url", "caProvider"), {"caBundle": _ELSEWHERE})
    if server.text("url") not in ("", *_HERE):
        raise server.refused("url", _ELSEWHERE)
    authority = server.below("caProvider")
    if any(_ROOT_CA.get(name) != authority.text(name) for name in authority.held if name != "namespace"):
        raise server.refused("caProvider", _ELSEWHERE)
    node.below("auth").only(
        (),
        dict.fromkeys(
            ("cert", "token", "serviceAccount"), "brings a credential, and the hub reads as itself"
        ),
    )
    if node.text("remoteNamespace", home) != home:
        raise node.refused(
            "remoteNamespace", f"must be {home}, the Application's own namespace on the hub, or be left out"
        )
    return KubernetesStore(home)


def _of(node: Node, error: FleetError) -> SecretRefused:
    return SecretRefused(f"{node.title}: {error.text}", ref=node.ref, field=error.field)
