"""Where a cluster's hub is installed: looked at before an installation is made, or taken away.

Contract: a cluster has one hub, since its account's rights are the cluster's. CliError where the namespace that is meant is not
the one of that hub; nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet import names
from fleet.cli import hub_objects, objects
from fleet.cli.errors import CliError

if TYPE_CHECKING:
    from fleet.cli.options import Hub
    from fleet.cli.session import Session


def meant(hub: Hub) -> None:
    """Raise where somebody gave --namespace and meant the hub's own."""
    if hub.namespace not in (None, hub.hub_namespace):
        raise CliError(
            f"--namespace {hub.namespace} does not say where the hub is",
            hint=f"Give --hub-namespace {hub.namespace}, or neither",
        )


async def check(session: Session, *, new: bool) -> None:
    """Raise where the cluster's hub is in another namespace; ``new``: where a member's account is in the way, too."""
    at = objects.At("ClusterRoleBinding", "", names.PRODUCT)
    binding = await objects.find(session.send, at)
    if binding is None:
        return
    if (binding.get("roleRef") or {}).get("name") != names.PRODUCT or not hub_objects.ours(binding):
        if new:
            raise CliError(
                f"{at} is not of an installation: this cluster is a member of a hub, whose account has that name",
                hint="'fleethub cluster remove NAME --member-kubeconfig FILE' on that hub takes it back",
            )
        return
    places = [one.get("namespace", "") for one in binding.get("subjects") or []]
    if places and session.hub.hub_namespace not in places:
        raise CliError(
            f"the hub of this cluster is installed in namespace {places[0]}",
            hint=f"Give --hub-namespace {places[0]}" + ("; or 'fleethub uninstall' it first" if new else ""),
        )
