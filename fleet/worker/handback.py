"""A Secret of ours goes to the cluster's own controller, which makes it from now on.

Contract: the Secret is there all the time. It is marked before the SealedSecret is sent, since the controller looks
at a new SealedSecret a few times in the first second and never again: a Secret that is not yet for it to take stays
nobody's. We let go of it once the SealedSecret is applied; until then it is a member of its set, and goes with that.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fleet.errors import FleetError
from fleet.kube.request import Send
from fleet.model import ObjectRef
from fleet.ownership import membership
from fleet.secrets.forms import sealed
from fleet.sync import existing, orphan
from fleet.worker import vacancy
from fleet.worker.member import Member


@contextlib.asynccontextmanager
async def around(ref: ObjectRef, set_id: str, member: Member, send: Send) -> AsyncIterator[None]:
    """Around the apply of ``ref``: where it is a SealedSecret and its Secret is of the set, that one is handed over."""
    secret = sealed.made(ref)
    seen = member.sightings.get(secret) if secret is not None else None
    resource = vacancy.served(secret, member.discovery) if secret is not None else None
    if secret is None or resource is None or seen is None or seen.set_id != set_id:
        yield
        return
    # Held over both writes: that the controller takes our marks off is no drift.
    async with member.ledger.write(secret):
        meta = await existing.read(member.client.send, resource, secret)
        if meta is None or not membership.member(meta, set_id):
            yield
            return
        await orphan.mark(send, resource, meta, sealed.MANAGED)
        yield
        # What fails here is done when the set is pruned.
        with contextlib.suppress(FleetError):
            await orphan.leave(send, resource, meta)
            member.sightings.drop(secret)
            member.ledger.known(secret)
