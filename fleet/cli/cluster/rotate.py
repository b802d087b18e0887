"""``fleethub cluster rotate``: another token for what the hub signs in to a cluster with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli import errors
from fleet.cli.options import Hub, hub_options, timeout_option

if TYPE_CHECKING:
    from fleet.cli.objects import At
    from fleet.cli.session import Session


@click.command("rotate")
@click.argument("name")
@click.option(
    "--member-kubeconfig",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Kubeconfig of an administrator of the cluster, where the hub itself gets in no more.",
)
@click.option("--member-context", metavar="NAME", help="Context in it.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the hub has proved the new token.")
@timeout_option("1m")
@hub_options
def command(hub: Hub, name: str, **given: Any) -> None:
    """Give the hub a new token for a cluster, now.

    The hub asks the cluster for one, tries it, and goes over to it; the former counts until its own end. Where
    the hub gets in no more (its token ended, was voided or revoked), --member-kubeconfig makes its account there
    whole and hands it a token.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> None:
        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        at = objects.At(names.CLUSTER, hub.hub_namespace, name)
        body = await objects.get(session.send, at)
        if given["member_kubeconfig"]:
            await _let_in(session, body, given)
        else:
            await _ask(session, at, given)

    run(verb, hub)


async def _ask(session: Session, at: At, given: dict[str, Any]) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415

    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    word = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    await objects.annotate(session.send, at, {names.ROTATE: word})
    if given["no_wait"]:
        click.echo(f"Asked for a new token for {at.name}.")
        return

    async def look() -> waiting.Look:
        held = await objects.get(session.send, at)
        refused, reachable = (objects.condition(held, one) for one in ("CredentialNotRenewed", "Reachable"))
        if word in refused.get("message", ""):
            raise errors.CliError(
                f"{at.name}: {refused['message']}", hint=f"See 'fleethub cluster doctor {at.name}'"
            )
        done = columns.status(held).get("rotated") == word and reachable.get("status") == "True"
        if reachable.get("status") == "True":
            told = "the hub has not taken it up yet"
        else:
            told = (
                f"the hub does not reach it: {reachable.get('message', '')}; --member-kubeconfig lets it in"
            )
        return waiting.Look(done, (_granted(held) if done else f"{at.name}: {told}",))

    last = await waiting.until(look, timeout=given["timeout"], what=f"a new token for {at.name}")
    click.echo(last.lines[0])


async def _let_in(session: Session, body: dict[str, Any], given: dict[str, Any]) -> None:
    """Make the account on the member whole, as its administrator, and put its token where the hub looks for it."""
    import base64  # noqa: PLC0415

    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415
    from fleet.cli.cluster import own, secrets  # noqa: PLC0415
    from fleet.cli.session import failed  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415
    from fleet.kube import decode, paths, trusted  # noqa: PLC0415
    from fleet.worker.connect import KUBE_SYSTEM, NAMESPACE  # noqa: PLC0415

    name, namespace = body["metadata"]["name"], session.hub.hub_namespace
    at = objects.At(objects.SECRET, namespace, f"{name}{secrets.TOKEN_SUFFIX}")
    present = await objects.find(session.send, at)
    if present is not None and not secrets.ours_of(name, present):
        raise errors.CliError(f"{at} is there already and is no credential", hint="Rename or remove it first")
    try:
        member = session.open(await trusted.load(given["member_kubeconfig"], given["member_context"]))
        answer = await member.send(paths.get_meta(NAMESPACE, KUBE_SYSTEM))
        reached, known = decode.meta(answer.body, NAMESPACE).uid, columns.status(body).get("identity", "")
        if known and reached != known:
            raise errors.CliError(
                f"that kubeconfig reaches the cluster {reached}, and {name} is {known} (UIDs of kube-system)",
                hint="Give the kubeconfig of that cluster",
            )
        if done := await own.revoked(session, body, member.send, reached):
            click.echo(done)
        # The rights that it was given stay the same: this is no way to more.
        enrolled = await own.let_in(session, member.send, (name, reached), None, own.registered(body))
    except FleetError as error:
        raise failed(error, "Check --member-kubeconfig and --member-context") from None
    for granted in enrolled.granted:
        click.echo(f"Granted: {granted}")
    if present is None:
        kept = secrets.credential((namespace, name), _bare(enrolled.token))
        await objects.apply(session.send, kept)
    else:
        token = base64.b64encode(enrolled.token.encode()).decode("ascii")
        await objects.patch(session.send, at, {"data": {"token": token}})
    if given["no_wait"]:
        click.echo(f"Wrote {at}.")
        return
    await _taken_up(session, body, given["timeout"])
    click.echo(f"The hub has reached {name}.")


async def _taken_up(session: Session, body: dict[str, Any], timeout: float) -> None:  # noqa: ASYNC109 (exit code 4)
    """Wait until the hub has reached the member by another Secret than that of before."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects, waiting  # noqa: PLC0415
    from fleet.cli.app import columns  # noqa: PLC0415

    name, before = body["metadata"]["name"], columns.status(body).get("registration")
    at = objects.At(names.CLUSTER, session.hub.hub_namespace, name)

    async def look() -> waiting.Look:
        held = await objects.get(session.send, at)
        reachable = objects.condition(held, "Reachable")
        current = columns.status(held).get("registration") != before
        told = reachable.get("message") if current else "the hub has not taken it up yet"
        return waiting.Look(current and reachable.get("status") == "True", (f"{name}: {told}",))

    await waiting.until(look, timeout=timeout, what=f"reaching {name}")


def _granted(body: dict[str, Any]) -> str:
    from fleet.cli.app import columns  # noqa: PLC0415

    held = columns.status(body)
    return (
        f"{body['metadata']['name']} has a new token: granted for {held.get('credentialLifetime')}, "
        f"until {held.get('credentialExpires')}."
    )


def _bare(token: str) -> Any:
    from fleet.kube.connection import Connection  # noqa: PLC0415

    return Connection(server="", token=token)
