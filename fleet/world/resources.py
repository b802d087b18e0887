"""How the hub's API server serves the kinds that the hub itself reads."""

from __future__ import annotations

from typing import Final

from fleet import names
from fleet.model import Resource

HUB_RESOURCES: Final = {
    kind: Resource(names.GROUP, names.VERSION, kind, plural, namespaced=True)
    for kind, plural in names.PLURALS.items()
}
SECRETS: Final = Resource("", "v1", "Secret", "secrets", namespaced=True)
CONFIG_MAPS: Final = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
STORES: Final = {
    kind: Resource("external-secrets.io", "v1", kind, f"{kind.lower()}s", namespaced=kind == "SecretStore")
    for kind in ("SecretStore", "ClusterSecretStore")
}
NAMESPACES: Final = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
