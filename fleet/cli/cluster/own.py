"""Letting the hub into a member, its own cluster too: there by another account, since what is called ``fleethub`` is the hub.

Contract: who a cluster is says its namespace kube-system, by UID. Raises FleetError of the step that failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet import names
from fleet.cli import hub_objects, objects
from fleet.cli.app import columns
from fleet.clusters import enrol
from fleet.clusters.enrol import Enrolled
from fleet.clusters.registration import WHOLE, Scope
from fleet.clusters.rights import RBAC
from fleet.errors import FleetError, RegistrationError
from fleet.kube import decode, paths
from fleet.worker.connect import KUBE_SYSTEM, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.session import Session
    from fleet.kube.request import Send


async def place(session: Session, identity: str) -> str:
    """The namespace of the hub's account on the cluster of that identity."""
    try:
        answer = await session.send(paths.get_meta(NAMESPACE, KUBE_SYSTEM))
    except FleetError:  # enrolling itself refuses to touch what is a hub's
        return names.MEMBER_NAMESPACE
    own = decode.meta(answer.body, NAMESPACE).uid
    return names.SELF_NAMESPACE if identity == own else names.MEMBER_NAMESPACE


def account() -> list[dict[str, Any]]:
    """The account by which the hub's own cluster is a member, and the namespace of what it holds as one."""
    namespace, account = names.SELF_NAMESPACE, names.MEMBER_ACCOUNT
    labels = dict(hub_objects.LABELS)
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": account, "namespace": namespace, "labels": labels},
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace, "labels": labels},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        },
    ]


async def let_in(
    session: Session, send: Send, at: tuple[str, str], scope: Scope | None, otherwise: Scope = WHOLE
) -> Enrolled:
    """Make the hub's account on the cluster (name, identity), and get a token.

    Without a scope it keeps the one it has, and gets ``otherwise`` where it has none.
    """
    name, identity = at
    if await place(session, identity) == names.MEMBER_NAMESPACE:
        return await enrol.enrol(send, name, scope or await enrol.scope_of(send, otherwise))
    if scope not in (None, WHOLE):
        raise RegistrationError("on the hub's own cluster its account as of a member is cluster-admin alone")
    for body in account():
        await objects.apply(send, body)
    token, expires = await enrol.token_of(send, names.SELF_NAMESPACE)
    whose = f"ServiceAccount {names.SELF_NAMESPACE}/{names.MEMBER_ACCOUNT}"
    return Enrolled(token, expires, (f"{whose}: cluster-admin on {name}, the hub's own cluster",))


async def revoked(session: Session, cluster: Mapping[str, Any], send: Send, identity: str) -> str:
    """Do what 'cluster revoke' asked for and the hub could not: else it would do it to the token that comes now.

    In words what was done; empty where nothing was asked, or is done.
    """
    metadata = cluster["metadata"]
    word = (metadata.get("annotations") or {}).get(names.REVOKE, "")
    if not word or columns.status(cluster).get("revoked") == word:
        return ""
    voided = await enrol.void(send, await place(session, identity))
    at = objects.At(names.CLUSTER, session.hub.hub_namespace, metadata["name"])
    await objects.annotate(session.send, at, {names.REVOKE: None})
    return f"Revoked, as asked {word}: no former token of the hub counts there." if voided else ""


def registered(cluster: Mapping[str, Any]) -> Scope:
    """How far a Cluster says that its registration reaches."""
    namespaces = (cluster.get("spec") or {}).get("namespaces")
    return WHOLE if not namespaces else Scope(tuple(sorted(set(namespaces))))


async def turn_out(session: Session, send: Send, identity: str) -> tuple[str, ...]:
    """Take back what `let_in` granted; says what was removed, in words."""
    if await place(session, identity) == names.MEMBER_NAMESPACE:
        return await enrol.unenrol(send)
    mine = (
        objects.At("ClusterRoleBinding", "", names.SELF_NAMESPACE),
        objects.At("ServiceAccount", names.SELF_NAMESPACE, names.MEMBER_ACCOUNT),
    )
    return tuple([str(one) for one in mine if await objects.delete(send, one)])
