"""Projects, Applications and chains for tests."""

from __future__ import annotations

from typing import Any

from fleet.api.application import Application
from fleet.api.parse import parse
from fleet.api.project import Project
from fleet.model import ApplicationKey
from fleet.projects import default
from fleet.projects.sources import Chain, Link

HUB = "fleethub"


def project(name: str = "team", **spec: Any) -> Project:
    """A Project with this spec."""
    body = {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": "Project",
        "metadata": {"name": name, "namespace": HUB},
        "spec": spec,
    }
    found = parse("Project", body)
    assert isinstance(found, Project)
    return found


def unlimited() -> Project:
    """The Project ``default`` as it is installed."""
    found = parse("Project", default.manifest(HUB))
    assert isinstance(found, Project)
    return found


def application(url: str = "https://git.test/acme/deploy.git", namespace: str = "team") -> Application:
    """An Application that reads a repository."""
    body = {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"source": {"repoURL": url}, "placement": {"clusterSelector": {}}},
    }
    found = parse("Application", body)
    assert isinstance(found, Application)
    return found


def chain(*links: tuple[str, Project | None], own: str = HUB, lost: bool = False) -> Chain:
    """A chain of Applications, ``namespace/name`` each with its Project; the first is the Application itself."""
    made = []
    for key, found in links:
        namespace, _, name = key.partition("/")
        made.append(Link(ApplicationKey(namespace, name), found.metadata.name if found else "none", found))
    return Chain(tuple(made), own, lost)
