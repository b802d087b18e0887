"""What a chain of Projects lets be read of Vault for one cluster.

Contract: pure. A Project without ``vault`` allows nothing, and so does a chain in which one is without.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from fleet import names
from fleet.api.project import VaultMethod
from fleet.api.selector import matches
from fleet.model import VaultFence, VaultRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.api.project import Project, VaultAllowance
    from fleet.projects.sources import Chain

MOUNTS: Final = {
    VaultMethod.JWT: "jwt",
    VaultMethod.KUBERNETES: "kubernetes",
    VaultMethod.APPROLE: "approle",
}


def fences(chain: Chain, labels: Mapping[str, str]) -> tuple[VaultFence, ...]:
    """What holds on a cluster with these labels, by Project, the Application's own first; nothing where that allows nothing."""
    own = chain.links[0].project
    if own is None or own.spec.vault is None:
        return ()
    return tuple(VaultFence(link.name, _of(project, labels)) for link, project in chain.projects)


def account(project: Project) -> str:
    """The ServiceAccount of the hub's namespace by which Vault knows the Project."""
    vault = project.spec.vault
    named = vault.service_account_name if vault is not None else None
    return named or f"{names.PRODUCT}-project-{project.metadata.name}"


def of(project: Project) -> tuple[VaultRule, ...]:
    """All rules of one Project, whatever clusters they are for."""
    return tuple(_rule(one) for one in project.spec.vault.allow) if project.spec.vault is not None else ()


def _of(project: Project, labels: Mapping[str, str]) -> tuple[VaultRule, ...]:
    vault = project.spec.vault
    if vault is None:
        return ()
    return tuple(
        _rule(one)
        for one in vault.allow
        if one.cluster_selector is None or matches(one.cluster_selector, labels)
    )


def _rule(one: VaultAllowance) -> VaultRule:
    auth = one.auth
    return VaultRule(
        one.server.rstrip("/"),
        one.namespace.strip("/"),
        auth.method.value,
        (auth.mount or MOUNTS[auth.method]).strip("/"),
        auth.role,
        one.paths,
        auth.secret_ref.name if auth.secret_ref is not None else "",
        _pem(one.ca_data),
        auth.audience,
    )


def _pem(data: str | None) -> str:
    try:
        return base64.b64decode(data or "").decode()
    except ValueError:
        return data or ""  # no certificates: whoever connects says so
