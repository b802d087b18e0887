"""Private refs, so that a commit which a member records survives a force-push and git's own cleaning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleet.git.folder import KEEP

if TYPE_CHECKING:
    from fleet.git.mirror import Mirror


async def keep(mirror: Mirror, commits: Iterable[str]) -> None:
    """Hold exactly these commits, as far as the mirror has them."""
    wanted = frozenset(commit for commit in commits if mirror.known(commit))
    held = await mirror.local(mirror.kept)
    commands = [f"{KEEP}{commit} {commit}" for commit in sorted(wanted - held)]
    commands += [f"-d {KEEP}{commit}" for commit in sorted(held - wanted)]
    if commands:
        await mirror.update_refs(commands)
