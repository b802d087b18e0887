"""A chain of Projects -> the walls that a target carries to its cluster's worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.model import Fence, Walls
from fleet.names import HUB_CLUSTER
from fleet.projects import rules, vaults
from fleet.projects.patterns import ANY
from fleet.projects.sources import account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.projects.sources import Chain

# What a fence on the hub lets through besides: which namespace and which of the hub's kinds, ``children`` says.
_HUB_KINDS: Final = ("Application.fleethub.dev",)


def walls(chain: Chain, cluster: str, labels: Mapping[str, str]) -> Walls:
    """The walls of the chain's Application on a cluster that no Project bars; see ``sources.barred``.

    On the hub there is no account, and the fences hold what ``children`` lets an app of apps hold, so that what
    it held when it was allowed more is not removed either.
    """
    name = chain.links[0].name
    if cluster == HUB_CLUSTER:
        return Walls(name, None, _of_hub(chain), vaults.fences(chain, {}), _known_to_vault(chain))
    fences = tuple(
        Fence(link.name, rules.namespaces(project, cluster, labels) or (), project.spec.cluster_scoped_kinds)
        for link, project in chain.projects
    )
    return Walls(name, account(chain), fences, vaults.fences(chain, labels), _known_to_vault(chain))


def _known_to_vault(chain: Chain) -> str:
    project = chain.links[0].project
    return vaults.account(project) if project is not None and project.spec.vault is not None else ""


def _of_hub(chain: Chain) -> tuple[Fence, ...]:
    name, here = chain.links[0].name, chain.key.namespace
    if chain.unlimited and here == chain.own:
        return (Fence(name, (ANY,), (ANY,)),)
    if here != chain.own:
        return (Fence(name, (here,), _HUB_KINDS),)
    # A limited app of apps in the hub's own namespace: its children go where its Projects admit Applications.
    return tuple(
        Fence(link.name, (here, *project.spec.source_namespaces), _HUB_KINDS)
        for link, project in chain.projects
        if not rules.everything(project)
    )
