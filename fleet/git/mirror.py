"""`Mirror`: a bare copy of one repository, fetched under a lock.

Contract: one a repository, one owner of the folder. `fetch` brings branches and tags in one process and says
what they are; it leaves the mirror usable however it ends, and makes a broken one anew. A dead remote ends by
a time limit. Refs of our own (`refs/fleethub/`) are never pruned by a fetch. Reading needs no lock and never
waits for a server.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from fleet import ending, outward, urls
from fleet.errors import RepositoryUnreachable, RevisionNotFound, SourceError
from fleet.git import address, failure, folder
from fleet.git.objects import Damaged, Objects
from fleet.git.process import Bounds, Git, GitFailed, Granted
from fleet.git.refs import Refs, commit_hash, listed
from fleet.git.remote import Arguments, Remote
from fleet.git.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fleet.git.credentials import Credential
    from fleet.git.github_app import Apps
    from fleet.outward import Outward

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
_PACKING: Final = Bounds(seconds=600.0)
_LOOK_EVERY: Final = 20  # fetches from one look at the folder's crowd to the next
_CLEAN_EVERY: Final = 50
_KNOWN: Final = 1000
_FEW: Final = 1000


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for listing refs, for a fetch, and for the first one, which brings the whole history."""

    listing: float = 30.0
    fetch: float = 60.0
    first: float = 1800.0


def _listing(url: str) -> list[str]:
    return ["ls-remote", "--symref", "--", url]


class Mirror:
    """The repository at ``url``, in ``place``; ``allow`` are the prefixes of ``--allow-git``.

    ``out`` is the hub's way out, ``apps`` keeps the tokens of GitHub Apps.
    """

    def __init__(
        self,
        url: str,
        place: Path,
        git: Git,
        allow: tuple[str, ...] = (),
        patience: Patience | None = None,
        *,
        out: Outward = outward.DIRECT,
        apps: Apps | None = None,
    ) -> None:
        self.check(url, allow)
        self.url = url
        self.repo = urls.canonical(url)
        self.objects = Objects(self.repo, lambda: git.converse(["cat-file", "--batch"], folder=place))
        self._folder = place
        self._git = git
        self._remote = Remote(url, git, allow, out, apps)
        self._patience = patience or Patience()
        self._seconds = self._patience.first  # for the next fetch: more where the last ones were too slow
        self._lock = asyncio.Lock()
        self._head: str | None = None  # the full name; None until the server was asked
        self._digits = 40  # of a hash; as the server has them
        self._few = False  # whether the server has few refs, of whatever kind
        self._opening = threading.Lock()
        self._ready = False  # the folder is there
        self._dirty = False  # and a killed git may have left something in it
        self._fetches = 0
        self._packing: asyncio.Task[None] | None = None
        self._packings = 0
        self._commits: dict[str, None] = {}

    @staticmethod
    def check(url: str, allow: tuple[str, ...] = ()) -> None:
        """Raise `RepositoryRefused` for a URL that is not opened."""
        address.check(url, allow)

    async def ls_remote(self, credential: Credential | None = None) -> Refs:
        """What the server's refs are now; nothing is fetched. Raises `SourceError`."""
        output = await self._asked(_listing, credential, self._patience.listing, outside=True)
        seen = listed(output, self.repo)
        self._head = seen.head
        self._digits = max(map(len, seen.heads.values()), default=40)
        self._few = output.count(b"\n") < _FEW
        return seen

    async def fetch(self, credential: Credential | None = None) -> Refs:
        """Bring branches and tags, and say what they are. Raises `SourceError`; the mirror stays usable."""
        async with self._lock:
            if self._head is None:
                # Which branch HEAD names, no fetch tells; later, each poll does.
                await self.ls_remote(credential)
            try:
                if self.objects.damaged:
                    await self._renew(credential)
                refs = await self._bring(credential)
            except Damaged:
                await self._renew(credential)
                refs = await self._bring(credential)
        if self._fetches % _LOOK_EVERY == 1 and not self._packs() and folder.crowded(self._folder):
            self._packing = asyncio.create_task(self._pack())
        return refs

    async def bring(self, commit: str, credential: Credential | None = None) -> None:
        """Have one commit by its hash, to which no branch or tag leads. Raises `RevisionNotFound`.

        It stays as long as `keep.keep` names it, or for two weeks. A server may refuse to give it.
        """
        if not commit_hash(commit):
            raise RevisionNotFound("a commit is named by its whole hash")
        commit = commit.lower()
        async with self._lock:
            await self._git.local(self._open)
            if await self._git.local(lambda: self.known(commit)):
                return
            await self._by_hash(commit, credential)

    def known(self, commit: str) -> bool:
        """Whether the mirror has this commit; blocking, 50 us for one that was not asked for before."""
        if commit in self._commits:
            return True
        if not self._there() or not self.objects.known(commit):
            return False
        self._commits[commit] = None
        if len(self._commits) > _KNOWN:
            with suppress(KeyError, StopIteration, RuntimeError):  # another thread was first
                del self._commits[next(iter(self._commits))]
        return True

    def tree(self, commit: str) -> Tree:
        """The files of a commit, with look-ups recorded under this repository's URL. Blocking, as it is."""
        return Tree(self.url, commit, self.objects.root(commit), self.objects)

    async def local(self, work: Callable[[], T]) -> T:
        """Run ``work``, which reads the mirror, in one of this room's threads."""
        return await self._git.local(work)

    def ancestor(self, older: str, newer: str) -> bool:
        """Whether ``older`` is an ancestor of ``newer``; blocking. False where one of them is not here."""
        try:
            self._git.run(["merge-base", "--is-ancestor", older, newer], folder=self._folder)
        except GitFailed:
            return False
        return True

    def ask(self, args: list[str], bounds: Bounds) -> bytes:
        """What git says of this mirror, asking no server; blocking. Raises `GitFailed`, also without a folder."""
        if not self._there():
            raise GitFailed(1)
        return self._git.run(args, folder=self._folder, bounds=bounds)

    async def hold(self, commits: frozenset[str], *, release: bool = True) -> frozenset[str]:
        """Make the private refs those of ``commits``, as far as they are here; which ones that is. Else add them."""
        async with self._lock:
            return await self._git.local(lambda: self._hold(commits, release=release))

    async def close(self) -> None:
        """End the reading process, and packing if it goes on."""
        if self._packing is not None:
            await ending.end([self._packing])
        await asyncio.to_thread(self.objects.close)

    # --- inside; the lock is held -----------------------------------------------------------------------

    async def _bring(self, credential: Credential | None) -> Refs:
        await self._git.local(self._open)
        # Protocol 2 asks for what is wanted, protocol 0 is told everything, and saves a round trip.
        version = ["-c", "protocol.version=0"] if self._few else []

        def args(url: str) -> list[str]:
            return [*version, *_FETCH, "--prune", "--", url, *_SPECS]

        await self._asked(args, credential, self._seconds)
        self._seconds = self._patience.fetch
        self._fetches += 1
        return await self._git.local(self._refs)

    async def _renew(self, credential: Credential | None) -> None:
        """Make the folder anew, with what private refs held as far as the server still gives it."""
        kept = await self._git.local(self._anew)
        self._seconds = self._patience.first
        for commit in kept:
            try:
                await self._by_hash(commit, credential)
            except RevisionNotFound:
                continue
            except SourceError:
                return  # the fetch that follows says why; `keep` asks again for what is missing

    async def _by_hash(self, commit: str, credential: Credential | None) -> None:
        def args(url: str) -> list[str]:
            return [*_FETCH, "--", url, f"+{commit}:{folder.KEEP}{commit}"]

        try:
            await self._asked(args, credential, self._seconds)
        except failure.NotGiven:
            raise RevisionNotFound(f"the commit {commit} is not in the repository") from None

    async def _asked(
        self, args: Arguments, credential: Credential | None, seconds: float, *, outside: bool = False
    ) -> bytes:
        try:
            return await self._remote.ask(args, credential, seconds, None if outside else self._folder)
        except SourceError as error:
            self._dirty = self._dirty or not outside
            if isinstance(error, failure.Late) and not outside:
                self._seconds = min(2 * seconds, self._patience.first)
            raise
        except asyncio.CancelledError:
            self._dirty = self._dirty or not outside
            raise

    def _packs(self) -> bool:
        return self._packing is not None and not self._packing.done()

    def _there(self) -> bool:
        """Whether there is a folder to read from: after a restart also before a fetch, or without one."""
        with self._opening:
            # Once only: it sweeps locks away, which must not be those of a fetch.
            self._ready = self._ready or folder.opened(self._folder, self.repo)
        return self._ready

    def _open(self) -> None:
        """Have a folder to fetch into."""
        if not self._there():
            with self._opening:
                folder.make(self._folder, self.repo, self._git, self._digits)
                self._ready = True
        elif self._dirty and not self._packs():
            folder.sweep(self._folder)
        self._dirty = self._dirty and self._packs()

    def _anew(self) -> frozenset[str]:
        kept: frozenset[str] = frozenset()
        with suppress(SourceError, OSError):
            kept = folder.kept(self._folder)
        self.objects.forget()
        self._commits.clear()
        folder.make(self._folder, self.repo, self._git, self._digits)
        self._ready, self._dirty = True, False
        return kept

    def _refs(self) -> Refs:
        head = self._head or ""
        found = folder.refs(self._folder, head, self.repo, self.objects.peel)
        return found if found.has(head) else replace(found, head="")

    async def _pack(self) -> None:
        """Few packs and one file of refs, for fast reading, beside fetches; a failure harms nothing.

        Every checked fetch leaves a pack. Rolling the small ones together costs what they hold, not the
        history; what no ref leads to any more goes by a full cleaning, now and then.
        """
        self._packings += 1
        roll = ["repack", "-d", "--quiet", "--geometric=2"]
        steps = [["gc", "--quiet"]] if self._packings % _CLEAN_EVERY == 0 else [["pack-refs", "--all"], roll]
        with suppress(GitFailed):
            for args in steps:
                await self._git.local(partial(self._git.run, args, folder=self._folder, bounds=_PACKING))

    def _hold(self, commits: frozenset[str], *, release: bool) -> frozenset[str]:
        self._open()
        wanted = frozenset(commit for commit in commits if commit_hash(commit) and self.known(commit))
        held = folder.kept(self._folder)
        lines = [f"update {folder.KEEP}{commit} {commit}\n" for commit in sorted(wanted - held)]
        wanted |= frozenset() if release else held
        lines += [f"delete {folder.KEEP}{commit}\n" for commit in sorted(held - wanted)]
        if lines:
            told = Granted(stdin="".join(lines).encode())
            try:
                self._git.run(["update-ref", "--stdin"], folder=self._folder, granted=told)
            except GitFailed:
                raise RepositoryUnreachable("the mirror's own refs cannot be written") from None
        return wanted
