"""``fleethub init``: writes a repository by environment, with its first two commits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fleet.cli import saving
from fleet.cli.errors import WRONG_USE, CliError
from fleet.cli.options import Hub, hub_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.init.files import Plan
    from fleet.cli.session import Session

# Where the folder itself is pushed from: to be replaced by whoever has no repository yet.
PLACE: Final = "https://git.example.com/acme/fleet.git"
_NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_KEY: Final = 32


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--repository",
    "url",
    default=PLACE,
    show_default=True,
    metavar="URL",
    help="Where it will be pushed, as the hub sees it.",
)
@click.option(
    "--environment",
    "environments",
    multiple=True,
    metavar="NAME",
    default=("dev", "staging", "prod"),
    show_default=True,
    help="An environment; its clusters have the label env=NAME. Repeatable, in the order of a change.",
)
@click.option("--app", default="shop", show_default=True, metavar="NAME", help="The first application.")
@click.option("--seal", is_flag=True, help="Seal a first Secret for each environment, with the hub's rings.")
@click.option("--vault", default="", metavar="URL", help="Have a Secret come from this Vault or OpenBao.")
@hub_options
def command(
    hub: Hub,
    folder: Path,
    url: str,
    environments: tuple[str, ...],
    app: str,
    seal: bool,  # noqa: FBT001 (click gives it)
    vault: str,
) -> None:
    """Write a repository by environment to DIR, which must be empty or missing, and commit it.

    Dev follows the branch and is synced automatically; what comes after it is moved by 'fleethub promote'; the last one is
    synced when a person says so.
    """
    from fleet.cli.environments.repository import Repository  # noqa: PLC0415
    from fleet.cli.init import files  # noqa: PLC0415

    _check(folder, url, environments, app, vault)
    # Before anything is written: whoever is nobody to git could not go on in a folder that is not empty any more.
    Repository(Path()).person  # noqa: B018 (it raises)
    plan = files.Plan(url, app, environments, vault.rstrip("/"))
    if seal:
        plan = _sealed(hub, plan)
    folder.mkdir(parents=True, exist_ok=True)
    repository = Repository.make(folder, files.BRANCH, url)
    _write(folder, files.shared(plan))
    commit = repository.record(f"The base of {app}")
    _write(folder, files.own(plan, commit))
    repository.record(f"Environments: {', '.join(environments)}")
    click.echo(f"Wrote {folder}: {app} in {', '.join(environments)}.")
    if url == PLACE:
        click.echo(f"Put the URL of your repository in the place of {PLACE} in its files.", err=True)
    click.echo(
        f"Next: 'git -C {folder} push -u origin {files.BRANCH}', 'kubectl apply -f {folder}/root.yaml'."
    )


def _check(folder: Path, url: str, environments: tuple[str, ...], app: str, vault: str) -> None:
    from fleet import urls  # noqa: PLC0415
    from fleet.documents import scalars  # noqa: PLC0415

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CliError(f"{folder} is not an empty folder", hint="Give a new one", code=WRONG_USE)
    for name, option in ((app, "--app"), *((one, "--environment") for one in environments)):
        if not _NAME.fullmatch(name):
            raise click.BadParameter("must be lower-case letters, digits and dashes", param_hint=option)
        if scalars.plain(name) != name:
            raise click.BadParameter(f"{name} is no string in YAML", param_hint=option)
    if len(set(environments)) < len(environments):
        raise click.BadParameter("a name is there twice", param_hint="--environment")
    try:
        urls.parse(url)
    except ValueError:
        raise click.BadParameter("is no URL of a repository", param_hint="--repository") from None
    if vault and not re.fullmatch(r"https://[^\s\"'{}#]+", vault):
        raise click.BadParameter("must be an https URL", param_hint="--vault")


def _write(folder: Path, content: Mapping[str, str]) -> None:
    for path, text in content.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        saving.put(file, text.encode())


def _sealed(hub: Hub, plan: Plan) -> Plan:
    """Give the plan with a Secret for each environment: a new key, which nobody but its clusters will know."""
    import secrets  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415

    from fleet.cli.seal import making  # noqa: PLC0415
    from fleet.cli.session import run  # noqa: PLC0415
    from fleet.documents import write  # noqa: PLC0415
    from fleet.secrets.keys import certified  # noqa: PLC0415
    from fleet.secrets.seal import Scope  # noqa: PLC0415

    async def verb(session: Session) -> dict[str, bytes]:
        from fleet.cli.seal.rings import certificate  # noqa: PLC0415

        return {name: await certificate(session, name) for name in plan.environments}

    secret = {"metadata": {"name": f"{plan.app}-session", "namespace": plan.app}}
    made = {
        name: write.yaml(
            making.sealed(
                secret, {"SESSION_KEY": secrets.token_urlsafe(_KEY).encode()}, Scope.STRICT, certified(found)
            )
        )
        for name, found in run(verb, hub).items()
    }
    return replace(plan, sealed=made)
