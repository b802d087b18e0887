"""``fleethub local``: real control planes on this machine that stay until they are deleted."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fleet.cli import errors, output
from fleet.cli.errors import CliError
from fleet.cli.options import timeout_option

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTEAD: Final = "They need Linux; use a cluster that you have"
COLUMNS: Final = ("name", "server", "running", "kubeconfig")


@click.group()
def local() -> None:
    """Real Kubernetes control planes on this machine, without containers and without root."""


@local.command()
@click.argument("name")
@click.option("--api-only", is_flag=True, help="An API server alone: it keeps objects, and runs nothing.")
@click.option(
    "--kubeconfig", metavar="FILE", type=click.Path(dir_okay=False), help="Write its kubeconfig there too."
)
@timeout_option("60s")
def create(name: str, api_only: bool, kubeconfig: str | None, timeout: float) -> None:  # noqa: FBT001 (click's option)
    """Make a control plane, or start one that stands still, and print how to use it."""
    with _told():
        from bootstrap.local import lasting  # noqa: PLC0415
        from bootstrap.local.servers import Components  # noqa: PLC0415

        if kubeconfig is not None and not _is_copy(Path(kubeconfig), name):
            raise CliError(
                f"{kubeconfig} is there, and is no kubeconfig of {name} alone: it would be lost",
                hint="Give --kubeconfig another file",
            )
        components = Components.API_ONLY if api_only else Components.ALL
        try:
            made = lasting.create(name, components=components, timeout=timeout)
        except lasting.PlaneExists:
            made = lasting.find(name)
            if not made.running:
                made = lasting.start(name, timeout)
        click.echo(f"{made.name} runs at {made.server}.")
        if kubeconfig is not None:
            _copy(made.kubeconfig, Path(kubeconfig))
        click.echo(f"export KUBECONFIG={kubeconfig or made.kubeconfig}")


@local.command("list")
@click.option(
    "-o",
    "--output",
    "how",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    help="How to print.",
)
def listing(how: str) -> None:
    """List this user's control planes."""
    with _told():
        from bootstrap.local import lasting  # noqa: PLC0415

        found = lasting.list_all()
        told = [
            {
                "name": one.name,
                "server": one.server,
                "running": list(one.running),
                "kubeconfig": str(one.kubeconfig),
            }
            for one in found
        ]
        if output.structured({"items": told}, how):
            return
        rows = [(one.name, one.server, ",".join(one.running), str(one.kubeconfig)) for one in found]
        output.table(
            COLUMNS, rows, empty="There are no local clusters; 'fleethub local create NAME' makes one."
        )


@local.command()
@click.argument("name")
@click.option("--kubeconfig", metavar="FILE", type=click.Path(dir_okay=False), help="Remove this copy too.")
@click.option("--ignore-missing", is_flag=True, help="It is no error if there is none.")
def delete(name: str, kubeconfig: str | None, ignore_missing: bool) -> None:  # noqa: FBT001 (click's option)
    """End a control plane and remove all of it."""
    with _told():
        from bootstrap.local import lasting  # noqa: PLC0415

        try:
            lasting.delete(name)
            click.echo(f"Deleted {name}.")
        except lasting.NoSuchPlane:
            if not ignore_missing:
                raise
            click.echo(f"There is no {name}.")
        if kubeconfig is None:
            return
        if not _is_copy(Path(kubeconfig), name):
            errors.note(f"Note: {kubeconfig} stays: it is no kubeconfig of {name} alone.")
            return
        Path(kubeconfig).unlink(missing_ok=True)


@local.command("hub", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.option("--stop", is_flag=True, help="End it.")
@click.option("--ignore-missing", is_flag=True, help="With --stop, it is no error if there is none.")
@timeout_option("60s")
def hub(name: str, options: tuple[str, ...], stop: bool, ignore_missing: bool, timeout: float) -> None:  # noqa: FBT001 (click's options)
    """Run the hub of a control plane in the background, until the control plane is deleted.

    OPTIONS are those of 'fleethub hub'. Again does nothing; with other OPTIONS it is started anew.
    """
    with _told():
        import sys  # noqa: PLC0415

        from bootstrap.local import lasting, ports  # noqa: PLC0415

        try:
            found = lasting.find(name)
        except lasting.NoSuchPlane:
            if stop and ignore_missing:
                return
            raise
        if stop:
            click.echo("Stopped." if lasting.leave(name, "hub") else "It does not run.")
            return
        (port,) = ports.free(1)
        own = ["--kubeconfig", str(found.kubeconfig), "--listen", f"127.0.0.1:{port}"]
        own += ["--data", str(found.folder / "hub-data")]
        command = [sys.executable, "-m", "fleet.cli", "hub", *own, *options]
        log = lasting.beside(name, "hub", command, told=options)
        _serves(name, str(found.kubeconfig), log, timeout)
        click.echo(f"The hub of {name} runs; its log is {log}.")


def _serves(name: str, kubeconfig: str, log: Path, timeout: float) -> None:
    """Wait until the hub of a local plane serves its API; CliError with the end of its log where it has ended."""
    from bootstrap.local import lasting  # noqa: PLC0415
    from fleet.cli import waiting  # noqa: PLC0415
    from fleet.cli.live import Live  # noqa: PLC0415
    from fleet.cli.options import Hub  # noqa: PLC0415
    from fleet.cli.session import Session, run  # noqa: PLC0415

    async def verb(session: Session) -> None:
        live = Live(session)

        async def look() -> waiting.Look:
            if "hub" not in lasting.find(name).running:
                raise CliError(f"the hub of {name} has ended: {_last(log)}", hint=f"See {log}")
            found = await live.get("/clusters")
            return waiting.Look(found is not None, (f"the hub of {name}: {live.why}",))

        await waiting.until(look, timeout=timeout, what=f"the hub of {name}")

    run(verb, Hub(kubeconfig=kubeconfig))


def _last(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])


def _is_copy(file: Path, name: str) -> bool:
    """Whether nothing is lost with the file: it is not there, is empty, or is of that control plane alone."""
    from fleet.documents import read  # noqa: PLC0415
    from fleet.errors import DocumentError  # noqa: PLC0415

    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return True
    if not content.strip():
        return True
    try:
        value = read.value(content, path=file.name)
        contexts = [one["name"] for one in value["contexts"]]
        servers = [one["cluster"]["server"] for one in value["clusters"]]
    except (DocumentError, KeyError, TypeError):
        return False
    return contexts == [name] and all(str(one).startswith("https://127.0.0.1:") for one in servers)


def _copy(kubeconfig: Path, to: Path) -> None:
    """Write a kubeconfig for its owner's eyes alone, in one step."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = to.with_name(f".{to.name}.new")
    scratch.touch(mode=0o600)
    scratch.write_bytes(kubeconfig.read_bytes())
    scratch.replace(to)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what goes wrong with local planes into one line."""
    try:
        yield
    except ImportError as error:
        raise CliError(f"local clusters do not work here: no module {error.name}", hint=_INSTEAD) from None
    except (ValueError, OSError) as error:
        raise CliError(str(error)) from None
    except Exception as error:
        # Its errors are bootstrap's own, of no common kind; all others are faults of this program.
        if not type(error).__module__.startswith("bootstrap."):
            raise
        raise CliError(str(error)) from None
