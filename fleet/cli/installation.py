"""Where a cluster's hub is installed: looked at before an installation is made, saved, or taken away.

Contract: a cluster has one hub, since its account's rights are the cluster's. CliError where the namespace that is meant is not
the one of that hub; nothing is written.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.cli import hub_objects, objects
from fleet.cli.errors import CliError
from fleet.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.options import Hub
    from fleet.cli.session import Session


_BINDING: Final = objects.At("ClusterRoleBinding", "", names.PRODUCT)


def meant(hub: Hub) -> None:
    """Raise where somebody gave --namespace and meant the hub's own."""
    if hub.namespace not in (None, hub.hub_namespace):
        raise CliError(
            f"--namespace {hub.namespace} does not say where the hub is",
            hint=f"Give --hub-namespace {hub.namespace}, or neither",
        )


async def check(session: Session, *, new: bool) -> None:
    """Raise where the cluster's hub is in another namespace; ``new``: where a member's account is in the way, too."""
    binding = await objects.find(session.send, _BINDING)
    if binding is None:
        return
    if not _installed(binding):
        if new:
            raise CliError(
                f"{_BINDING} is not of an installation: this cluster is a member of a hub, whose account has that name",
                hint="'fleethub cluster remove NAME --member-kubeconfig FILE' on that hub takes it back",
            )
        return
    places = _places(binding)
    if places and session.hub.hub_namespace not in places:
        raise CliError(
            f"the hub of this cluster is installed in namespace {places[0]}",
            hint=f"Give --hub-namespace {places[0]}" + ("; or 'fleethub uninstall' it first" if new else ""),
        )


async def present(session: Session) -> None:
    """Raise where the namespace that is meant has no hub: what is read there would be nothing, and look like all."""
    place = session.hub.hub_namespace
    made_once = (
        objects.At(objects.SECRET, place, names.API_SECRET),
        objects.At(names.PROJECT, place, names.DEFAULT_PROJECT),
    )
    for at in made_once:
        if await objects.find(session.send, at) is not None:
            return
    binding = None
    with contextlib.suppress(Forbidden):  # whoever may read the hub's namespace alone is told less
        binding = await objects.find(session.send, _BINDING)
    places = _places(binding) if binding is not None and _installed(binding) else []
    if place not in places:
        raise CliError(
            f"there is no hub in namespace {place}",
            hint=f"Give --hub-namespace {places[0] if places else 'NAME'}",
        )


def _installed(binding: Mapping[str, Any]) -> bool:
    """Whether an installation made it; on a member one of its name is another's."""
    return (binding.get("roleRef") or {}).get("name") == names.PRODUCT and hub_objects.ours(binding)


def _places(binding: Mapping[str, Any]) -> list[str]:
    return [one.get("namespace", "") for one in binding.get("subjects") or []]
