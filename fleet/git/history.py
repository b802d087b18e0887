"""Questions about a commit in one mirror: which it is, what contains it, what it changed.

Contract: reads the mirror alone, in this room's threads, within bounds; a question that git does not answer in
time is answered with "no".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fleet.git import diff
from fleet.git.process import Bounds, GitFailed
from fleet.git.refs import commit_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.git.diff import Changed
    from fleet.git.mirror import Mirror

HASH: Final = re.compile(r"[0-9a-f]{7,64}")
MOST_CANDIDATES: Final = 10
MOST_TIPS: Final = 200  # commits of which it is asked whether they contain one
_BOUNDS: Final = Bounds(seconds=5.0, output=1 << 20)
_NEAR: Final = 32


async def find(mirror: Mirror, name: str) -> tuple[str, ...]:
    """The commits whose hash begins so, few of them; none where the mirror has none, or is not there."""
    return await mirror.local(lambda: _find(mirror, name))


async def containing(mirror: Mirror, commit: str, tips: Iterable[str]) -> frozenset[str]:
    """Those of ``tips`` that are the commit or descend from it."""
    wanted = sorted({tip for tip in tips if tip})[:MOST_TIPS]
    return await mirror.local(
        lambda: frozenset(tip for tip in wanted if tip == commit or _descends(mirror, tip, commit))
    )


async def introduced(mirror: Mirror, commit: str) -> Changed:
    """What the commit changed of its first parent; all that it has where it has none. Raises SourceError."""
    return await mirror.local(lambda: _introduced(mirror, commit))


def _find(mirror: Mirror, name: str) -> tuple[str, ...]:
    if HASH.fullmatch(name) is None:
        return ()
    if commit_hash(name):
        return (name,) if mirror.known(name) else ()
    try:
        output = mirror.ask(["rev-parse", f"--disambiguate={name}"], _BOUNDS)
    except GitFailed:
        return ()
    found = (line for line in output.decode("ascii", "replace").split() if mirror.known(line))
    return tuple(sorted(found)[:MOST_CANDIDATES])


def _descends(mirror: Mirror, tip: str, commit: str) -> bool:
    # Nearly always a tip is a few commits ahead: seen without starting git.
    at = tip
    for _ in range(_NEAR):
        parents = mirror.objects.parents(at)
        if commit in parents:
            return True
        if not parents:
            break
        at = parents[0]
    try:
        mirror.ask(["merge-base", "--is-ancestor", commit, tip], _BOUNDS)
    except GitFailed:
        return False
    return True


def _introduced(mirror: Mirror, commit: str) -> Changed:
    parents = mirror.objects.parents(commit)
    return diff.between(mirror.objects, parents[0] if parents else None, commit)
