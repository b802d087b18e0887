"""``fleethub cluster get``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.session import Session


@click.command("get")
@click.argument("name")
@hub_options
def command(hub: Hub, name: str) -> None:
    """Show a cluster: whether the hub reaches it, and how Applications stand there."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> tuple[dict[str, Any], dict[str, Any] | None, str]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        at = objects.At(names.CLUSTER, hub.hub_namespace, name)
        body = await objects.get(session.send, at)
        live = Live(session)
        return body, await live.get(f"/clusters/{name}"), live.why

    body, live, why = run(verb, hub)
    if output.structured({**output.clean(body), "live": live or None}, hub.output):
        return
    _print(body, live or {})
    if not live:
        click.echo(
            f"\nStatus alone, as the hub last wrote it: {why or 'the hub does not know it yet'}.", err=True
        )


def _unclaimed(name: str, live: dict[str, Any]) -> str:
    count = live.get("unclaimed", 0)
    return f"{count} (fleethub cluster gc {name})" if count else ""


def _scope(body: Mapping[str, Any]) -> str:
    namespaces = (body.get("spec") or {}).get("namespaces")
    return f"namespaces {', '.join(namespaces)}" if namespaces else "the whole cluster"


def _credential(held: Mapping[str, Any]) -> str:
    expires, lifetime = held.get("credentialExpires", ""), held.get("credentialLifetime", "")
    if not expires:
        return ""
    return f"until {expires}" + (f", granted for {lifetime}, renewed after a third" if lifetime else "")


def _print(body: dict[str, Any], live: dict[str, Any]) -> None:
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    metadata, held, reach = body["metadata"], columns.status(body), live.get("reach") or {}
    reachable = objects.condition(body, "Reachable")
    output.fields(
        {
            "Name": metadata["name"],
            "Server": held.get("server") or (body.get("spec") or {}).get("server", ""),
            "Version": held.get("version", ""),
            "Identity": held.get("identity", ""),
            "Scope": _scope(body),
            "Credential": _credential(held),
            "Labels": ", ".join(
                f"{key}={value}" for key, value in sorted((metadata.get("labels") or {}).items())
            ),
            "Ready": objects.condition(body, "Ready").get("status", "Unknown"),
            "Reachable": f"{reachable.get('status', 'Unknown')}: {reachable.get('message', '')}".rstrip(": "),
            "Last answer": reach.get("seen", ""),
            "Unclaimed sets": _unclaimed(metadata["name"], live),
        }
    )
    for kind, message in columns.matters(body):
        click.echo(f"{kind}: {message}")
    targets = live.get("targets") or []
    if targets:
        click.echo()
        rows = [
            (one["application"], one["sync"], one["health"], columns.short(one["revision"]), one["reason"])
            for one in targets
        ]
        output.table(("application", "sync", "health", "revision", "reason"), rows)
