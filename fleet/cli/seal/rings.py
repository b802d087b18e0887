"""What the command line asks of a hub about rings: from its API, and, for private keys, from its Secrets.

Contract: a private key is read with the caller's own rights and lives as long as the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet import names
from fleet.cli import objects
from fleet.cli.errors import CliError
from fleet.cli.live import Live
from fleet.cli.objects import At
from fleet.errors import FleetError
from fleet.secrets import keys, rings
from fleet.secrets.keyring import Keyring

if TYPE_CHECKING:
    from fleet.cli.session import Session
    from fleet.secrets.rings import Rings


async def ask(session: Session) -> dict[str, Any]:
    """Rings, clusters, certificates and fingerprints, as the hub tells them."""
    live = Live(session)
    found = await live.get("/seal-keys")
    if not found:
        raise CliError(f"the hub does not say which rings it has: {live.why}", hint="Check that it runs")
    return found


async def certificate(session: Session, ring: str) -> bytes:
    """The certificate that a ring seals with."""
    found = await ask(session)
    by_name = {one["ring"]: one for one in found["items"]}
    if ring not in by_name or not by_name[ring]["certificate"]:
        known = ", ".join(name for name, one in by_name.items() if one["certificate"])
        raise CliError(
            f"ring {ring!r} has no key; there is {known or 'none'}", hint="See 'fleethub seal-key list'"
        )
    return str(by_name[ring]["certificate"]).encode()


async def keyring(session: Session) -> Keyring:
    """All keys of the hub, with their private halves."""
    found = Keyring()
    for secret in await objects.listed(session.send, objects.SECRET, session.hub.hub_namespace, keys.LABEL):
        try:
            found.put(keys.read(secret))
        except FleetError:
            continue  # it opens nothing; ``seal-key list`` says so
    return found


async def known(session: Session) -> Rings:
    """The rings of the hub's ConfigMap."""
    body = await objects.find(session.send, At(objects.CONFIG_MAP, session.hub.hub_namespace, names.RINGS))
    return rings.default() if body is None else rings.read(body.get("data") or {})
