"""A repository in memory, under the real `fleet.git.tree.Tree`: object ids are Git's, trees and links too."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fleet.git.tree import DIRECTORY, LINK, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = 0o100644
URL = "https://git.example/acme/deploy"


class Link(str):
    """A symbolic link's target."""

    __slots__ = ()


class Repository:
    """The files of one commit: path to content, or to a `Link`. Counts the blobs that were read."""

    def __init__(self, files: Mapping[str, str | bytes], *, commit: str = "c" * 40) -> None:
        self.commit = commit
        self.blobs_read = 0
        self._blobs: dict[str, bytes] = {}
        self._trees: dict[str, dict[str, tuple[int, str]]] = {}
        self._root = self._tree(dict(files))

    def tree(self) -> Tree:
        return Tree(URL, self.commit, self._root, self)

    def listing(self, oid: str) -> Mapping[str, tuple[int, str]]:
        return self._trees[oid]

    def blob(self, oid: str) -> bytes:
        self.blobs_read += 1
        return self._blobs[oid]

    def _tree(self, files: dict[str, str | bytes]) -> str:
        entries: dict[str, tuple[int, str]] = {}
        below: dict[str, dict[str, str | bytes]] = {}
        for path, content in files.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = content
            else:
                data = content if isinstance(content, bytes) else content.encode()
                oid = _oid("blob", data)
                self._blobs[oid] = data
                entries[name] = (LINK if isinstance(content, Link) else FILE, oid)
        for name, inner in below.items():
            entries[name] = (DIRECTORY, self._tree(inner))
        raw = b"".join(
            f"{mode:o} {name}".encode() + b"\0" + bytes.fromhex(oid)
            for name, (mode, oid) in sorted(entries.items())
        )
        oid = _oid("tree", raw)
        self._trees[oid] = entries
        return oid


def _oid(kind: str, content: bytes) -> str:
    return hashlib.sha1(
        f"{kind} {len(content)}".encode() + b"\0" + content, usedforsecurity=False
    ).hexdigest()
