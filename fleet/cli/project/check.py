"""``fleethub project check``: what the Projects of an Application and of all that hold it allow.

Contract: computed from the hub's objects alone, by the rules that the hub itself goes by; no hub has to run. What
single objects of the repository breach is known to the hub, whose last word of it is shown. Ends with 0 where
nothing is breached, else with 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from fleet.cli import errors, output
from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.api.application import Application
    from fleet.cli.session import Session
    from fleet.projects.sources import Chain
    from fleet.world.objects import World

COLUMNS: Final = ("cluster", "allowed", "namespaces", "cluster-scoped kinds", "as")


class Found(NamedTuple):
    """What was read: the World as far as it may be read, and namespaces of which it may not."""

    body: dict[str, Any]
    world: World
    unread: tuple[str, ...]


@click.command("check")
@click.argument("name", metavar="APP")
@hub_options
def command(hub: Hub, name: str) -> int:
    """Say what an Application's Projects let it do, and each breach. Exit code 1 where there is one."""
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> Found:
        return await _read(session, hub, namespace, plain)

    found = run(verb, hub)
    told = _judge(found, hub, namespace, plain)
    if not output.structured(told, hub.output):
        _print(told)
    for unread in found.unread:
        errors.note(f"Applications of namespace {unread} cannot be read: one that holds this counts too.")
    return errors.DONE if told["allowed"] else errors.FAILED


async def _read(session: Session, hub: Hub, namespace: str, name: str) -> Found:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.errors import Forbidden  # noqa: PLC0415
    from fleet.world.objects import World  # noqa: PLC0415

    body = await objects.get(session.send, objects.At(names.APPLICATION, namespace, name))
    world, unread = World(), list[str]()
    # An app of apps is in the namespace of its children, or in the hub's own.
    wanted = [(names.PROJECT, hub.hub_namespace), (names.CLUSTER, hub.hub_namespace)]
    wanted += [(names.APPLICATION, place) for place in dict.fromkeys((namespace, hub.hub_namespace))]
    for kind, place in wanted:
        try:
            listed = await objects.listed(session.send, kind, place)
        except Forbidden:
            if kind != names.APPLICATION or place == namespace:
                raise
            unread.append(place)
            continue
        for one in listed:
            world.saw(kind, one)
    for kind in names.HUB_KINDS:
        world.listed(kind)
    return Found(body, world, tuple(unread))


def _judge(found: Found, hub: Hub, namespace: str, name: str) -> dict[str, Any]:
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.hub.lineage import Lineage  # noqa: PLC0415
    from fleet.model import ApplicationKey  # noqa: PLC0415
    from fleet.projects import sources  # noqa: PLC0415
    from fleet.projects.patterns import REFUSED  # noqa: PLC0415

    key = ApplicationKey(namespace, name)
    lineage = Lineage(found.world, hub.hub_namespace, lambda _: None)
    for application in found.world.applications:
        lineage.changed(application)
    known = found.world.applications[key]
    if known.model is None:
        text = known.error.text if known.error is not None else "the Application is not valid"
        raise errors.CliError(text, hint=f"See 'fleethub app get {key}'")
    chain = lineage.chain(key)
    breaches = [fault.text for fault in sources.breaches(known.model, chain)]
    clusters = [] if breaches else _clusters(found.world, known.model, chain)
    breaches += [one["reason"] for one in clusters if one["reason"]]
    said = objects.condition(found.body, REFUSED)
    objects_said = said.get("message", "") if said.get("status") == "True" else ""
    return {
        "application": str(key),
        "allowed": not breaches and not objects_said,
        "projects": [{"application": str(link.key), "project": link.name} for link in chain.links],
        "clusters": clusters,
        "breaches": list(dict.fromkeys(breaches)),
        "hub": objects_said if objects_said not in breaches else "",
    }


def _clusters(world: World, application: Application, chain: Chain) -> list[dict[str, Any]]:
    from fleet.placement.place import place  # noqa: PLC0415
    from fleet.projects import sources, walls  # noqa: PLC0415

    models = [known.model for known in world.clusters.values() if known.model is not None]
    labels = {model.name: model.metadata.labels for model in models}
    selected = place(application, models).names
    barred = sources.barred(chain, selected, labels)
    rows = []
    for name in selected:
        found = None if name in barred else walls.walls(chain, name, labels.get(name, {}))
        fences = found.fences if found is not None else ()
        rows.append(
            {
                "cluster": name,
                "allowed": found is not None,
                "namespaces": {fence.project: list(fence.namespaces) for fence in fences},
                "clusterScopedKinds": {fence.project: list(fence.cluster_kinds) for fence in fences},
                "serviceAccount": (found.account if found is not None else None) or "",
                "reason": barred[name].text if name in barred else "",
            }
        )
    return rows


def _print(told: Mapping[str, Any]) -> None:
    first, *above = told["projects"]
    output.fields(
        {
            "Application": told["application"],
            "Project": first["project"],
            "Held by": ", ".join(f"{one['application']} (Project {one['project']})" for one in above),
        }
    )
    if told["clusters"]:
        click.echo()
        output.table(COLUMNS, [_row(one) for one in told["clusters"]])
    click.echo()
    for text in told["breaches"]:
        click.echo(f"Not allowed: {text}")
    if told["hub"]:
        click.echo(f"The hub says: {told['hub']}")
    if told["allowed"]:
        click.echo("Nothing is breached.")


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["cluster"],
        "yes" if one["allowed"] else "no",
        _each(one["namespaces"]),
        _each(one["clusterScopedKinds"]),
        one["serviceAccount"],
    )


def _each(lists: Mapping[str, list[str]]) -> str:
    """Give what every Project says; of several, all must allow it."""
    return " and ".join(dict.fromkeys(",".join(items) or "none" for items in lists.values()))
