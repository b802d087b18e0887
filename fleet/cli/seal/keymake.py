"""``fleethub seal-key create|rotate|assign``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.errors import CliError
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.cli.session import Session


@click.command("create")
@click.option("--ring", required=True, help="Name of the ring.")
@click.option(
    "--selector", help="Labels of the clusters that it serves, as KEY=VALUE[,...]. Default: env=RING."
)
@hub_options
def create(hub: Hub, ring: str, selector: str | None) -> None:
    """Add a ring, with its first key."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> str:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.documents import write  # noqa: PLC0415
        from fleet.secrets import rings  # noqa: PLC0415

        place = hub.hub_namespace
        at = objects.At(objects.CONFIG_MAP, place, names.RINGS)
        entry = write.yaml({"matchLabels": _labels(selector)}) if selector else rings.entry(ring)
        if rings.read({ring: entry}).faults:
            raise CliError(f"{entry.strip()!r} is no label selector", hint="Give --selector KEY=VALUE")
        body = await objects.find(session.send, at)
        if body is None:
            meta = {"name": names.RINGS, "namespace": place}
            data = {**rings.entries(), ring: entry}
            await objects.create(
                session.send, {"apiVersion": "v1", "kind": objects.CONFIG_MAP, "metadata": meta, "data": data}
            )
        elif ring in (body.get("data") or {}):
            raise CliError(
                f"there is a ring {ring} already",
                hint=f"'fleethub seal-key rotate --ring {ring}' makes a key",
            )
        else:
            await objects.patch(session.send, at, {"data": {ring: entry}})
        return await _make(session, ring)

    click.echo(run(verb, hub))


@click.command("rotate")
@click.option("--ring", required=True, help="Name of the ring.")
@hub_options
def rotate(hub: Hub, ring: str) -> None:
    """Give a ring a new key: from now on it seals with that; older ones go on opening."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> str:
        from fleet.cli.seal import rings  # noqa: PLC0415

        known = await rings.known(session)
        if ring not in known.selectors:
            raise CliError(
                f"there is no ring {ring}", hint=f"'fleethub seal-key create --ring {ring}' adds it"
            )
        return await _make(session, ring)

    click.echo(run(verb, hub))


@click.command("assign")
@click.argument("secret")
@click.option("--ring", required=True, help="Name of the ring.")
@hub_options
def assign(hub: Hub, secret: str, ring: str) -> None:
    """Put a key that was copied to the hub's namespace on a ring."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> str:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.seal import rings  # noqa: PLC0415
        from fleet.secrets import keys  # noqa: PLC0415

        known = await rings.known(session)
        if ring not in known.selectors:
            raise CliError(
                f"there is no ring {ring}", hint=f"'fleethub seal-key create --ring {ring}' adds it"
            )
        at = objects.At(objects.SECRET, hub.hub_namespace, secret)
        body = await objects.get(session.send, at)
        labels = {**(body["metadata"].get("labels") or {}), names.RING: ring}
        labels.setdefault(keys.LABEL, keys.ACTIVE)
        key = keys.read({**body, "metadata": {**body["metadata"], "labels": labels}})
        await objects.patch(session.send, at, {"metadata": {"labels": labels}})
        return f"{secret} ({key.fingerprint}) opens for ring {ring} now."

    click.echo(run(verb, hub))


def _labels(selector: str) -> dict[str, str]:
    found = {}
    for part in selector.split(","):
        key, equals, value = part.strip().partition("=")
        if not equals:
            raise CliError(f"{part!r} is not KEY=VALUE", hint="Give --selector KEY=VALUE[,...]")
        found[key] = value
    return found


async def _make(session: Session, ring: str) -> str:
    import json  # noqa: PLC0415
    import time  # noqa: PLC0415

    from fleet.cli.seal import rings  # noqa: PLC0415
    from fleet.kube.request import Request  # noqa: PLC0415
    from fleet.secrets import keys  # noqa: PLC0415

    place = session.hub.hub_namespace
    newest = (await rings.keyring(session)).newest(ring)
    body: dict[str, Any] = keys.make(ring, place, keys.after(newest, time.time()))
    request = Request("POST", f"/api/v1/namespaces/{place}/secrets", body=json.dumps(body).encode())
    made = json.loads((await session.send(request)).body)
    key = keys.read(made)
    return f"Ring {ring} seals with {key.fingerprint} (Secret {key.secret}) from now on. Back it up: 'fleethub seal-key backup FILE'."
