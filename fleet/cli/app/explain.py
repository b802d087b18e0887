"""``fleethub app explain``: why an Application comes out as it does on one cluster.

Contract: computed from the hub's objects by the rules that the hub itself goes by; no hub has to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import output
from fleet.cli.options import Hub, hub_options, split_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.session import Session


@click.command("explain")
@click.argument("name", metavar="APP")
@click.argument("cluster")
@hub_options
def command(hub: Hub, name: str, cluster: str) -> None:
    """Say which overrides apply to an Application on a cluster, and where each value came from."""
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> dict[str, Any]:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        body = await objects.get(session.send, objects.At(names.APPLICATION, namespace, plain))
        other = await objects.get(session.send, objects.At(names.CLUSTER, hub.hub_namespace, cluster))
        return _explain(body, other)

    told = run(verb, hub)
    if not output.structured(told, hub.output):
        _print(told)


def _explain(body: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    from fleet.api.parse import parse  # noqa: PLC0415
    from fleet.facts import Facts  # noqa: PLC0415
    from fleet.model import Revision  # noqa: PLC0415
    from fleet.variants.explain import explained  # noqa: PLC0415

    application = parse("Application", body)
    metadata, status = cluster["metadata"], cluster.get("status") or {}
    facts = Facts(
        metadata["name"],
        metadata.get("labels") or {},
        metadata.get("annotations") or {},
        str(status.get("version") or ""),
    )
    commit = str((body.get("status") or {}).get("revision") or "")
    revisions = [Revision(one.repo_url, commit, one.target_revision) for one in application.spec.all_sources]
    found = explained(application, facts, revisions)
    variant = found.variant
    return {
        "application": f"{application.metadata.namespace}/{application.metadata.name}",
        "cluster": facts.name,
        "skipped": variant is None,
        "namespace": variant.namespace if variant is not None else "",
        "overrides": [{"index": number, "selector": selector} for number, selector in found.overrides],
        "sources": [
            {"repoURL": one.repo, "path": one.path, "chart": one.chart}
            for one in (variant.sources if variant is not None else ())
            if one is not None
        ],
        "values": [{"field": one.what, "value": one.value, "from": one.by} for one in found.origins],
    }


def _print(told: dict[str, Any]) -> None:
    places = [one["chart"] or one["path"] for one in told["sources"]]
    output.fields(
        {
            "Application": told["application"],
            "Cluster": told["cluster"],
            "Goes there": "no: an override skips it" if told["skipped"] else "",
            "Namespace": told["namespace"],
            "Sources": ", ".join(places),
            "Overrides": "; ".join(
                f"overrides[{one['index']}] ({one['selector']})" for one in told["overrides"]
            )
            or "none applies",
        }
    )
    if told["values"]:
        click.echo()
        output.table(
            ("field", "value", "from"), [(one["field"], one["value"], one["from"]) for one in told["values"]]
        )
