"""Applications and Clusters as the functions under test get them."""

from __future__ import annotations

from typing import Any

from fleet.api.application import Application
from fleet.api.cluster import Cluster
from fleet.api.parse import parse


def application(name: str = "hello", home: str = "fleethub", **spec: Any) -> Application:
    """An Application; ``spec`` replaces fields, and needs a placement or destination."""
    source = {"repoURL": "https://git.example/acme/deploy"}
    body = {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": home},
        "spec": {"source": source, **spec},
    }
    return parse("Application", body)


def cluster(name: str, server: str = "", **labels: str) -> Cluster:
    """A Cluster."""
    body = {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": name, "namespace": "fleethub", "labels": labels},
        "spec": {"server": server or f"https://{name}.example:6443"},
    }
    return parse("Cluster", body)
