"""Cluster registrations that other tools keep: which Secrets of a namespace they are. Pure.

Cluster API's (docs of its "Secrets" reference): type ``cluster.x-k8s.io/secret``, label
``cluster.x-k8s.io/cluster-name``, named ``<that name>-kubeconfig``. Argo CD's: label
``argocd.argoproj.io/secret-type: cluster``. Both are read as any registration is (`forms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fleet.clusters.registration import KUBECONFIG_SUFFIX
from fleet.names import ARGO

CAPI: Final = "capi"
ARGOCD: Final = "argocd"
_CAPI_NAME: Final = "cluster.x-k8s.io/cluster-name"
SELECTORS: Final[Mapping[str, str]] = {CAPI: _CAPI_NAME, ARGOCD: f"{ARGO}/secret-type=cluster"}


class Place(NamedTuple):
    """A namespace of the hub's cluster, and whose registrations are taken up there."""

    form: str
    namespace: str

    @property
    def selector(self) -> str:
        """What their Secrets are labelled with."""
        return SELECTORS[self.form]


def places(texts: tuple[str, ...]) -> tuple[Place, ...]:
    """The places that ``capi=NS`` and ``argocd=NS`` name, each once."""
    found = (Place(form, namespace) for form, _, namespace in (text.partition("=") for text in texts))
    return tuple(dict.fromkeys(found))


def is_registration(form: str, secret: Mapping[str, Any]) -> bool:
    """Whether a Secret with the form's label is a registration: Cluster API labels its other Secrets so too."""
    metadata = secret["metadata"]
    if form == CAPI:
        name = (metadata.get("labels") or {}).get(_CAPI_NAME)
        return bool(metadata["name"] == f"{name}{KUBECONFIG_SUFFIX}")
    return True


def key(secret: Mapping[str, Any]) -> str:
    """The word by which a Cluster says what it is made from: namespace and name."""
    return f"{secret['metadata']['namespace']}/{secret['metadata']['name']}"


def namespace(made_from: str) -> str:
    """The namespace of such a word; empty where the Secret is in the hub's own."""
    return made_from.rpartition("/")[0]
