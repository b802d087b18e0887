"""The Project ``default``, which exists in every installation and allows everything, as Argo CD's does."""

from __future__ import annotations

from typing import Any

from fleet.names import API_VERSION, DEFAULT_PROJECT, PROJECT


def manifest(namespace: str) -> dict[str, Any]:
    """The object to apply at installation, as a new dict; whoever edits it afterwards owns the edit."""
    return {
        "apiVersion": API_VERSION,
        "kind": PROJECT,
        "metadata": {"name": DEFAULT_PROJECT, "namespace": namespace},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"clusters": ["*"], "namespaces": ["*"]}],
            "clusterScopedKinds": ["*"],
            "hub": True,
        },
    }
