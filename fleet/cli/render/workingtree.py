"""A folder as the tree of a commit that nobody has made yet, and a clone's own commits.

Contract: blocking, read only. Links are links, ``.git`` is not there. Names of objects are paths, so two looks at one
file agree for the length of a command.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fleet.errors import RevisionNotFound, SourceError
from fleet.git.objects import Objects
from fleet.git.process import Git
from fleet.git.tree import DIRECTORY, LINK, Tree

NOW: Final = "working tree"
_FILE: Final = 0o100644


class Folder:
    """The store behind the tree of a folder; see ``fleet.git.tree.Store``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def tree(self, repo: str) -> Tree:
        """The folder as it is now."""
        return Tree(repo, NOW, ".", self)

    def listing(self, oid: str) -> Mapping[str, tuple[int, str]]:
        """What lies in a folder."""
        found = {}
        with os.scandir(self._root / oid) as entries:
            for entry in entries:
                if entry.name == ".git":
                    continue
                mode = (
                    LINK
                    if entry.is_symlink()
                    else DIRECTORY
                    if entry.is_dir(follow_symlinks=False)
                    else _FILE
                )
                found[entry.name] = (mode, f"{oid}/{entry.name}")
        return found

    def blob(self, oid: str) -> bytes:
        """A file's content, or where a link leads."""
        path = self._root / oid
        try:
            return os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        except OSError as error:
            raise SourceError(f"{oid.removeprefix('./')} cannot be read: {error.strerror}") from None


class Clone:
    """A folder on this machine: what of it is meant, and which repositories it is a clone of."""

    def __init__(self, folder: Path, git: Git, revision: str = "") -> None:
        self.root = self._top(folder)
        self._folder = Folder(self.root)
        self._objects: Objects | None = None
        self.commit = NOW
        if revision:
            self.commit = self._say(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
            if not self.commit:
                raise RevisionNotFound(f"{self.root} has no revision {revision}")
            place = Path(self._say("rev-parse", "--absolute-git-dir"))
            self._objects = Objects(
                str(self.root), lambda: git.converse(["cat-file", "--batch"], folder=place)
            )
        self.remotes = self._say("config", "--get-regexp", r"^remote\..*\.url$").split()[1::2]

    def tree(self, repo: str) -> Tree:
        """The files that are meant, for one render."""
        if self._objects is None:
            return self._folder.tree(repo)
        return Tree(repo, self.commit, self._objects.root(self.commit), self._objects)

    def close(self) -> None:
        """End what reads objects."""
        if self._objects is not None:
            self._objects.close()

    def _top(self, folder: Path) -> Path:
        self.root = folder
        found = self._say("rev-parse", "--show-toplevel")
        return Path(found) if found else folder.absolute()

    def _say(self, *arguments: str) -> str:
        """What the user's own git says of the user's own clone; empty where it is none."""
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
