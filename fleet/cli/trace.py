"""``fleethub trace``: why a change is not live, and what helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from fleet.cli import errors, output
from fleet.cli.errors import CliError
from fleet.cli.options import Hub, hub_options, split_name, timeout_option

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fleet.cli.live import Live
    from fleet.cli.session import Session

    Ask = Callable[[], Awaitable[dict[str, Any]]]

_COMMIT: Final = re.compile(r"[0-9a-fA-F]{7,40}|[0-9a-fA-F]{64}")
_CODES: Final = {"Live": errors.DONE, "NothingToDo": errors.DONE, "Failed": errors.FAILED}
COLUMNS: Final = ("application", "cluster", "stage", "since", "revision")


class NoAnswer(CliError):
    """The hub said nothing: an error for who asks once, a pause for who waits."""

    def __init__(self, text: str) -> None:
        super().__init__(text, hint="Check that it runs, or give --hub-url")


@click.command("trace")
@click.argument("what", metavar="COMMIT|APP")
@click.option("--wait", "wait", is_flag=True, help="Wait until it is live everywhere, or has failed.")
@timeout_option()
@hub_options
def trace(hub: Hub, what: str, **asked: Any) -> int:
    """Say why a change is not live: for each target the first stage that it has not passed, and what helps.

    COMMIT is a hash, of which 7 digits are enough; APP is NAME or NAMESPACE/NAME, and is tried first.

    Exit codes: 0 live, 1 refused or failed, 3 not yet, 4 out of time.
    """
    from fleet.cli.session import run  # noqa: PLC0415

    async def verb(session: Session) -> tuple[dict[str, Any], CliError | None]:
        from fleet.cli.live import Live  # noqa: PLC0415

        ask, found = await _question(Live(session), hub, what)
        return await _waited(ask, what, asked["timeout"], found) if asked["wait"] else (found, None)

    found, late = run(verb, hub)
    if not output.structured(found, hub.output):
        _print(found)
    if late is not None:
        raise late
    if found["verdict"] == "Ambiguous":
        raise CliError(
            f"{what} begins several commits: {', '.join(found['candidates'])}",
            hint="Give more digits",
            code=errors.WRONG_USE,
        )
    return _CODES.get(found["verdict"], errors.NOT_YET)


async def _question(live: Live, hub: Hub, what: str) -> tuple[Ask, dict[str, Any]]:
    """What is to be asked, again and again, and the first answer. An Application's name wins over a commit's."""
    namespace, name = split_name(what, hub)
    path = f"/applications/{namespace}/{name}"

    async def application() -> dict[str, Any]:
        found = await _asked(live, path)
        if not found:
            raise CliError(f"there is no Application {namespace}/{name}", hint="See 'fleethub app list'")
        if not found.get("trace"):
            raise NoAnswer("the hub is starting")
        return {"application": f"{namespace}/{name}", **found["trace"]}

    async def commit() -> dict[str, Any]:
        return await _asked(live, f"/commits/{what.lower()}")

    if _COMMIT.fullmatch(what) is None:
        return application, await application()
    if await _asked(live, path):
        return application, await application()
    return commit, await commit()


async def _asked(live: Live, path: str) -> dict[str, Any]:
    found = await live.get(path)
    if found is None:
        raise NoAnswer(f"the hub does not answer: {live.why}")
    return found


async def _waited(
    ask: Ask, what: str, seconds: float, first: dict[str, Any]
) -> tuple[dict[str, Any], CliError | None]:
    """Ask until it is decided; the last answer, and the error where the time was over before."""
    from fleet.cli import waiting  # noqa: PLC0415

    last = dict(first)

    async def look() -> waiting.Look:
        try:
            found = await ask()
        except NoAnswer as error:
            # It is being restarted; what it said last still stands.
            return waiting.Look(done=False, lines=(error.message,))
        last.clear()
        last.update(found)
        decided = last["verdict"] in (*_CODES, "Ambiguous")
        return waiting.Look(decided, (_headline(last), *(f"  {_line(step)}" for step in _open(last)[:10])))

    try:
        await waiting.until(look, timeout=seconds, what=what)
    except CliError as error:
        if error.exit_code not in (errors.NOT_YET, errors.OUT_OF_TIME):
            raise
        text = f"{what} is not live" + (f" after {seconds:.0f} s" if seconds > 0 else "")
        return last, CliError(text, hint="What it waits for is told above", code=error.exit_code)
    return last, None


def _open(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [step for step in found["steps"] if step["stage"] not in ("Live", "NotConcerned")]


def _headline(found: Mapping[str, Any]) -> str:
    from fleet.cli.app import columns  # noqa: PLC0415

    name = found.get("application") or f"Commit {found['commit'][:12]}"
    at = f" at {columns.short(found['commit'])}" if "application" in found and found["commit"] else ""
    if not found["steps"]:
        why = (
            "no Application reads a repository that has it"
            if found["sources"]
            else "no repository is read yet"
        )
        return f"{name}{at}: {found['verdict']}: {why}"
    return f"{name}{at}: {found['verdict']}, {found['live']} of {found['targets']} targets live"


def _line(step: Mapping[str, Any]) -> str:
    from fleet.cli.app import traced  # noqa: PLC0415

    return f"{traced.where(step)}: {step['stage']}{traced.since(step)}: {step['text']}".removeprefix(": ")


def _print(found: Mapping[str, Any]) -> None:
    from fleet.cli.app import columns  # noqa: PLC0415

    click.echo(_headline(found))
    for source in found["sources"]:
        click.echo(told(source))
    rows = [
        (
            step["application"],
            step["cluster"],
            step["stage"],
            (">" if step["atLeast"] else "") + columns.age(step["since"]),
            columns.short(step["revision"]),
        )
        for step in found["steps"]
        if step["application"]
    ]
    if rows:
        click.echo()
        output.table(COLUMNS, rows)
    for step in found["steps"]:
        if step["stage"] != "Live" or step["text"]:
            click.echo(f"\n{_line(step)}")
            if step["action"]:
                click.echo(f"  {step['action']}.")
    if found["unlisted"]:
        click.echo(f"\n{found['unlisted']} more Applications read nothing that it changed.")


def told(source: Mapping[str, Any]) -> str:
    """Say when the hub last looked at a repository, and what it found there."""
    follows = f" {source['targetRevision'] or 'HEAD'} at {source['head'][:7]}," if source["head"] else ""
    looked = f"last look {source['looked']} by {source['by']}" if source["looked"] else "no look yet"
    after = f"; {source['error']}" if source["error"] else ""
    after = after or (f", the next at {source['next']}" if source["next"] else "")
    return f"{source['repoURL']}:{follows} {looked}{after}"
