"""Which cluster a connection has reached, and whether that is the one that its Cluster means.

Contract: pure. A Cluster is who it was at first contact, the UID of its namespace kube-system, until somebody says
that exactly one other takes its place. Of several Clusters that are one and the same, the oldest counts: by
creation, then by name (creation times are all alike after a lost etcd).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fleet.errors import FleetError


class IdentityChanged(FleetError):
    """The connection reaches another cluster than the one that the Cluster was."""

    reason = "IdentityChanged"


class RegisteredTwice(FleetError):
    """The cluster is an older Cluster's already."""

    reason = "RegisteredTwice"


class Registered(NamedTuple):
    """A Cluster by age, and who it was when it was last let in; ``successor`` is who may take its place."""

    created: float
    name: str
    identity: str = ""
    successor: str = ""


def judge(mine: Registered, uid: str, others: Iterable[Registered]) -> FleetError | None:
    """Why nothing may be written to the cluster ``uid`` by this Cluster; None where it may."""
    if mine.identity not in ("", uid) and mine.successor != uid:
        return IdentityChanged(
            f"the connection reaches the cluster {uid}, and {mine.name} is the cluster {mine.identity} (UIDs of the "
            f"namespace kube-system): nothing is written there until it reaches the right one again, or until "
            f"'fleethub cluster replace {mine.name}' says that the other takes its place"
        )
    first = elder(mine, uid, others)
    if first is None:
        return None
    return RegisteredTwice(
        f"this cluster ({uid}) is registered as {first.name} already, which looks after it: nothing is written by "
        f"way of {mine.name} until one of the two is removed ('fleethub cluster remove NAME' leaves all as it is)"
    )


def elder(mine: Registered, uid: str, others: Iterable[Registered]) -> Registered | None:
    """The oldest Cluster that is the cluster ``uid``, where that is older than this one."""
    same = (one for one in others if one.identity == uid and one.name != mine.name)
    first = min(same, default=None, key=_age)
    return first if first is not None and _age(first) < _age(mine) else None


def seconds(clusters: Iterable[Registered]) -> dict[str, str]:
    """The Clusters that are another's cluster, by name, each with the name of the one that counts."""
    by_identity: dict[str, list[Registered]] = {}
    for one in clusters:
        if one.identity:
            by_identity.setdefault(one.identity, []).append(one)
    found = {}
    for same in by_identity.values():
        first, *rest = sorted(same, key=_age)
        found.update({one.name: first.name for one in rest})
    return found


def _age(one: Registered) -> tuple[float, str]:
    return one.created, one.name
