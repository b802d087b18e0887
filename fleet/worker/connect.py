"""From a connection to a Member: who the cluster is, whether we may write there, what it holds of ours.

Contract: raises what went wrong; then nothing was remembered, and at most the Lease, the namespace and the
digest key were made. A cluster that is not the one that is meant is asked who it is, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from fleet import names
from fleet.clock import Clock
from fleet.errors import Elsewhere
from fleet.kube import decode, discovery, paths
from fleet.kube.client import Client
from fleet.model import Meta, ObjectRef, Resource
from fleet.sync import parent
from fleet.sync.claims import Claims
from fleet.worker import digest_key
from fleet.worker.existence import Existence
from fleet.worker.ledger import Late, Ledger
from fleet.worker.member import Identity, Member
from fleet.worker.member_lease import MemberLease
from fleet.worker.sightings import Sightings

NAMESPACE = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
KUBE_SYSTEM = ObjectRef("", "Namespace", "", "kube-system")

ANSWER_TIMEOUT: Final = 10.0  # seconds in which a server says who it is, from when it was asked
CONNECT_TIMEOUT: Final = 60.0  # seconds for the rest

Admit = Callable[[str, str], Awaitable[None]]
"""A cluster's name and the UID that answers by that connection; raises why nothing may be written there."""


async def connect(
    name: str,
    client: Client,
    place: str,
    lease: MemberLease | None,
    released: Callable[[ObjectRef, Late], None],
    clock: Clock,
    admit: Admit,
    own: str = "",
    namespaces: tuple[str, ...] | None = None,
) -> Member:
    """Read who answers, take the Lease (None: the hub itself, which has its own), read key and parents.

    ``own`` is the UID of the cluster in whose namespace ``place`` the hub itself keeps what is its own. ``namespaces``
    are all that it may read and write besides; None: the whole cluster.
    """
    doubt = asyncio.Event()
    asking = replace(paths.get_meta(NAMESPACE, KUBE_SYSTEM), timeout=ANSWER_TIMEOUT)
    # A crowd that does not answer waits for slots among itself: that is no failure of whoever waits.
    who: Meta = decode.meta((await client.send(asking)).body, NAMESPACE)
    async with asyncio.timeout(CONNECT_TIMEOUT):
        if lease is not None:
            await admit(name, who.uid)
            place = names.SELF_NAMESPACE if who.uid == own else place
            lease.move(place)
            client.prove(asking, lambda body: _same(who.uid, body, doubt))
        begun = clock.boottime()
        found = await discovery.read(client.send)
        if lease is not None:
            await lease.acquire(client.send)
        key = await digest_key.read(client.send, place)
        parents = await parent.read_all(client.send, name, place)
    member = Member(
        name=name,
        client=client,
        identity=Identity(who.uid, place, key),
        discovery=found,
        discovered=begun,
        clock=clock,
        sightings=Sightings(),
        claims=Claims(place),
        ledger=Ledger(released),
        existence=Existence(client.send, clock),
        doubt=doubt,
        namespaces=namespaces,
    )
    for item in parents:
        member.parents[item.target] = item
    member.parents_listed = True
    return member


def _same(uid: str, body: bytes, doubt: asyncio.Event) -> None:
    if decode.meta(body, NAMESPACE).uid != uid:
        doubt.set()
        raise Elsewhere("the address leads to another cluster than it did")
