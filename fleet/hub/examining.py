"""``cluster doctor``: what is the matter with one cluster, seen from the hub.

Contract: changes nothing. Only what is known, and some reads of the member by a connection of its own: so it tells how
the member is now, and not how the connection at work was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fleet.clusters import doctor
from fleet.clusters.doctor import Finding, Patient
from fleet.errors import RegistrationError
from fleet.model import ApplicationKey, Hold

if TYPE_CHECKING:
    from fleet.hub.parts import Parts


async def examine(parts: Parts, name: str) -> list[Finding] | None:
    """Every check that could be made; None where there is no such Cluster."""
    known = parts.world.clusters.get(ApplicationKey(parts.namespace, name))
    if known is None:
        return None
    revoked = parts.revocations.fault(name)
    if revoked is not None:
        cure = f"fleethub cluster rotate {name} --member-kubeconfig FILE"
        return [Finding("registration", revoked.text, well=False, help=cure)]
    try:
        registered = parts.registrations.registration(name)
        connection, scope = registered.connection, registered.scope
    except RegistrationError as error:
        cure = f"fleethub cluster add {name} --member-kubeconfig FILE"
        return [Finding("registration", error.text, well=False, help=cure)]
    client = parts.open(connection, name)
    try:
        patient = Patient(
            name, parts.identities.identity(name), connection, parts.clock.now(), scope.namespaces
        )
        found = await doctor.examine(patient, client)
    finally:
        await client.close()
    faults = [fault for outcome in parts.board.cluster(name) for fault in outcome.faults]
    return [*found, *_standing(parts, name), *doctor.refusals(name, faults)]


def _standing(parts: Parts, name: str) -> Iterator[Finding]:
    """What keeps the hub from a member that answers."""
    problem = parts.renewals.facts(name).problem
    if problem:
        yield Finding("renewal", problem, well=False, help=f"fleethub cluster rotate {name}")
    first = parts.identities.first(name)
    if first:
        text = f"it is registered as {first} already, which looks after it"
        yield Finding("registered once", text, well=False, help=f"fleethub cluster remove {name}")
    reach = parts.board.reach_of(name)
    if reach is not None and reach.reason == Hold.FOREIGN_HUB.value:
        cure = f"fleethub cluster take-over {name}   # if that hub is gone"
        yield Finding("one hub", reach.text, well=False, help=cure)
