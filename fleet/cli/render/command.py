"""The command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet.cli import errors
from fleet.cli.options import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.api.application import Application
    from fleet.cli.render.rendering import Asked
    from fleet.facts import Facts
    from fleet.hub.rendering import Rendering
    from fleet.model import Parameters, Rendered


@click.command("render")
@click.option(
    "--repo", default=".", metavar="URL|DIR", show_default=True, help="Repository, or a clone of one."
)
@click.option(
    "--revision",
    default="",
    metavar="NAME",
    help="Branch, tag or commit. Default: the working tree as it is.",
)
@click.option("--path", metavar="PATH", help="Render this folder.")
@click.option(
    "--app",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Render the Applications of this file.",
)
@click.option(
    "--all", "everything", metavar="DIR", help="Render every Application of the app of apps in this folder."
)
@click.option(
    "--cluster", metavar="NAME", help="For this Cluster of the hub: its labels, annotations and version."
)
@click.option(
    "--facts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="For the cluster that this file describes: name, labels, annotations, version, apiVersions.",
)
@click.option(
    "--namespace",
    "into",
    default="",
    metavar="NAME",
    help="With --path: namespace of objects that name none.",
)
@click.option("--show-source", is_flag=True, help="Print the file that each object came from.")
@click.option(
    "-o",
    "--output",
    "how",
    type=click.Choice(["yaml", "json", "names"]),
    default="yaml",
    help="How to print.",
)
@click.option("--kubeconfig", metavar="FILE", help="Kubeconfig of the hub, for --cluster.")
@click.option("--context", metavar="NAME", help="Context in the kubeconfig.")
@click.option("--allow-git", multiple=True, metavar="URL", help="As the hub's own flag.")
@click.option("--kustomize-option", multiple=True, metavar="NAME", help="As the hub's own flag.")
def render(**given: Any) -> int:
    """Print what would be applied, in that order, from files that need not be committed.

    Exactly one of --path, --app and --all says what. Exit code 1 when anything is wrong.
    """
    asked = [name for name in ("path", "file", "everything") if given[name] is not None]
    if len(asked) != 1:
        raise click.UsageError("give exactly one of --path, --app and --all")
    import asyncio  # noqa: PLC0415

    from fleet.cli.session import failed  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415

    try:
        return asyncio.run(_render(given))
    except FleetError as error:
        raise failed(error) from None


async def _render(given: dict[str, Any]) -> int:
    from fleet.cli.render import applications, rendering  # noqa: PLC0415

    facts, parameters = _facts(given)
    asked, url = _asked(given)
    wrong = 0
    async with rendering.opened(asked) as stages:
        if given["everything"] is not None:
            root = applications.of_path(url, given["everything"], "")
            return await _all(stages, root, (facts, parameters), given)
        for application in _named(given, url):
            wrong += await _one(stages, application, (facts, parameters), given)
    return errors.FAILED if wrong else errors.DONE


def _named(given: dict[str, Any], url: str) -> Iterator[Application]:
    from fleet.cli.render import applications  # noqa: PLC0415

    if given["file"] is not None:
        yield from applications.of_file(given["file"])
    else:
        yield applications.of_path(url, given["path"], given["into"])


async def _all(
    stages: Rendering, root: Application, cluster: tuple[Facts, Parameters], given: dict[str, Any]
) -> int:
    """Every Application below a root, roots within it too; all faults are told, in the end of each."""
    from fleet.cli.render import applications, rendering  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415

    wrong, seen, waiting = 0, set(), [root]
    while waiting:
        above = waiting.pop(0)
        found = await rendering.render(stages, above, *cluster)
        wrong += _told(found, above.metadata.name)
        for path, one in applications.held(found):
            if isinstance(one, FleetError):
                errors.note(f"{path}: {one.text}")
                wrong += 1
            elif one.key not in seen:
                seen.add(one.key)
                if applications.is_root(one):
                    waiting.append(one)
                else:
                    wrong += await _one(stages, one, cluster, given)
    return errors.FAILED if wrong else errors.DONE


async def _one(
    stages: Rendering, application: Application, cluster: tuple[Facts, Parameters], given: dict[str, Any]
) -> int:
    from fleet.cli.render import rendering, show  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415
    from fleet.variants.variant import filled_namespace, skipped  # noqa: PLC0415

    name = application.metadata.name
    if skipped(application, cluster[0]):
        errors.note(f"{name}: an override skips {cluster[0].name}")
        return 0
    try:
        found = await rendering.render(stages, application, *cluster)
        namespace = filled_namespace(application, cluster[0])
    except FleetError as error:
        errors.note(f"{name}: {error.text}")
        return 1
    show.printed(show.ordered(found, namespace), given["how"], sources=given["show_source"])
    return _told(found, name)


def _told(found: Rendered, name: str) -> int:
    for warning in found.warnings:
        errors.note(f"{name}: warning: {warning}")
    for fault in found.faults:
        errors.note(f"{name}: {fault.text}")
    return len(found.faults)


def _facts(given: dict[str, Any]) -> tuple[Facts, Parameters]:
    from fleet.cli.render import facts  # noqa: PLC0415
    from fleet.facts import Facts  # noqa: PLC0415
    from fleet.model import Parameters  # noqa: PLC0415

    if given["cluster"] and given["facts"]:
        raise click.UsageError("--cluster and --facts exclude each other")
    if given["facts"]:
        return facts.of_file(given["facts"])
    if given["cluster"]:
        return facts.of_cluster(Hub(given["kubeconfig"], given["context"]), given["cluster"])
    return Facts(facts.LOCAL), Parameters()


def _asked(given: dict[str, Any]) -> tuple[Asked, str]:
    """From where, and the URL that stands for it."""
    import os  # noqa: PLC0415

    from bootstrap.local import binaries  # noqa: PLC0415
    from fleet import outward, urls  # noqa: PLC0415
    from fleet.cli.render.rendering import Asked  # noqa: PLC0415
    from fleet.cli.render.workingtree import Clone  # noqa: PLC0415
    from fleet.git.process import Git  # noqa: PLC0415

    clones: dict[str, Clone] = {}
    every, url = None, given["repo"]
    if "://" not in url and not url.startswith("git@"):
        folder = Path(url)
        if not folder.is_dir():
            raise errors.CliError(f"there is no folder {url}", code=errors.WRONG_USE)
        clone = Clone(folder, Git(binaries.cache() / "render" / "home"), given["revision"])
        for remote in clone.remotes:
            try:
                clones[urls.canonical(remote)] = clone
            except ValueError:
                continue
        url = clone.remotes[0] if clones else clone.root.absolute().as_uri()
        every = None if clones else clone
    asked = Asked(
        clones,
        every,
        tuple(given["allow_git"]),
        frozenset(given["kustomize_option"]),
        (binaries.folder(), binaries.built()),
        binaries.cache() / "render" / "charts",
        outward.of(os.environ),
    )
    return asked, url
