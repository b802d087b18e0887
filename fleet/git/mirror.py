"""`Mirror`: a bare copy of one repository, fetched under a lock.

Contract: one a repository, one owner of the folder. `fetch` brings branches and tags in one process and says what
they are; it leaves the mirror usable however it ends, and makes a broken one anew. A dead remote ends by a time
limit. Refs of our own (`refs/fleethub/`) are never pruned by a fetch. Reading needs no lock and never waits for
a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from fleet import urls
from fleet.errors import RevisionNotFound, SourceError
from fleet.git import access, address, failure, folder
from fleet.git.credentials import Credential
from fleet.git.objects import Damaged, Objects
from fleet.git.process import Bounds, Git, GitFailed
from fleet.git.refs import HEADS, TAGS, Refs, commit_hash
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
_KNOWN: Final = 1000


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for listing refs, for a fetch, and for the first one, which brings the whole history."""

    listing: float = 30.0
    fetch: float = 60.0
    first: float = 1800.0


class Mirror:
    """The repository at ``url``, in ``place``; ``allow`` are the prefixes of ``--allow-git``."""

    def __init__(
        self,
        url: str,
        place: Path,
        git: Git,
        allow: tuple[str, ...] = (),
        patience: Patience | None = None,
    ) -> None:
        self.check(url, allow)
        self.url = url
        self.repo = urls.canonical(url)
        self._folder = place
        self._git = git
        self._allow = allow
        self._patience = patience or Patience()
        self._lock = asyncio.Lock()
        self._head = ""
        self._ready = False
        self._fetched = False
        self._commits: dict[str, None] = {}
        self.objects = Objects(self.repo, lambda: git.converse(["cat-file", "--batch"], folder=self._folder))

    @staticmethod
    def check(url: str, allow: tuple[str, ...] = ()) -> None:
        """Raise `RepositoryRefused` for a URL that is not opened."""
        address.check(url, allow)

    async def ls_remote(self, credential: Credential | None = None) -> Refs:
        """What the server's refs are now; nothing is fetched. Raises `SourceError`."""
        args = ["ls-remote", "--symref", "--", self.url, "HEAD", "refs/heads/*", "refs/tags/*"]
        output = await self._asked(args, credential, self._patience.listing, outside=True)
        seen = _listed(output, self.repo)
        self._head = seen.head
        return seen

    async def fetch(self, credential: Credential | None = None) -> Refs:
        """Bring branches and tags, and say what they are. Raises `SourceError`; the mirror stays usable."""
        async with self._lock:
            if self._head == "" and not self._fetched:
                await self.ls_remote(credential)
            for left in (1, 0):
                try:
                    return await self._bring(credential)
                except Damaged:
                    if not left:
                        raise
                    await self._git.local(self._anew)
        raise AssertionError("the last try returns or raises")

    async def bring(self, commit: str, credential: Credential | None = None) -> None:
        """Fetch one commit by its hash, which no branch or tag leads to. Raises `RevisionNotFound`."""
        if not commit_hash(commit):
            raise RevisionNotFound("a commit is named by its whole hash")
        async with self._lock:
            await self._git.local(self._open)
            args = [*_FETCH, "--", self.url, f"+{commit.lower()}:{_ASKED}"]
            try:
                await self._asked(args, credential, self._patience.fetch)
            except SourceError as error:
                if error.transient and "status" not in error.text:
                    raise
                raise RevisionNotFound(f"the commit {commit} is not in the repository") from None

    def known(self, commit: str) -> bool:
        """Whether the mirror has this commit; 40 us for one that was not asked for before."""
        if commit in self._commits:
            return True
        if not self._ready or not self.objects.known(commit):
            return False
        self._commits[commit] = None
        if len(self._commits) > _KNOWN:
            del self._commits[next(iter(self._commits))]
        return True

    def tree(self, commit: str) -> Tree:
        """The files of a commit, with look-ups recorded under this repository's URL."""
        return Tree(self.url, commit, self.objects.root(commit), self.objects)

    async def local(self, work: Callable[[], T]) -> T:
        """Run ``work``, which reads the mirror, in one of this room's threads."""
        return await self._git.local(work)

    def ancestor(self, older: str, newer: str) -> bool:
        """Whether ``older`` is an ancestor of ``newer``; blocking."""
        try:
            self._git.run(["merge-base", "--is-ancestor", older, newer], folder=self._folder)
        except GitFailed as failed:
            if failed.status == 1:
                return False
            raise failure.explain(failed, Bounds().seconds) from None
        return True

    def kept(self) -> frozenset[str]:
        """The commits that private refs hold; blocking."""
        return folder.kept(self._folder)

    async def update_refs(self, commands: Sequence[str]) -> None:
        """Move private refs, by lines of ``git update-ref --stdin``."""
        async with self._lock:
            await self._git.local(lambda: self._update(commands))

    async def close(self) -> None:
        """End the reading process."""
        await self._git.local(self.objects.close)

    # --- inside; the lock is held -----------------------------------------------------------------------

    async def _bring(self, credential: Credential | None) -> Refs:
        first = not await self._git.local(self._open)
        bounds = self._patience.first if first or not self._fetched else self._patience.fetch
        await self._asked([*_FETCH, "--prune", "--", self.url, *_SPECS], credential, bounds)
        self._fetched = True
        return await self._git.local(self._refs)

    async def _asked(
        self, args: list[str], credential: Credential | None, seconds: float, *, outside: bool = False
    ) -> bytes:
        def ask() -> bytes:
            place = address.place(self.url, self._allow, named=credential is not None)
            with access.open_(place, credential, self._git.home) as granted:
                return self._git.run(
                    args,
                    folder=None if outside else self._folder,
                    granted=granted,
                    bounds=Bounds(seconds),
                )

        try:
            return await self._git.remote(ask)
        except GitFailed as failed:
            raise failure.explain(failed, seconds) from None

    def _open(self) -> bool:
        """Have a folder to fetch into; False where it was made now."""
        if self._ready:
            return True
        found = folder.opened(self._folder, self.repo)
        if not found:
            folder.make(self._folder, self.repo, self._git, 40)
        self._ready = True
        return found

    def _anew(self) -> None:
        self.objects.forget()
        self._commits.clear()
        folder.make(self._folder, self.repo, self._git, folder.width(self._folder))
        self._ready, self._fetched = True, False

    def _refs(self) -> Refs:
        found = folder.refs(self._folder, self._head, self.repo, self.objects.peel)
        return replace(found, head=self._head if self._head.removeprefix(HEADS) in found.heads else "")

    def _update(self, commands: Sequence[str]) -> None:
        for command in commands:
            self._git.run(["update-ref", *command.split(" ")], folder=self._folder)


def _listed(output: bytes, repo: str) -> Refs:
    """Read the lines of ``git ls-remote --symref``: ``ref: NAME<TAB>HEAD``, then ``OID<TAB>NAME[^{}]``."""
    heads: dict[str, str] = {}
    tags: dict[str, str] = {}
    head = ""
    for line in output.decode(errors="backslashreplace").splitlines():
        what, _, name = line.partition("\t")
        if what.startswith("ref: ") and name == "HEAD":
            head = what.removeprefix("ref: ")
        elif name.startswith(HEADS):
            heads[name.removeprefix(HEADS)] = what
        elif name.startswith(TAGS):
            # An annotated tag's line is followed by that of what it shows.
            tags[name.removeprefix(TAGS).removesuffix("^{}")] = what
    return Refs(heads, tags, head, repo)
