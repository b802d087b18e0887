"""Whether an Application may be at all: who names the Project, which repository it reads, where it goes.

Contract: pure. A chain is the Application and all that hold it, each with its Project: every one of these must
let it pass, so that a child never gains what its parent lacks. Faults name the Project and the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet import names, urls
from fleet.model import ApplicationKey, Fault
from fleet.projects import rules
from fleet.projects.patterns import REFUSED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fleet.api.application import Application
    from fleet.api.project import Project


@dataclass(frozen=True, slots=True)
class Link:
    """One Application of a chain, the name of its Project, and the Project where there is one."""

    key: ApplicationKey
    name: str
    project: Project | None


@dataclass(frozen=True, slots=True)
class Chain:
    """The Application itself first, then those that hold it; ``lost``: a mark names a parent that is not there.

    ``own`` is the hub's own namespace.
    """

    links: tuple[Link, ...]
    own: str
    lost: bool = False

    @property
    def key(self) -> ApplicationKey:
        """The Application."""
        return self.links[0].key

    @property
    def projects(self) -> tuple[tuple[Link, Project], ...]:
        """Each Project of the chain once, with the first Application that names it."""
        found: dict[str, tuple[Link, Project]] = {}
        for link in self.links:
            if link.project is not None:
                found.setdefault(link.name, (link, link.project))
        return tuple(found.values())

    @property
    def unlimited(self) -> bool:
        """Whether no Project of the chain limits anything."""
        return not self.lost and all(
            link.project is not None and rules.everything(link.project) for link in self.links
        )


def breaches(application: Application, chain: Chain) -> tuple[Fault, ...]:
    """Why nothing of the Application may be read or sent, wherever it goes; empty where nothing is against it."""
    if chain.lost:
        text = (
            "an app of apps made this Application, and it is not there any more: nobody knows what it allowed; "
            f"take the label {names.APPLYSET_PART_OF} off to let the Application stand by itself"
        )
        return (Fault(None, REFUSED, text),)
    unknown = [link for link in chain.links if link.project is None]
    if unknown:
        return tuple(
            Fault(
                None,
                UNKNOWN,
                f"there is no valid Project {link.name} in namespace {chain.own}{_of(link, chain)}",
            )
            for link in unknown
        )
    found = [*_namespaces(chain)]
    single = application.spec.source is not None
    for number, source in enumerate(application.spec.all_sources):
        field = "spec.source.repoURL" if single else f"spec.sources[{number}].repoURL"
        found += uncovered(chain, source.repo_url, field)
    try:
        account(chain)
    except ValueError as error:
        found.append(Fault(None, REFUSED, str(error)))
    return tuple(dict.fromkeys(found))


def uncovered(chain: Chain, url: str, field: str = "") -> tuple[Fault, ...]:
    """Which Projects of the chain do not let the Application read a repository, of Git or of charts."""
    return tuple(
        Fault(
            None,
            REFUSED,
            f"Project {link.name} (sourceRepos) does not cover the repository {_place(url)}{_of(link, chain)}",
            field,
        )
        for link, project in chain.projects
        if not rules.reads(project, url)
    )


def barred(
    chain: Chain, clusters: Iterable[str], labels: Mapping[str, Mapping[str, str]]
) -> dict[str, Fault]:
    """The clusters where the Application may not be, with why; ``labels`` are the Clusters' own."""
    found: dict[str, Fault] = {}
    for cluster in clusters:
        for link, project in chain.projects:
            if cluster == names.HUB_CLUSTER:
                if not project.spec.hub:
                    text = f"Project {link.name} (hub) allows no app of apps"
                    found[cluster] = Fault(None, REFUSED, text + _of(link, chain), "spec.placement.hub")
                    break
            elif rules.namespaces(project, cluster, labels.get(cluster, {})) is None:
                text = f"Project {link.name} (destinations) does not cover cluster {cluster}"
                found[cluster] = Fault(None, REFUSED, text + _of(link, chain))
                break
    return found


def account(chain: Chain) -> str | None:
    """As whom the hub acts on members, as ``namespace/name``; None: as itself. ValueError where two are meant.

    An account without namespace is one of fleethub's own namespace on the member, where no team's Pods run.
    """
    found: dict[str, str] = {}
    for link, project in chain.projects:
        name = project.spec.service_account
        if name is not None:
            full = name if "/" in name else f"{names.MEMBER_NAMESPACE}/{name}"
            found.setdefault(full, link.name)
    if len(found) > 1:
        told = " and ".join(f"{full} (Project {project})" for full, project in found.items())
        raise ValueError(
            f"its Project and those of its parents (serviceAccount) name different accounts: {told}"
        )
    return next(iter(found), None)


def _namespaces(chain: Chain) -> Iterable[Fault]:
    key = chain.key
    for link in chain.links:
        if link.project is not None and not rules.admits(link.project, link.key.namespace, chain.own):
            text = (
                f"Project {link.name} (sourceNamespaces) does not admit Applications of namespace "
                f"{link.key.namespace}"
            )
            yield Fault(None, REFUSED, text + _of(link, chain), "spec.project")
    for link, project in chain.projects:
        # An unlimited Project of the hub's own namespace is the platform's: it may put children anywhere.
        if (
            link.key != key
            and not rules.everything(project)
            and not rules.admits(project, key.namespace, chain.own)
        ):
            text = (
                f"Project {link.name} (sourceNamespaces) does not admit children in namespace {key.namespace}"
            )
            yield Fault(None, REFUSED, text + _of(link, chain))


def _of(link: Link, chain: Chain) -> str:
    return "" if link.key == chain.key else f", the Project of {link.key}, which holds this Application"


def _place(url: str) -> str:
    """The repository without user or password; nothing of what is no plain URL."""
    try:
        return urls.canonical(url)
    except ValueError:
        return "that the Application names"
