"""``fleethub promote``: from what runs, over its judgement, to a commit or a pull request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import errors
from fleet.cli.environments.options import clone_options
from fleet.cli.errors import CliError
from fleet.cli.options import Hub, hub_options, seconds, timeout_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.cli.environments.layout import Layout
    from fleet.cli.environments.repository import Repository
    from fleet.cli.environments.running import Running
    from fleet.cli.promote.landing import Landed
    from fleet.cli.promote.message import Asked, Promotion
    from fleet.cli.session import Session

_LOOK: Final = 1.0  # seconds between two looks at what runs


@click.command("promote")
@click.argument("app", required=False, default="")
@click.option("--all", "every", is_flag=True, help="Every application that is in both environments.")
@click.option("--from", "source", required=True, metavar="ENVIRONMENT", help="Where it runs now.")
@click.option("--to", "target", required=True, metavar="ENVIRONMENT", help="Where it goes.")
@click.option(
    "--soak",
    type=seconds,
    default="10m",
    show_default=True,
    metavar="TIME",
    help="How long it must have run healthily on all clusters.",
)
@click.option(
    "--force", default="", metavar="REASON", help="Promote in spite of what stands against it; recorded."
)
@click.option("--wait", is_flag=True, help="Wait until nothing stands against it.")
@timeout_option("15m")
@click.option("--dry-run", is_flag=True, help="Show the diff, and change nothing.")
@click.option("--branch", default="", metavar="NAME", help="Commit on this branch instead.")
@click.option("--pull-request", is_flag=True, help="Make a pull request, or update the one that is open.")
@clone_options("Where it is pushed to.")
@click.option("--forge", type=click.Choice(["github", "gitlab"]), help="Which forge the remote is.")
@click.option("--forge-api", default="", metavar="URL", help="Where the forge's API is.")
@hub_options
def command(hub: Hub, **given: Any) -> int:
    """Put what runs healthily in one environment into the next one's file.

    APP is a file's path below environments/NAME/, without ending. The commit and the image digests are those that all clusters
    of --from run, and have run healthily for --soak. Only these change in the file of --to.
    """
    from fleet.cli.environments import layout  # noqa: PLC0415
    from fleet.cli.environments.declared import named  # noqa: PLC0415
    from fleet.cli.environments.repository import Repository  # noqa: PLC0415
    from fleet.cli.promote.message import Asked  # noqa: PLC0415

    if bool(given["app"]) == given["every"]:
        raise click.UsageError("give an application, or --all")
    repository = Repository.of(given["folder"], given["remote"])
    found = layout.load(repository, given["base"])
    target = named(found.environments, given["target"])
    if target.after != named(found.environments, given["source"]).name:
        before = f"after {target.after}" if target.after else "after none"
        raise CliError(
            f"{target.name} comes {before}, not after {given['source']}", hint="See environments.yaml"
        )
    apps = _apps(found, given)
    asked = Asked(given["source"], given["target"], given["soak"], repository.person, given["force"])
    evidence = _evidence(hub, found, apps, asked)
    promotions, refused = _promotions(found, evidence, asked)
    if refused and given["wait"]:
        evidence = _waited(lambda: _evidence(hub, found, apps, asked), found, asked, given["timeout"])
        # The files may be others by now.
        promotions, refused = _promotions(layout.load(repository, given["base"]), evidence, asked)
    for one in refused:
        click.echo(one, err=True)
    if not promotions:
        if refused:
            raise CliError("nothing was promoted", hint="Wait, or give --force REASON", code=errors.NOT_YET)
        click.echo(f"Nothing to promote: {asked.target} has what runs in {asked.source}.")
        return errors.DONE
    _show(repository, promotions, given)
    if not given["dry_run"]:
        _land(repository, (evidence, promotions), asked, given)
    return errors.NOT_YET if refused else errors.DONE


def _apps(found: Layout, given: Mapping[str, Any]) -> tuple[str, ...]:
    source, target = given["source"], given["target"]
    if not given["every"]:
        for environment in (source, target):
            found.file(given["app"], environment)
        return (given["app"],)
    both = [app for app, files in found.applications.items() if source in files and target in files]
    for app, files in found.applications.items():
        if source in files and target not in files:
            click.echo(f"{app}: it has no file in {target}, and stays out", err=True)
    return tuple(both)


def _evidence(hub: Hub, found: Layout, apps: tuple[str, ...], asked: Asked) -> dict[str, Running]:
    """Ask the hub what each application runs in the environment before."""
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> dict[str, Running]:
        from dataclasses import replace  # noqa: PLC0415

        from fleet.cli.environments import running  # noqa: PLC0415
        from fleet.cli.environments.declared import named  # noqa: PLC0415
        from fleet.cli.live import Live  # noqa: PLC0415

        live = Live(session)
        own = await running.clusters(live, named(found.environments, asked.source))
        told = {}
        for app in apps:
            file = found.file(app, asked.source)
            seen = await running.ask(session, live, file.namespace, file.name)
            others = tuple(one.cluster for one in seen.targets if one.cluster not in own)
            told[app] = replace(seen, strangers=others)
        return told

    return run(verb, hub)


def _waited(
    look: Callable[[], dict[str, Running]], found: Layout, asked: Asked, patience: float
) -> dict[str, Running]:
    """Look until nothing stands against it; a hub that does not answer for a moment is waited for, too."""
    deadline = time.monotonic() + patience
    while True:
        try:
            evidence = look()
        except CliError as error:
            why = error.message
        else:
            refused = _promotions(found, evidence, asked)[1]
            if not refused:
                return evidence
            why = refused[0]
        if time.monotonic() > deadline:
            raise CliError(f"out of time: {why}", code=errors.OUT_OF_TIME)
        time.sleep(_LOOK)


def _promotions(
    found: Layout, evidence: Mapping[str, Running], asked: Asked
) -> tuple[tuple[Promotion, ...], list[str]]:
    """Give what changes in a commit's files, and what was refused, in words."""
    from fleet.cli.environments.declared import FOLDER  # noqa: PLC0415
    from fleet.cli.promote import plan  # noqa: PLC0415
    from fleet.cli.promote.message import Promotion  # noqa: PLC0415
    from fleet.documents import edit  # noqa: PLC0415
    from fleet.errors import DocumentError  # noqa: PLC0415

    bounds = plan.Bounds(f"{FOLDER}/{asked.source}", f"{FOLDER}/{asked.target}", asked.soak, time.time())
    made, refused = [], []
    for app, running in evidence.items():
        file = found.file(app, asked.target)
        planned = plan.make(running, file.spec, bounds)
        stands = [one for one in planned.against if one.final or not asked.force]
        if stands:
            refused += [f"{app}: {one.text}" for one in stands]
            continue
        changes = {change.path: change.new for change in planned.changes}
        if not changes:
            continue
        try:
            after = edit.replace(file.data, changes, path=file.path, document=file.document)
        except DocumentError as error:
            raise CliError(error.text) from None
        made.append(Promotion(app, file.path, file.data, after, running, planned))
    return tuple(made), refused


def _show(repository: Repository, promotions: tuple[Promotion, ...], given: Mapping[str, Any]) -> None:
    from fleet.cli.promote import message  # noqa: PLC0415

    click.echo(message.diff(promotions))
    for one in promotions:
        for note in one.plan.notes:
            click.echo(f"{one.app}: {note}", err=True)
        for change in one.plan.changes:
            back = repository.count(change.new, change.old) if change.path[-1] == "targetRevision" else None
            if back:
                click.echo(
                    f"{one.app}: {given['target']} has {back} commits that this one lacks: they go back",
                    err=True,
                )


def _land(
    repository: Repository,
    shown: tuple[Mapping[str, Running], tuple[Promotion, ...]],
    asked: Asked,
    given: Mapping[str, Any],
) -> None:
    from fleet.cli.environments import layout  # noqa: PLC0415
    from fleet.cli.promote import landing, message  # noqa: PLC0415
    from fleet.cli.promote.landing import Change  # noqa: PLC0415

    made: list[Promotion] = []
    evidence, before = shown
    # No others than those that were shown: a soak may have ended since.
    evidence = {one.app: evidence[one.app] for one in before}

    def make(commit: str) -> Change:
        made[:], refused = _promotions(layout.at(repository, commit), evidence, asked)
        if refused:
            raise CliError(refused[0], code=errors.NOT_YET)
        landing.overtaken(before, made)
        return Change({one.path: one.after for one in made}, message.commit(tuple(made), asked))

    if not given["pull_request"] and not given["branch"]:
        _told(landing.directly(repository, given["base"], make))
        return
    name = f"promote-{given['app']}" if given["app"] else "promote"
    branch = given["branch"] or f"fleethub/{name}-to-{asked.target}"
    where = _forge(repository, given) if given["pull_request"] else None
    landed = landing.beside(repository, given["base"], branch, make)
    _told(landed)
    if where is not None and landed.commit:
        import asyncio  # noqa: PLC0415

        from fleet.cli.promote import forges  # noqa: PLC0415

        text = f"```\n{message.body(made, asked)}\n```\n"
        wanted = forges.Wanted(given["base"], branch, message.title(made, asked), text)
        request = asyncio.run(forges.put(where, wanted))
        click.echo(f"{'Made' if request.made else 'Updated'} the pull request {request.url}")


def _forge(repository: Repository, given: Mapping[str, Any]) -> Any:
    from fleet.cli.promote import forges  # noqa: PLC0415

    return forges.of(repository.url, given["forge"] or "", given["forge_api"])


def _told(landed: Landed) -> None:
    if landed.commit:
        click.echo(f"Pushed {landed.commit[:7]} to {landed.branch}.")
    else:
        click.echo("Somebody else has promoted the same.")
