"""What an Application runs on its clusters, as the hub tells it at this moment.

Contract: reads only. `Running` is what was told, judged by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.api.selector import matches
from fleet.cli import objects
from fleet.cli.environments.declared import Environment
from fleet.cli.errors import CliError
from fleet.cli.live import Live

if TYPE_CHECKING:
    from fleet.cli.session import Session

PATIENCE: Final = (
    20.0  # seconds for images: the hub asks the clusters first, and says of a silent one that it is
)


@dataclass(frozen=True, slots=True)
class Target:
    """One cluster; ``commits`` is what each source of the Application is at there."""

    cluster: str
    sync: str
    health: str
    reason: str
    commits: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether it is as Git wants it, and healthy."""
        return self.sync == "Synced" and self.health == "Healthy"


@dataclass(frozen=True, slots=True)
class Image:
    """What pods of one workload on one cluster run under one name; ``digest`` is empty where the node tells none."""

    cluster: str
    workload: str
    name: str  # registry and repository
    tag: str
    digest: str
    since: float
    pod: str


@dataclass(frozen=True, slots=True)
class Running:
    """See the module. ``healthy_since`` is 0 while it is not healthy; ``problems`` are by cluster.

    ``strangers`` are clusters that the environment does not have. ``revision`` is what ``healthy_since`` is about: the commit of the first source.
    """

    application: str
    spec: Mapping[str, Any] = field(default_factory=dict, repr=False)
    looked: bool = False  # whether the hub has judged the newest version of the object
    revision: str = ""
    healthy_since: float = 0.0
    targets: tuple[Target, ...] = ()
    images: tuple[Image, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    strangers: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether the hub has the Application."""
        return bool(self.spec)

    @property
    def commits(self) -> tuple[str, ...]:
        """Give what each source is at, where all clusters agree; empty where they do not."""
        found = {one.commits for one in self.targets}
        return found.pop() if len(found) == 1 else ()


async def ask(session: Session, live: Live, namespace: str, name: str) -> Running:
    """Ask the hub. CliError where it does not answer."""
    body = await objects.find(session.send, objects.At(names.APPLICATION, namespace, name))
    application = f"{namespace}/{name}"
    if body is None:
        return Running(application)
    path = f"/applications/{namespace}/{name}"
    images = await live.get(f"{path}/images", patience=PATIENCE)
    # Asked last: since when it is healthy is then never older than what was seen to run.
    told = await live.get(path) if images else None
    if not told or not images:
        raise CliError(
            f"the hub does not say what {application} runs: {live.why or 'it has just been restarted'}",
            hint="Check that it runs, and --hub-url",
        )
    # The hub's own word, which the object's status follows a moment later.
    status = told.get("status") or {}
    items = images.get("items") or []
    targets = tuple(map(_target, told.get("targets") or []))
    silent = {one.cluster for one in targets} - {one["cluster"] for one in items}
    return Running(
        application,
        body.get("spec") or {},
        looked=status.get("observedGeneration") == body["metadata"].get("generation"),
        revision=status.get("revision", ""),
        healthy_since=time(status.get("healthySince", "")),
        targets=targets,
        images=tuple(_image(one["cluster"], each) for one in items for each in one["images"]),
        problems=(
            *((one["cluster"], one["problem"]) for one in items if one["problem"]),
            *((name, "the hub has not asked it") for name in sorted(silent)),
        ),
    )


async def clusters(live: Live, environment: Environment) -> frozenset[str]:
    """Give the clusters that an environment has, by their labels now. CliError where the hub does not answer."""
    told = await live.get("/clusters")
    if told is None:
        raise CliError(f"the hub does not say which clusters it has: {live.why}", hint="Check --hub-url")
    return frozenset(
        one["name"]
        for one in told.get("items") or []
        if matches(environment.clusters, one.get("labels") or {})
    )


def time(text: str) -> float:
    """Give an RFC 3339 time in seconds; 0 for none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def split(image: str) -> tuple[str, str, str]:
    """Give an image's registry and repository, its tag and its digest; a port's colon is none of a tag."""
    named, _, digest = image.partition("@")
    head, slash, last = named.rpartition("/")
    plain, _, tag = last.partition(":")
    return canonical(f"{head}{slash}{plain}"), tag, digest


def canonical(name: str) -> str:
    """Give a repository's whole name: ``nginx`` is ``docker.io/library/nginx``."""
    host, slash, rest = name.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return f"docker.io/library/{rest}" if host == "docker.io" and "/" not in rest else name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _target(told: Mapping[str, Any]) -> Target:
    commits = tuple(str(one.get("commit", "")) for one in told.get("revisions") or [])
    return Target(told["cluster"], told["sync"], told["health"], told.get("reason", ""), commits)


def _image(cluster: str, told: Mapping[str, Any]) -> Image:
    name, tag, _ = split(str(told["image"]))
    workload = told["workload"]
    where = f"{workload['kind']} {workload['namespace']}/{workload['name']}"
    return Image(cluster, where, name, tag, told["digest"], time(told["since"]), told["pod"])
