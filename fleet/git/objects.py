"""`Objects`: the object store of one mirror, through one `git cat-file --batch` that is kept open.

Contract: blocking, for any thread; an object is 40 us away. A process that died is started again once;
objects that came by a later fetch are seen. Parsed trees are kept, the last used ones, up to a number of
entries.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.errors import SourceError
from fleet.git.tree import Tree, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.git.process import Conversation

LARGEST: Final = 32 << 20
_MOST_ENTRIES: Final = 300_000
_LONGEST_TAG_CHAIN: Final = 8
_NO_PATH: Final = frozenset((b"", b".", b"..", b".git"))


class Damaged(SourceError):
    """The mirror lacks an object that it must have, or cannot read it: it has to be made anew."""

    reason = "MirrorDamaged"
    transient = True


class _Object(NamedTuple):
    kind: str
    content: bytes


class Objects:
    """Reads through the process that ``start`` starts; ``damaged`` once the store lacks objects."""

    def __init__(self, repo: str, start: Callable[[], Conversation]) -> None:
        self.repo = repo
        self.damaged = False
        self._start = start
        self._process: Conversation | None = None
        self._lock = threading.Lock()
        self._trees: OrderedDict[str, Mapping[str, tuple[int, str]]] = OrderedDict()
        self._entries = 0
        self._roots: OrderedDict[str, str] = OrderedDict()

    def tree(self, commit: str) -> Tree:
        """The files of a commit; raises `Damaged` where the commit is not there."""
        return Tree(self.repo, commit, self.root(commit), self)

    def root(self, commit: str) -> str:
        """The oid of a commit's tree."""
        with self._lock:
            root = self._roots.get(commit)
            if root is None:
                root = _header(self._need(commit, "commit"), b"tree ")
                self._roots[commit] = root
                if len(self._roots) > 1000:  # noqa: PLR2004 (a bound, no more)
                    self._roots.popitem(last=False)
        return root

    def parents(self, commit: str) -> tuple[str, ...]:
        """A commit's parents; empty for one that is not there."""
        with self._lock:
            found = self._get(commit)
        if found is None or found.kind != "commit":
            return ()
        lines = found.content.partition(b"\n\n")[0].split(b"\n")
        return tuple(line[7:].decode() for line in lines if line.startswith(b"parent "))

    def known(self, commit: str) -> bool:
        """Whether this is a commit of the store."""
        try:
            with self._lock:
                found = self._get(commit)
        except SourceError:
            return False
        return found is not None and found.kind == "commit"

    def peel(self, oid: str) -> str:
        """What an annotated tag shows in the end; any other object is itself."""
        with self._lock:
            for _ in range(_LONGEST_TAG_CHAIN):
                try:
                    found = self._get(oid)
                except Damaged:
                    raise
                except SourceError:  # too large to be a tag
                    return oid
                if found is None or found.kind != "tag":
                    return oid
                oid = _header(found.content, b"object ")
        return oid

    def listing(self, oid: str) -> Mapping[str, tuple[int, str]]:
        """A tree object's entries: name to mode and oid."""
        with self._lock:
            known = self._trees.get(oid)
            if known is not None:
                self._trees.move_to_end(oid)
                return known
            try:
                known = _entries(self._need(oid, "tree"), len(oid) // 2)
            except ValueError:
                raise SourceError(f"the tree {oid} is malformed") from None
            self._trees[oid] = known
            self._entries += len(known) + 1
            while self._entries > _MOST_ENTRIES and len(self._trees) > 1:
                self._entries -= len(self._trees.popitem(last=False)[1]) + 1
        return known

    def blob(self, oid: str) -> bytes:
        """A blob's content; `SourceError` for one of more than 32 MiB."""
        with self._lock:
            return self._need(oid, "blob")

    def close(self) -> None:
        """End the process; the next read starts another."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """The store was made anew: end the process, drop what was read from the old one."""
        with self._lock:
            self._end()
            self._trees.clear()
            self._roots.clear()
            self._entries = 0
            self.damaged = False

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

    def _need(self, oid: str, kind: str) -> bytes:
        found = self._get(oid)
        if found is None or found.kind != kind:
            self.damaged = True
            raise Damaged(f"the mirror has no {kind} {oid}: it is made anew at the next fetch")
        return found.content

    def _get(self, oid: str) -> _Object | None:
        for _ in range(2):
            try:
                if self._process is None:
                    self._process = self._start()
                return _exchange(self._process, oid)
            except (OSError, EOFError):
                # Ended by the system or by itself over a broken object: a second death is the object's fault.
                self._end()
            except BaseException:
                # Unread output would answer the next question.
                self._end()
                raise
        self.damaged = True
        raise Damaged("the mirror's objects cannot be read: it is made anew at the next fetch")


def _exchange(process: Conversation, oid: str) -> _Object | None:
    process.write(oid.encode() + b"\n")
    head = process.line().split()
    if len(head) != 3:  # noqa: PLR2004 (oid, type and size; or oid and "missing")
        return None
    size = int(head[2])
    if size > LARGEST:
        raise SourceError(f"a file of {size >> 20} MiB is larger than the {LARGEST >> 20} MiB that are read")
    return _Object(head[1].decode(), process.exactly(size + 1)[:-1])


def _header(content: bytes, name: bytes) -> str:
    line = content.partition(b"\n")[0]
    return line.removeprefix(name).decode("ascii")


def _entries(content: bytes, width: int) -> Mapping[str, tuple[int, str]]:
    """Parse a tree object: ``mode SP name NUL oid``, oids in ``width`` bytes."""
    entries: dict[str, tuple[int, str]] = {}
    at, end = 0, len(content)
    while at < end:
        space = content.index(b" ", at)
        null = content.index(b"\0", space)
        name = content[space + 1 : null]
        oid = content[null + 1 : null + 1 + width].hex()
        if name not in _NO_PATH and b"/" not in name:
            entries[name.decode() if name.isascii() else text(name)] = (int(content[at:space], 8), oid)
        at = null + 1 + width
    return entries
