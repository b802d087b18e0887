"""``fleethub cluster remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.objects import At
    from fleet.cli.session import Session


@click.command("remove")
@click.argument("name")
@click.option("--clean", is_flag=True, help="First withdraw everything that the hub keeps there.")
@click.option("--call-off", is_flag=True, help="Instead: end a cleaning; what was withdrawn comes back.")
@click.option(
    "--member-kubeconfig",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Take back the hub's account there too, as this administrator of the cluster.",
)
@click.option("--member-context", metavar="NAME", help="Context in it.")
@click.option(
    "--ignore-missing",
    is_flag=True,
    help="It is no error if there is none, or if --member-kubeconfig is of no use.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@timeout_option("10m")
@hub_options
def command(hub: Hub, name: str, clean: bool, yes: bool, timeout: float, **given: Any) -> None:  # noqa: FBT001 (click's options)
    """Unregister a cluster: the hub forgets its credential and lets go. What runs there stays.

    With --clean the hub withdraws every Application and every set that nobody claims from it first. Exit code 4
    when that takes longer than --timeout (the hub goes on; run it again, or --call-off), 3 with --timeout 0.
    """
    import sys  # noqa: PLC0415

    from fleet.cli import asking  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415

    if given["call_off"]:
        if clean:
            raise click.UsageError("--call-off ends what --clean began: give one of them")
        run(lambda session: _called_off(session, name), hub)
        return
    if clean:
        question = f"Unregister cluster {name}? All that the hub keeps there is deleted."
        asking.ask("cluster remove --clean", question, yes=yes)
    elif not yes and sys.stdin.isatty():
        click.confirm(f"Unregister cluster {name}? What runs there stays.", abort=True, err=True)

    async def verb(session: Session) -> None:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import errors, objects  # noqa: PLC0415

        at = objects.At(names.CLUSTER, hub.hub_namespace, name)
        missing = given["ignore_missing"] and await objects.find(session.send, at) is None
        declared = await _declared(session, name)
        if declared and not clean:
            raise errors.CliError(
                f"{declared}: Git would have it made again",
                hint="Take it out of Git; that unregisters the cluster",
            )
        if clean and not missing:
            await cleaned(session, name, timeout)
        if declared:
            click.echo(f"{declared}: take it out of Git now; that unregisters the cluster.")
            return
        await _remove(session, name, clean=clean, missing=missing)
        if given["member_kubeconfig"]:
            try:
                await _account(session, given["member_kubeconfig"], given["member_context"])
            except errors.CliError as error:
                if not given["ignore_missing"]:
                    raise
                errors.note(f"Note: {error.message}; what the hub's account is on {name} stays.")

    run(verb, hub)


async def _account(session: Session, kubeconfig: str, context: str | None) -> None:
    """Take back the hub's account and its rights on the member."""
    from fleet.cli import errors  # noqa: PLC0415
    from fleet.cli.cluster import own, registering  # noqa: PLC0415
    from fleet.cli.session import failed  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415
    from fleet.kube import trusted  # noqa: PLC0415

    try:
        member = await trusted.load(kubeconfig, context)
        send = session.open(member).send
        removed = await own.turn_out(session, send, await registering.who(send))
    except FleetError as error:
        raise failed(
            error, "The registration is gone; check --member-kubeconfig and run this again"
        ) from None
    for one in removed:
        errors.note(f"Taken back: {one}")


async def _remove(session: Session, name: str, *, clean: bool, missing: bool) -> None:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import errors, objects  # noqa: PLC0415
    from fleet.cli.cluster import records, secrets  # noqa: PLC0415

    namespace = session.hub.hub_namespace
    at = objects.At(names.CLUSTER, namespace, name)
    cluster = await objects.find(session.send, at)
    made_from = ((cluster or {}).get("metadata", {}).get("annotations") or {}).get(names.MADE_FROM, "")
    if "/" in made_from:
        raise errors.CliError(
            f"{name} is discovered from Secret {made_from}, which another tool keeps",
            hint="Remove it there, or its label; or run the hub without --discover for that namespace",
        )
    # The Secrets first: as long as one is there, the hub makes the Cluster anew.
    removed = [
        str(where)
        for where in _secrets(namespace, name, made_from)
        if secrets.ours_of(name, await objects.find(session.send, where))
        and await objects.delete(session.send, where)
    ]
    if await objects.delete(session.send, at):
        removed.append(str(at))
    await records.write(session.send, namespace, name, None)
    if not removed and missing:
        click.echo(f"There is no {at}.")
        return
    if not removed:
        await objects.get(session.send, at)
    click.echo(f"Removed {', '.join(removed)}.")
    if clean:
        click.echo("What the hub kept there is gone; its account stays (namespace fleethub).")
    else:
        click.echo(f"What runs on {name} stays, and so does the hub's account there (namespace fleethub).")


def _secrets(namespace: str, name: str, made_from: str) -> list[At]:
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.cluster import secrets  # noqa: PLC0415

    wanted = {f"{name}{secrets.KUBECONFIG_SUFFIX}", f"{name}{secrets.TOKEN_SUFFIX}", made_from}
    return [objects.At(objects.SECRET, namespace, one) for one in sorted(wanted - {""})]


async def _declared(session: Session, name: str) -> str:
    """What an app of apps holds of a registration, in words; empty where it holds nothing of it."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.cluster import secrets  # noqa: PLC0415

    namespace = session.hub.hub_namespace
    at = objects.At(names.CLUSTER, namespace, name)
    cluster = await objects.find(session.send, at)
    made_from = ((cluster or {}).get("metadata", {}).get("annotations") or {}).get(names.MADE_FROM, "")
    for where in (at, *_secrets(namespace, name, made_from if "/" not in made_from else "")):
        found = cluster if where == at else await objects.find(session.send, where)
        if found is None or (where != at and not secrets.ours_of(name, found)):
            continue
        own = (found["metadata"].get("labels") or {}).get(names.APPLYSET_PART_OF)
        if not own:
            continue
        for parent in await objects.listed(
            session.send, objects.CONFIG_MAP, namespace, f"{names.APPLYSET_ID}={own}"
        ):
            holder = (parent["metadata"].get("annotations") or {}).get(names.SET_APPLICATION, "")
            return f"Application {holder} holds {where}"
    return ""


async def _called_off(session: Session, name: str) -> None:
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415

    at = objects.At(names.CLUSTER, session.hub.hub_namespace, name)
    metadata = (await objects.get(session.send, at))["metadata"]
    if names.CLEAN not in (metadata.get("annotations") or {}):
        click.echo(f"{name} is not being cleaned.")
        return
    await objects.annotate(session.send, at, {names.CLEAN: None})
    click.echo(f"Called off: what was withdrawn from {name} comes back.")


async def cleaned(session: Session, name: str, timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Ask for the withdrawal and wait for its end."""
    import asyncio  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415

    from fleet import names  # noqa: PLC0415
    from fleet.cli import errors, objects, waiting  # noqa: PLC0415

    at = objects.At(names.CLUSTER, session.hub.hub_namespace, name)
    metadata: dict[str, Any] = (await objects.get(session.send, at))["metadata"]
    word = (metadata.get("annotations") or {}).get(names.CLEAN, "")
    if not word:
        word = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        await objects.annotate(session.send, at, {names.CLEAN: word})

    async def look() -> waiting.Look:
        body = await objects.get(session.send, at)
        twice = objects.condition(body, "RegisteredTwice")
        if twice.get("status") == "True":
            await objects.annotate(session.send, at, {names.CLEAN: None})
            raise errors.CliError(
                f"{name}: {twice.get('message')}", hint="Remove this registration without --clean"
            )
        done = objects.condition(body, "Cleaned")
        if done.get("status") == "True" and word in done.get("message", ""):
            return waiting.Look(done=True, lines=("Nothing is left.",))
        return waiting.Look(done=False, lines=tuple(_told(name, body)))

    call_off = f"'fleethub cluster remove {name} --call-off' has all put back"
    try:
        await waiting.until(look, timeout=timeout, what=f"cleaning {name}")
    except asyncio.CancelledError:
        errors.note(f"The hub goes on withdrawing everything from {name}; {call_off}.")
        raise
    except errors.CliError as error:
        if error.exit_code in (errors.NOT_YET, errors.OUT_OF_TIME):
            error.hint = (
                f"The hub goes on: run this again; without --clean it lets go at once, and {call_off}"
            )
        raise


def _told(name: str, body: dict[str, Any]) -> list[str]:
    from fleet.cli import objects  # noqa: PLC0415

    reachable, cleaning = objects.condition(body, "Reachable"), objects.condition(body, "Cleaning")
    lines = [f"{name}: {cleaning.get('message') or 'the hub has not taken it up yet; does it run?'}"]
    if reachable.get("status") != "True":
        lines.append(f"{name} does not answer: {reachable.get('message', '')}".rstrip(": "))
    return lines
