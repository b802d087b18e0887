"""``fleethub vault setup``: the lines that make Vault know a Project. Nothing is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from fleet.api.project import Project
    from fleet.cli.session import Session


@click.command("setup")
@click.option("--project", "only", default="", metavar="NAME", help="This Project alone.")
@click.option(
    "--format", "form", type=click.Choice(["shell", "terraform"]), default="shell", show_default=True
)
@click.option(
    "--kv", "engine", type=click.Choice(["1", "2"]), default="2", show_default=True, help="KV version."
)
@hub_options
def command(hub: Hub, only: str, form: str, engine: str) -> None:
    """Print the mount, role and policy lines by which Vault lets a Project read what its spec.vault names.

    With JWT, Vault checks tokens by the keys of the hub's issuer, which are printed with it: it does not have to reach
    the hub. Nothing is executed.
    """
    from fleet.cli.session import run  # noqa: PLC0415
    from fleet.cli.vault import lines  # noqa: PLC0415

    async def verb(session: Session) -> tuple[list[Project], lines.Issuer]:
        projects = await _projects(session, hub, only)
        asked = any(lines.by_keys(project) for project in projects)
        return projects, await _issuer(session) if asked else lines.UNKNOWN

    projects, issuer = run(verb, hub)
    for project in projects:
        for line in lines.lines(
            project, hub.hub_namespace, issuer, engine=int(engine), terraform=form == "terraform"
        ):
            click.echo(line)


async def _projects(session: Session, hub: Hub, only: str) -> list[Project]:
    from fleet import names  # noqa: PLC0415
    from fleet.api import parse  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.errors import CliError  # noqa: PLC0415

    if only:
        bodies = [await objects.get(session.send, objects.At(names.PROJECT, hub.hub_namespace, only))]
    else:
        bodies = await objects.listed(session.send, names.PROJECT, hub.hub_namespace)
    found = [project for body in bodies if (project := parse.parse("Project", body)).spec.vault is not None]
    if not found:
        raise CliError(
            f"Project {only} has no spec.vault" if only else "no Project has a spec.vault",
            hint="Write what may be read into spec.vault.allow of the Project",
        )
    return found


async def _issuer(session: Session) -> Any:
    import json  # noqa: PLC0415

    from fleet.cli.errors import note  # noqa: PLC0415
    from fleet.cli.vault.lines import UNKNOWN, Issuer  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415
    from fleet.kube.request import Request  # noqa: PLC0415
    from fleet.secrets.vault import issuer  # noqa: PLC0415

    try:
        known = json.loads((await session.send(Request("GET", "/.well-known/openid-configuration"))).body)
        # An API server answers 406 to whoever asks for another form of its keys.
        asked = Request("GET", "/openid/v1/jwks", accept="application/jwk-set+json")
        keys = json.loads((await session.send(asked)).body)
    except FleetError as error:
        note(
            f"The keys of the hub's issuer cannot be read ({error.text}). Have somebody who may run "
            "'kubectl get --raw /.well-known/openid-configuration' and 'kubectl get --raw /openid/v1/jwks' on the hub's "
            f"cluster put the issuer, and its keys as PEM, in the place of {UNKNOWN.name} and {UNKNOWN.keys[0]}."
        )
        return UNKNOWN
    return Issuer(str(known.get("issuer", "")), issuer.pems(keys))
