"""``fleethub app get``: the status, joined with live detail of every target where the hub's API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.cli.session import Session

COLUMNS: Final = ("cluster", "sync", "health", "revision", "objects", "since", "reason")


@click.command("get")
@click.argument("name")
@hub_options
def command(hub: Hub, name: str) -> None:
    """Show an Application: how it stands on every cluster, what is the matter, what has drifted."""
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> tuple[dict[str, Any], dict[str, Any] | None, str]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        body = await objects.get(session.send, objects.At(names.APPLICATION, namespace, plain))
        live = Live(session)
        return body, await live.get(f"/applications/{namespace}/{plain}"), live.why

    body, live, why = run(verb, hub)
    if output.structured({**output.clean(body), "live": live or None}, hub.output):
        return
    _print(body, live or {})
    if not live:
        click.echo(
            f"\nStatus alone, as the hub last wrote it: {why or 'the hub does not know it yet'}.", err=True
        )


def _print(body: Mapping[str, Any], live: Mapping[str, Any]) -> None:
    from fleet.cli.app import columns  # noqa: PLC0415

    metadata, held, spec = body["metadata"], columns.status(body), body.get("spec") or {}
    asked = held.get("lastSync") or {}
    deleting = (
        f", deleting for {columns.age(metadata['deletionTimestamp'])}"
        if "deletionTimestamp" in metadata
        else ""
    )
    output.fields(
        {
            "Name": f"{metadata.get('namespace', '')}/{metadata['name']}{deleting}",
            "Project": spec.get("project", "default"),
            "Source": columns.source(spec),
            "Revision": held.get("revision", ""),
            "Sync": live.get("sync") or held.get("sync", "Unknown"),
            "Health": live.get("health") or held.get("health", "Unknown"),
            "Clusters": live.get("clusters") or held.get("clusters", ""),
            "Renderer": held.get("renderer", ""),
            "Asked": " ".join(
                part
                for part in (
                    columns.short(asked.get("revision", "")),
                    asked.get("by", ""),
                    asked.get("at", ""),
                )
                if part
            ),
        }
    )
    for kind, message in columns.matters(body):
        click.echo(f"{kind}: {message}")
    targets = live.get("targets") or []
    if targets:
        click.echo()
        output.table(COLUMNS, [_row(target) for target in targets])
        for line in _notes(targets):
            click.echo(line)
        for line in _waits(live.get("trace") or {}):
            click.echo(line)
    elif held.get("problems"):
        click.echo("\nNot well:")
        for problem in held["problems"]:
            click.echo(f"  {problem}")


def _waits(found: Mapping[str, Any]) -> Iterator[str]:
    """Give what each target that is not live waits for, and what helps."""
    from fleet.cli.app import traced  # noqa: PLC0415

    for step in found.get("steps") or []:
        if step["stage"] != "Live":
            yield f"\n{traced.where(step)}: {step['stage']}{traced.since(step)}: {step['text']}"
            yield f"  {step['action']}."


def _row(target: Mapping[str, Any]) -> tuple[str, ...]:
    from fleet.cli.app import columns  # noqa: PLC0415

    counts, reach = target.get("counts") or {}, target.get("reach") or {}
    objects = f"{counts.get('members', 0)}/{counts.get('desired', 0)}" if counts else ""
    seen = target.get("at", "") if reach.get("reachable", True) else reach.get("seen", "")
    reason = target.get("reason", "") or target.get("queued", "")
    return (
        target["cluster"],
        target["sync"],
        target["health"],
        columns.short(target.get("revision", "")),
        objects,
        columns.age(seen),
        reason,
    )


def _notes(targets: list[Mapping[str, Any]]) -> Iterator[str]:
    """Give the lines below the table: faults, drifts, what people added by hand, warnings."""
    from fleet.cli.app import columns  # noqa: PLC0415

    for target in targets:
        name = target["cluster"]
        for fault in target.get("faults") or []:
            where = f"{fault['object']}: " if fault["object"] and fault["object"] not in fault["text"] else ""
            yield f"{name}: {fault['reason']}: {where}{fault['text']}"
        for hold in target.get("holds") or []:
            yield f"{name}: {hold['hold']}: {hold['text']}"
        for drift in target.get("drifts") or []:
            fields = ", ".join(drift["fields"])
            by = f" by {drift['manager']} {drift['at']}".rstrip() if drift["manager"] else ""
            yield f"{name}: drift: {drift['object']} {drift['cause']}{by}{': ' + fields if fields else ''}"
        for one in target.get("foreignFields") or []:
            yield f"{name}: added by hand: {columns.added(one, one['object'])}"
        for warning in target.get("warnings") or []:
            yield f"{name}: warning: {warning}"
