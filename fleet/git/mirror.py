"""`Mirror`: a bare copy of one repository, fetched under a lock.

Contract: one a repository, one owner of the folder. `fetch` brings branches and tags in one process and says what
they are; it leaves the mirror usable however it ends, and makes a broken one anew. A dead remote ends by a time
limit. Refs of our own (`refs/fleethub/`) are never pruned by a fetch. Reading needs no lock and never waits for
a server.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from fleet import urls
from fleet.errors import RevisionNotFound, SourceError
from fleet.git import access, address, failure, folder
from fleet.git.objects import Damaged, Objects
from fleet.git.process import Bounds, GitFailed
from fleet.git.refs import HEADS, TAGS, Refs, commit_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fleet.git.credentials import Credential
    from fleet.git.process import Git
    from fleet.git.tree import Tree

T = TypeVar("T")

_FETCH: Final = (
    "fetch",
    "--quiet",
    "--force",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-show-forced-updates",
    "--no-auto-maintenance",
)
_SPECS: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_ASKED: Final = "refs/fleethub/asked"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for listing refs, for a fetch, and for the first one, which brings the whole history."""

    listing: float = 30.0
    fetch: float = 60.0
    first: float = 1800.0


class Mirror:
    """The repository at ``url``, in ``folder``; ``allow`` are the prefixes of ``--allow-git``."""

    def __init__(
        self,
        url: str,
        folder: Path,  # noqa: ARG002 (named as agreed; the module of that name is what the methods use)
        git: Git,
        allow: tuple[str, ...] = (),
        patience: Patience | None = None,
    ) -> None:
        self.check(url, allow)
