"""Private refs on revisions that members record, so that these survive a force push and git's own cleaning.

Contract: a fetch prunes branches and tags only. A revision that the mirror lacks is `Mirror.bring`'s to get
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fleet.git.mirror import Mirror


class Named(NamedTuple):
    """Commits that somebody records; ``whole``: whether these are all, or some member has not said yet what it records."""

    commits: frozenset[str]
    whole: bool = True


async def keep(mirror: Mirror, named: Named) -> frozenset[str]:
    """Hold these commits, as far as the mirror has them; which ones that is. Once they are all, refs of others go."""
    return await mirror.hold(named.commits, release=named.whole)
