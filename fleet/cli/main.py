"""``fleethub``: the table of commands, and the way from an error to an exit code."""

from __future__ import annotations

import sys
from typing import Final

import click

from fleet.cli import errors
from fleet.cli.lazy import LazyGroup, Table

TABLE: Final[Table] = {
    "demo": ("fleet.cli.demo.command:demo", "Try it: a hub and clusters on this machine, and a repository."),
    "install": ("fleet.cli.install:install", "Prepare a cluster to be the hub."),
    "uninstall": ("fleet.cli.uninstall:uninstall", "Take the hub off its cluster."),
    "hub": ("fleet.cli.hub:hub", "Run the hub."),
    "cluster": ("fleet.cli.cluster.group:cluster", "Add, list and remove member clusters."),
    "app": ("fleet.cli.app.group:app", "See, sync and delete Applications."),
    "init": ("fleet.cli.init.command:command", "Write a repository by environment, to begin with."),
    "env": ("fleet.cli.environments.command:command", "Show what each environment runs."),
    "promote": (
        "fleet.cli.promote.command:command",
        "Put what runs healthily in one environment into the next.",
    ),
    "trace": ("fleet.cli.trace:trace", "Say why a change is not live, and what helps."),
    "render": ("fleet.cli.render.command:render", "Print what would be applied, before it is committed."),
    "seal": ("fleet.cli.seal.command:seal", "Seal a Secret for the clusters of a ring."),
    "reseal": ("fleet.cli.seal.reseal:reseal", "Seal what a repository holds anew, with the newest keys."),
    "seal-key": ("fleet.cli.seal.group:seal_key", "List, make, back up and restore sealing keys."),
    "secrets": ("fleet.cli.secrets.group:secrets", "See the Secrets that the hub makes, and hold a version."),
    "vault": ("fleet.cli.vault.group:vault", "Set Vault up for a Project, and check it."),
    "project": ("fleet.cli.project.group:project", "See Projects, and what they let an Application do."),
    "backup": ("fleet.cli.backup:backup", "Write what a new hub needs to one encrypted file."),
    "restore": ("fleet.cli.restore:restore", "Make a cluster the hub that a backup was taken of."),
    "local": ("fleet.cli.local:local", "Real Kubernetes control planes on this machine."),
    "version": ("fleet.cli.version:version", "Print the version."),
    "completion": ("fleet.cli.completion:completion", "Print the completion script of a shell."),
}

_HELP: Final = """Keep every registered Kubernetes cluster equal to Git.

Exit codes: 0 done or in sync, 1 failed, 2 wrong use, 3 not yet so, 4 out of time.
"""

cli = LazyGroup("fleethub", table=TABLE, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})


def run() -> None:
    """Be the command: the process ends with the exit code."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command line and give its exit code; errors are one line on stderr."""
    try:
        code = cli.main(arguments, prog_name="fleethub", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return errors.WRONG_USE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "fleethub"
        click.echo(errors.line(error.format_message(), f"Try '{command} --help'"), err=True)
        return errors.WRONG_USE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return errors.FAILED
    except BrokenPipeError:
        # Whoever read us has gone, as `head` does; the interpreter must not complain of it at its end.
        sys.stdout = None
        return errors.DONE
    except OSError as error:
        told = errors.of_file(error)
        # What a hub that runs did not foresee is told, with its place in the code, by the hub's own log.
        if told is None or arguments[:1] == ["hub"]:
            raise
        told.show()
        return told.exit_code
    return code if isinstance(code, int) else errors.DONE


if __name__ == "__main__":
    run()
