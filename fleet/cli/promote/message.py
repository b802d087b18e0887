"""The words of a promotion: its commit with trailers, its diff, the text of its pull request. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fleet import duration
from fleet.cli.environments.running import Running
from fleet.cli.promote.plan import Plan

# By this trailer a branch is known as one that promotions write.
MARK = "Promoted-From"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One application's file, as it was and as it is to be, and what was seen."""

    app: str
    path: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    running: Running
    plan: Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and by whom; ``force`` is the reason for which objections were set aside."""

    source: str
    target: str
    soak: float
    person: str
    force: str = ""


def title(promotions: Iterable[Promotion], asked: Asked) -> str:
    """Give the first line."""
    apps = [one.app for one in promotions]
    few = 3
    what = ", ".join(apps) if len(apps) <= few else f"{len(apps)} applications"
    return f"Promote {what} from {asked.source} to {asked.target}"


def body(promotions: Iterable[Promotion], asked: Asked) -> str:
    """Give what is changed, for people."""
    lines: list[str] = []
    for one in promotions:
        lines.append(f"{one.app}:")
        lines += [
            f"  {'.'.join(map(str, change.path[1:]))}: {change.old or '-'} -> {change.new}"
            for change in one.plan.changes
        ]
        if asked.force:
            lines += [f"  against it: {against.text}" for against in one.plan.against]
    return "\n".join(lines)


def commit(promotions: tuple[Promotion, ...], asked: Asked) -> str:
    """Give the whole message: source, evidence and person stand in trailers."""
    trailers = [f"{MARK}: {asked.source}", f"Promoted-To: {asked.target}"]
    for one in promotions:
        trailers += _evidence(one)
    trailers.append(f"Soak: {duration.write(asked.soak)}")
    if asked.force:
        trailers.append(f"Forced: {' '.join(asked.force.split())}")
    trailers.append(f"Promoted-By: {asked.person}")
    return f"{title(promotions, asked)}\n\n{body(promotions, asked)}\n\n" + "\n".join(trailers) + "\n"


def diff(promotions: Iterable[Promotion]) -> str:
    """Give what changes, line by line."""
    lines: list[str] = []
    for one in promotions:
        before, after = (text.decode().splitlines() for text in (one.before, one.after))
        lines += difflib.unified_diff(before, after, f"a/{one.path}", f"b/{one.path}", lineterm="")
    return "\n".join(lines)


def _evidence(one: Promotion) -> Iterator[str]:
    yield f"Promoted-Application: {one.app} ({one.running.application})"
    for seen in one.plan.evidence:
        yield f"Evidence: {one.app} ran {seen}"
    clusters = ", ".join(target.cluster for target in one.running.targets)
    since = stamp(one.running.healthy_since) if one.running.healthy_since else "not healthy"
    yield f"Healthy-Since: {since} on {clusters}"


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC."""
    from fleet.report import words  # noqa: PLC0415

    return words.stamp(seconds)
