"""Private refs on revisions that members record, so that these survive a force push and git's own cleaning.

Contract: a fetch prunes branches and tags only. A revision that the mirror lacks is `Mirror.bring`'s to get
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.git.mirror import Mirror


async def keep(mirror: Mirror, revisions: Iterable[str]) -> frozenset[str]:
    """Hold exactly these commits, as far as the mirror has them; which ones that is. Refs of others go."""
    return await mirror.hold(frozenset(revisions))
