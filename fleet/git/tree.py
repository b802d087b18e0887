"""`Tree`: one commit's files, read from the object store, each look-up recorded.

Contract: blocking, one thread at a time, no checkout. Paths are relative to the repository's root, ``""`` and
``"."`` are the root. Symbolic links are followed inside the repository, and each step of the way is among
`reads`; one that leaves it or turns in a circle is `LinkRefused` by name. What is absent is recorded as
absent.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from fleet.errors import LinkRefused, PathNotFound
from fleet.model import Read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIRECTORY: Final = 0o040000
LINK: Final = 0o120000
SUBMODULE: Final = 0o160000
_TYPE: Final = 0o170000
_MOST_LINKS: Final = 40  # as Linux allows
_LONGEST_LINK: Final = 4096


class Entry(NamedTuple):
    """A file, directory, link or submodule: ``mode`` as Git's (0o100644), ``path`` where it really lies."""

    name: str
    mode: int
    oid: str
    path: str

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.mode & _TYPE == DIRECTORY

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode & _TYPE == LINK

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return not (self.is_directory or self.is_link or self.mode & _TYPE == SUBMODULE)


class Store(Protocol):
    """Where objects come from: `fleet.git.objects.Objects`."""

    def listing(self, oid: str) -> Mapping[str, tuple[int, str]]:
        """A tree object's entries: name to mode and oid."""

    def blob(self, oid: str) -> bytes:
        """A blob's content."""


class Tree:
    """The tree ``root`` of a commit; equal look-ups are answered from memory."""

    def __init__(self, repo: str, commit: str, root: str, store: Store) -> None:
        self.repo = repo
        self.commit = commit
        self._root = root
        self._store = store
        self._reads: set[Read] = set()

    @property
    def reads(self) -> frozenset[Read]:
        """All that was looked up so far."""
        return frozenset(self._reads)

    def entry(self, path: str) -> Entry | None:
        """What lies at ``path``, links followed: never a link itself; None where nothing does."""
        found = self._walk(path)
        self._record(found.path, found.oid)
        return found if found.oid else None

    def read(self, path: str) -> bytes:
        """The content of the file at ``path``; `PathNotFound` where there is none."""
        found = self.entry(path)
        if found is None:
            raise PathNotFound(f"{path} is not in the commit")
        if not found.is_file:
            raise PathNotFound(f"{path} is {_kind(found)}, not a file")
        return self._store.blob(found.oid)

    def list(self, path: str) -> tuple[Entry, ...]:
        """What lies in the directory at ``path``, by name, links as links; `PathNotFound` without one.

        The entries' paths begin with where the directory really lies, so that a way through links does not
        grow.
        """
        found = self.entry(path)
        if found is None:
            raise PathNotFound(f"{path or '.'} is not in the commit")
        if not found.is_directory:
            raise PathNotFound(f"{path} is {_kind(found)}, not a directory")
        above = f"{found.path}/" if found.path else ""
        listing = self._store.listing(found.oid)
        return tuple(
            Entry(name, mode, oid, above + name)
            for name, (mode, oid) in sorted(listing.items(), key=_by_name)
        )

    def _record(self, path: str, oid: str | None) -> None:
        self._reads.add(Read(self.repo, path, oid or None))

    def _walk(self, path: str) -> Entry:
        """The entry with its real path; its oid is empty where nothing lies there."""
        here = [Entry("", DIRECTORY, self._root, "")]
        ahead = deque(path.split("/"))
        links = 0
        inside = ""  # the link that is being followed, for the error
        while ahead:
            name = ahead.popleft()
            if name in ("", "."):
                continue
            if name == "..":
                here.pop()
                if not here:
                    if inside:
                        raise LinkRefused(f"the link {inside} leaves the repository")
                    raise PathNotFound(f"{path} leaves the repository")
                continue
            last = here[-1]
            lies = f"{last.path}/{name}" if last.path else name
            found = self._store.listing(last.oid).get(name) if last.is_directory else None
            if found is None:
                return self._absent(last, lies, ahead)
            entry = Entry(name, found[0], found[1], lies)
            if not entry.is_link:
                here.append(entry)
                continue
            self._record(lies, entry.oid)
            links += 1
            inside = lies
            if links > _MOST_LINKS:
                raise LinkRefused(f"the link {lies} turns in a circle")
            ahead.extendleft(reversed(self._target(entry)))
        return here[-1]

    def _target(self, link: Entry) -> Sequence[str]:
        target = self._store.blob(link.oid)
        if target.startswith(b"/"):
            raise LinkRefused(f"the link {link.path} leaves the repository")
        if not target or b"\0" in target or len(target) > _LONGEST_LINK:
            raise LinkRefused(f"the link {link.path} names no path")
        return text(target).split("/")

    def _absent(self, last: Entry, lies: str, ahead: deque[str]) -> Entry:
        """Record the first step that is missing too: what appears there may be a link or a directory."""
        if not last.is_directory:
            self._record(last.path, last.oid)
        rest = [name for name in ahead if name not in ("", ".")]
        if rest:
            self._record(lies, None)
        return Entry(lies.rpartition("/")[2], 0, "", "/".join((lies, *rest)))


def text(name: bytes) -> str:
    r"""A name in a tree as text; bytes that are no UTF-8 become ``\xNN``, as JSON could not carry them."""
    return name.decode("utf-8", "backslashreplace")


def _by_name(item: tuple[str, tuple[int, str]]) -> str:
    return item[0]


def _kind(entry: Entry) -> str:
    if entry.is_directory:
        return "a directory"
    return "a file" if entry.is_file else "a submodule"
