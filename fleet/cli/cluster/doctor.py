"""``fleethub cluster doctor``: what is the matter with clusters, seen from the hub, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import errors, output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session

AT_ONCE: Final = 16
PATIENCE: Final = 20.0


@click.command("doctor")
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="All clusters of this hub.")
@hub_options
def command(hub: Hub, name: str | None, everything: bool) -> int:  # noqa: FBT001 (click's option)
    """Have the hub look at a cluster: is it reached, let in, the right one, and for how long; what helps.

    Checks address, credential, identity, version, the ends of token and certificates, the clock, and the rights that
    the last refusals asked for. Exit code 1 where anything is wrong. Changes nothing. Needs the hub's API.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    if (name is None) != everything:
        raise click.UsageError("give either NAME or --all")

    async def verb(session: Session) -> list[dict[str, Any]]:
        return await _examine(session, name)

    found = run(verb, hub)
    if not output.structured({"items": found}, hub.output):
        output.table(
            ("cluster", "check", "", "found"),
            [
                (one["cluster"], check["check"], "ok" if check["well"] else "WRONG", check["text"])
                for one in found
                for check in one["checks"]
            ],
            empty="There are no clusters; 'fleethub cluster add' registers one.",
        )
        for one in found:
            cures = dict.fromkeys(check["help"] for check in one["checks"] if check["help"])
            for cure in cures:
                click.echo(f"{one['cluster']}: {cure}")
    well = all(check["well"] for one in found for check in one["checks"])
    return errors.DONE if well else errors.FAILED


async def _examine(session: Session, name: str | None) -> list[dict[str, Any]]:
    import asyncio  # noqa: PLC0415

    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.live import Live  # noqa: PLC0415

    place = session.hub.hub_namespace
    if name is None:
        clusters = [
            one["metadata"]["name"] for one in await objects.listed(session.send, names.CLUSTER, place)
        ]
    else:
        await objects.get(session.send, objects.At(names.CLUSTER, place, name))
        clusters = [name]
    gate, live = asyncio.Semaphore(AT_ONCE), Live(session)
    await live.get("/queue")  # finds the way once, for all

    async def one(cluster: str) -> dict[str, Any]:
        async with gate:
            told = await live.get(f"/clusters/{cluster}/doctor", patience=PATIENCE)
        if not told:
            raise errors.CliError(
                live.why or f"the hub does not know {cluster} yet",
                hint="Check that the hub runs: 'kubectl get lease -n "
                f"{place} {names.HUB_LEASE}'; 'fleethub cluster get NAME' shows what it wrote last",
            )
        return {"cluster": cluster, "checks": told.get("items", [])}

    return list(await asyncio.gather(*map(one, clusters)))
