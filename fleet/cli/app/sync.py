"""``fleethub app sync``: a request on the Application, with who asked; and waiting for its answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import errors, output
from fleet.cli.options import Hub, hub_options, split_name, timeout_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.session import Session

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@click.command("sync")
@click.argument("name")
@click.option("--prune", is_flag=True, help="Delete objects that Git no longer names, too.")
@click.option(
    "--dry-run", is_flag=True, help="Ask nothing; show what is out of sync. Exit code 3 if anything is."
)
@click.option(
    "--revision", default="", metavar="COMMIT", help="This commit. Default: the newest that the hub knows."
)
@click.option("--wait", "wait", is_flag=True, help="Wait until it is synced and healthy there.")
@timeout_option()
@hub_options
def command(hub: Hub, name: str, **asked: Any) -> int:
    """Ask the hub to make an Application's clusters equal to a commit.

    An Application with automated sync needs it only for a prune, or to try again at once.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)
    if asked["revision"] and not _COMMIT.fullmatch(asked["revision"].lower()):
        raise click.BadParameter("must be a whole commit hash", param_hint="--revision")

    async def verb(session: Session) -> int:
        if asked["dry_run"]:
            return await _dry(session, namespace, plain)
        return await _sync(session, (namespace, plain), asked)

    return run(verb, hub)


async def _sync(session: Session, key: tuple[str, str], asked: Mapping[str, Any]) -> int:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415

    at = objects.At(names.APPLICATION, *key)
    body = await objects.get(session.send, at)
    commit = asked["revision"].lower() or await _newest(session, body)
    value = request(commit, await _me(session), prune=asked["prune"])
    await objects.annotate(session.send, at, {names.SYNC: value})
    click.echo(
        f"Asked for a sync of {'/'.join(key)} at {commit[:7]}{' with prune' if asked['prune'] else ''}."
    )
    if asked["wait"]:
        click.echo(await _wait(session, at, value, asked["timeout"]))
    return errors.DONE


def request(commit: str, by: str, *, prune: bool, at: str = "") -> str:
    """Give the annotation's value: ``COMMIT[,prune][;by=NAME][;at=TIME]``, the name percent-encoded."""
    from datetime import UTC, datetime  # noqa: PLC0415
    from urllib.parse import quote  # noqa: PLC0415

    time = at or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    name = quote(by, safe=":@/.-_")[:128]
    return f"{commit}{',prune' if prune else ''}{';by=' + name if name else ''};at={time}"


async def _newest(session: Session, body: Mapping[str, Any]) -> str:
    """Give the newest commit that the hub knows: its API's, else the one in the status."""
    from fleet.cli.app import columns  # noqa: PLC0415
    from fleet.cli.live import Live  # noqa: PLC0415

    metadata = body["metadata"]
    live = await Live(session).get(f"/applications/{metadata['namespace']}/{metadata['name']}")
    commit = (live or {}).get("headRevision") or columns.status(body).get("revision")
    if not commit:
        raise errors.CliError(
            "the hub has not resolved a revision of it yet", hint="Give --revision COMMIT, or see 'app get'"
        )
    return str(commit)


async def _me(session: Session) -> str:
    """Give the name that the API server knows this person by; empty where it will not say."""
    import json  # noqa: PLC0415

    from fleet.errors import FleetError  # noqa: PLC0415
    from fleet.kube.request import Request  # noqa: PLC0415

    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    try:
        answer = await session.send(Request("POST", path, body=json.dumps(body).encode()))
        return str(json.loads(answer.body)["status"]["userInfo"]["username"])
    except (FleetError, ValueError, KeyError, TypeError):
        return ""


async def _wait(session: Session, at: Any, value: str, timeout: float) -> str:  # noqa: ASYNC109 (exit code 4)
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    async def look() -> waiting.Look:
        body = await objects.get(session.send, at)
        held = columns.status(body)
        asked = held.get("lastSync") or {}
        phase = asked.get("phase", "Running") if asked.get("request") == value else ""
        ready = objects.condition(body, "Ready").get("message", "")
        if phase == "Failed":
            raise errors.CliError(f"the sync failed: {ready}", hint=f"See 'fleethub app get {at.name}'")
        done = phase == "Succeeded" and held.get("sync") == "Synced" and held.get("health") == "Healthy"
        message = ready if phase else "the hub has not taken it up yet"
        return waiting.Look(done, (f"{at.namespace}/{at.name}: {columns.told(body)}", f"  {message}"))

    found = await waiting.until(look, timeout=timeout, what=f"{at.namespace}/{at.name}")
    return found.lines[0]


async def _dry(session: Session, namespace: str, name: str) -> int:
    """Show what a sync would change, as the hub's watches and comparisons have found it."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.live import Live  # noqa: PLC0415

    live = Live(session)
    told = await live.get(f"/applications/{namespace}/{name}")
    if not told:
        await objects.get(session.send, objects.At(names.APPLICATION, namespace, name))
        raise errors.CliError(
            live.why or "the hub does not know it yet", hint="A dry run needs the hub's API"
        )
    targets = told.get("targets") or []
    behind = [target for target in targets if target["sync"] != "Synced"]
    if output.structured({"headRevision": told.get("headRevision"), "targets": behind}, session.hub.output):
        return errors.NOT_YET if behind else errors.DONE
    rows = [
        (target["cluster"], drift["object"], drift["cause"], drift["manager"], ", ".join(drift["fields"]))
        for target in behind
        for drift in target.get("drifts") or [_NOTHING_KNOWN]
    ]
    empty = f"All {len(targets)} clusters are in sync."
    output.table(("cluster", "object", "cause", "by", "fields"), rows, empty=empty)
    return errors.NOT_YET if behind else errors.DONE


_NOTHING_KNOWN = {"object": "", "cause": "OutOfSync", "manager": "", "fields": ()}
