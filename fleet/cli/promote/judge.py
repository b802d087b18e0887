"""What stands against a promotion. Pure.

Contract: `Against.final` is what no reason sets aside, since there is no one thing that could be promoted. Each says which
target it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fleet import duration
from fleet.cli.environments.running import Image, Running

_SHORT: Final = 19  # sha256: and twelve digits


@dataclass(frozen=True, slots=True)
class Against:
    """One thing that stands against it."""

    text: str
    final: bool = False


def application(running: Running, *, soak: float, now: float) -> Iterator[Against]:
    """What stands against promoting anything of an Application that has to have been healthy for ``soak`` seconds."""
    if not running.exists:
        yield Against(f"{running.application} is not on the hub", final=True)
        return
    if not running.targets:
        yield Against(f"{running.application} is on no cluster", final=True)
        return
    if not running.looked:
        yield Against(f"{running.application}: the hub has not looked at its newest version yet")
    for one in running.targets:
        if not one.well:
            why = f" ({one.reason})" if one.reason else ""
            yield Against(f"{one.cluster}: {one.sync}, {one.health}{why}")
    for cluster in running.strangers:
        yield Against(f"{cluster}: its labels make it no cluster of this environment (environments.yaml)")
    if not running.commits:
        told = ", ".join(f"{one.cluster} is at {_commits(one.commits)}" for one in running.targets)
        yield Against(f"its clusters are not at one commit: {told}", final=True)
    elif running.commits[0] != running.revision:
        yield Against(
            f"{running.application}: the hub has not judged {_commits(running.commits[:1])} yet: its status is about "
            f"{running.revision[:7] or 'no commit'}"
        )
    if all(one.well for one in running.targets):
        yield from _soaked(running, soak=soak, now=now)
    for cluster, problem in running.problems:
        yield Against(f"{cluster}: its images are not known: {problem}")


def _soaked(running: Running, *, soak: float, now: float) -> Iterator[Against]:
    clusters = ", ".join(one.cluster for one in running.targets)
    if not running.healthy_since:
        yield Against(f"{clusters}: not seen healthy all at once yet")
    elif now - running.healthy_since < soak:
        yield Against(
            f"{clusters}: healthy for {_since(running.healthy_since, now)} of {duration.write(soak)}"
        )


def image(name: str, found: tuple[Image, ...], *, soak: float, now: float) -> Iterator[Against]:
    """What stands against promoting the digest that these containers run of one image."""
    digests = sorted({one.digest for one in found} - {""})
    for one in found:
        where = f"{one.cluster}: {one.workload}"
        if not one.digest:
            yield Against(f"{where}: pod {one.pod} does not tell which digest of {name} it runs")
        elif len(digests) > 1:
            shown = one.digest[:_SHORT]
            tag = f":{one.tag}" if one.tag else ""
            yield Against(f"{where} runs {name}{tag} as {shown}, and others another digest", final=True)
        elif not one.since or now - one.since < soak:
            ran = f"for {_since(one.since, now)}" if one.since else "not at all"
            yield Against(f"{where} runs {name} as {one.digest[:_SHORT]} {ran} of {duration.write(soak)}")


def _since(time: float, now: float) -> str:
    return duration.write(max(0, int(now - time)))


def _commits(commits: tuple[str, ...]) -> str:
    return " and ".join(one[:7] for one in commits) or "none"
