"""``fleethub seal-key list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("list")
@hub_options
def command(hub: Hub) -> None:
    """List rings, the clusters that they serve, and their keys."""
    from fleet.cli import output  # noqa: PLC0415
    from fleet.cli.seal.rings import ask  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> dict[str, Any]:
        return await ask(session)

    found = run(verb, hub)
    for one in found["items"]:
        one.pop("certificate")
    if output.structured(found, hub.output):
        return
    rows = []
    for one in found["items"]:
        serves = ", ".join(one["clusters"][:5]) + (
            f" +{len(one['clusters']) - 5}" if one["clusters"][5:] else ""
        )
        for key in one["keys"] or [
            {"secret": "", "fingerprint": "no key", "made": "", "active": True, "seals": False}
        ]:
            state = "seals" if key["seals"] else "opens" if key["active"] else "retired"
            rows.append((one["ring"], serves or "-", key["secret"], key["made"], state, key["fingerprint"]))
    output.table(
        ("RING", "CLUSTERS", "SECRET", "MADE", "STATE", "FINGERPRINT"), rows, empty="There is no ring."
    )
    for problem in [*(f"{one['ring']}: {one['problem']}" for one in found["items"] if one["problem"])]:
        click.echo(problem, err=True)
    for one in found["unusable"]:
        click.echo(one["problem"], err=True)
