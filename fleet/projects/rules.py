"""What one Project says, rule by rule.

Contract: pure. A list that is empty allows nothing, ``"*"`` in it everything; see ``patterns``. Repositories are
matched by prefix of whole segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet import urls
from fleet.api.selector import matches
from fleet.projects.patterns import ANY, globbed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.api.project import Project, ProjectDestination


def admits(project: Project, namespace: str, own: str) -> bool:
    """Whether Applications of a hub namespace may name the Project; those of the hub's ``own`` always may."""
    return namespace == own or globbed(project.spec.source_namespaces, namespace)


def reads(project: Project, url: str) -> bool:
    """Whether its Applications may read the repository."""
    return any(prefix == ANY or urls.covers(prefix, url) for prefix in project.spec.source_repos)


def reaches(destination: ProjectDestination, cluster: str, labels: Mapping[str, str]) -> bool:
    """Whether a destination means the cluster: by its name, or by its labels."""
    if globbed(destination.clusters, cluster):
        return True
    return destination.cluster_selector is not None and matches(destination.cluster_selector, labels)


def namespaces(project: Project, cluster: str, labels: Mapping[str, str]) -> tuple[str, ...] | None:
    """The patterns of all destinations that mean the cluster, each once; None where none of them does."""
    met = [one for one in project.spec.destinations if reaches(one, cluster, labels)]
    if not met:
        return None
    return tuple(dict.fromkeys(pattern for one in met for pattern in one.namespaces))


def everything(project: Project) -> bool:
    """Whether nothing that its Applications do is limited: only such a Project may change walls.

    Who may name it is another question; as whom the hub acts limits it.
    """
    spec = project.spec
    return (
        spec.hub
        and spec.service_account is None
        and ANY in spec.source_repos
        and ANY in spec.cluster_scoped_kinds
        and any(ANY in one.namespaces and _all_clusters(one) for one in spec.destinations)
    )


def _all_clusters(destination: ProjectDestination) -> bool:
    selector = destination.cluster_selector
    return ANY in destination.clusters or (
        selector is not None and not selector.match_labels and not selector.match_expressions
    )
