"""The user's own clone, by the user's own git: what lies in a commit, a new commit, a push.

Contract: blocking. The working tree and its index are never touched, but by ``make`` and ``record``, which begin a
repository. Commits are made of objects alone, so that two commands in one clone do not meet. A push goes through only where
the branch is still what the commit was made from. What a server answers is told by kind and never quoted.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

from fleet.cli.errors import CliError

# What a hook or an alias has of another repository, or of a half-made commit of this one.
_OTHERS: Final = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# What git and its servers say of a branch that is not what it was, or that another push holds at this moment.
_MOVED: Final = ("fetch first", "non-fast-forward", "stale info", "cannot lock ref", "failed to update ref")
_DECLINED: Final = ("hook declined", "protected branch", "remote rejected", "prohibited")


class Pushed(Enum):
    """What became of a push."""

    DONE = "done"
    MOVED = "moved"
    DECLINED = "declined"


class Repository:
    """See the module. ``remote`` is the name of what is fetched from and pushed to."""

    def __init__(self, root: Path, remote: str = "origin") -> None:
        self.root = root
        self.remote = remote

    @classmethod
    def of(cls, folder: Path, remote: str = "origin") -> Repository:
        """Give the clone that a folder lies in. CliError where it is none."""
        found = cls(folder, remote).top
        if not found:
            raise CliError(f"{folder} is no clone of a repository", hint="Go there, or give --repository DIR")
        made = cls(Path(found), remote)
        if not made.url:
            raise CliError(f"{found} has no remote {remote}", hint="Give --remote NAME")
        return made

    @classmethod
    def make(cls, folder: Path, branch: str, url: str) -> Repository:
        """Begin a repository in a folder."""
        made = cls(folder)
        made._run("init", "--quiet", f"--initial-branch={branch}", ".")
        made._run("remote", "add", made.remote, url)
        return made

    @property
    def top(self) -> str:
        """The topmost folder of the clone; empty where there is none."""
        return self._ask("rev-parse", "--show-toplevel")

    @property
    def url(self) -> str:
        """Where the remote is; empty where there is none."""
        return self._ask("remote", "get-url", self.remote)

    @property
    def person(self) -> str:
        """Who commits here: ``Name <address>``. CliError where git knows nobody."""
        found = self._ask("var", "GIT_COMMITTER_IDENT")
        if not found:
            raise CliError(
                "git does not know who you are", hint="Set user.name and user.email with 'git config'"
            )
        return found.rpartition(">")[0] + ">"

    def record(self, message: str) -> str:
        """Commit all that lies in the folder; the commit."""
        person = self.person
        self._run("add", "--all")
        self._run("commit", "--quiet", "--message", message, told=f"commit as {person}")
        return self._run("rev-parse", "HEAD").decode().strip()

    def fetch(self, branch: str) -> str:
        """Bring the branch of the remote here; its commit, or empty where there is no such branch."""
        ref = f"refs/heads/{branch}"
        if self._try("check-ref-format", ref) is None:
            raise CliError(f"a branch cannot be named {branch!r}", hint="Give another name")
        told = f"read {branch} of {self.remote}"
        for _ in range(3):
            lines = self._run("ls-remote", "--refs", self.remote, ref, told=told).decode().splitlines()
            # What is asked for is a pattern: other names may end like this one.
            found = [commit for commit, _, name in (line.partition("\t") for line in lines) if name == ref]
            if not found:
                return ""
            self._run(
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--refmap=",
                self.remote,
                ref,
                told=told,
            )
            if self.has(found[0]):
                return found[0]
        raise CliError(f"{branch} of {self.remote} keeps moving", hint="Try again")

    def has(self, commit: str) -> bool:
        """Whether a commit is here."""
        return (
            bool(_COMMIT.fullmatch(commit))
            and self._try("cat-file", "-e", f"{commit}^{{commit}}") is not None
        )

    def files(self, commit: str, folder: str) -> tuple[str, ...]:
        """Give the paths of all files below a folder; none where it is not there.

        Links are left out, and names that cannot be printed as they are, which no manifest has.
        """
        found = self._try("ls-tree", "-r", "-z", commit, "--", f"{folder}/") or b""
        lines = (line.decode(errors="surrogateescape") for line in found.split(b"\0") if line)
        return tuple(
            path
            for entry, _, path in (line.partition("\t") for line in lines)
            if entry[:3] == "100" and path.isprintable()
        )

    def read(self, commit: str, paths: Sequence[str]) -> tuple[bytes | None, ...]:
        """Give the contents of files, None where one is not there."""
        names = "".join(f"{commit}:{path}\n" for path in paths).encode(errors="surrogateescape")
        said = self._run("cat-file", "--batch", given=names)
        found: list[bytes | None] = []
        for _ in paths:
            line, _, said = said.partition(b"\n")
            parts = line.rsplit(b" ", 2)
            if parts[-1] == b"missing" or not parts[-1].isdigit():
                found.append(None)
                continue
            size = int(parts[-1])
            found.append(said[:size] if parts[-2] == b"blob" else None)
            said = said[size + 1 :]
        return tuple(found)

    def message(self, commit: str) -> str:
        """Give a commit's message."""
        return self._ask("log", "-1", "--format=%B", commit)

    def messages(self, since: str, until: str) -> tuple[str, ...]:
        """Give the messages of the commits that ``until`` has and ``since`` lacks."""
        found = self._run("log", "--format=%B%x00", f"{since}..{until}").decode(errors="replace")
        return tuple(found.split("\0")[:-1])

    def same(self, commit: str, parent: str, files: Mapping[str, bytes]) -> bool:
        """Whether a commit is already what ``commit`` would make of these."""
        above = self._ask("rev-parse", f"{commit}^@")
        return above == parent and self.read(commit, list(files)) == tuple(files.values())

    def count(self, since: str, until: str) -> int | None:
        """How many commits ``until`` has that ``since`` lacks; None where one of them is not here."""
        if not (self.has(since) and self.has(until)):
            return None
        return int(self._run("rev-list", "--count", f"{since}..{until}"))

    def commit(self, parent: str, files: Mapping[str, bytes], message: str) -> str:
        """Make a commit in which these files of ``parent`` have another content; the branch does not move."""
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._run("read-tree", parent, more=index)
            lines = b""
            for path, content in files.items():
                entry = self._run("ls-tree", parent, "--", path).decode().split()
                blob = self._run("hash-object", "-w", "--stdin", given=content).decode().strip()
                lines += f"{entry[0]} {blob}\t{path}\0".encode(errors="surrogateescape")
            self._run("update-index", "-z", "--index-info", given=lines, more=index)
            tree = self._run("write-tree", more=index).decode().strip()
        made = self._run("commit-tree", tree, "-p", parent, "-F", "-", given=message.encode())
        return made.decode().strip()

    def push(self, commit: str, branch: str, before: str) -> Pushed:
        """Push where the branch is still at ``before`` (empty: it is not there yet). CliError for all else."""
        ref = f"refs/heads/{branch}"
        done = self._start(
            "push",
            "--porcelain",
            "--no-follow-tags",
            f"--force-with-lease={ref}:{before}",
            self.remote,
            f"{commit}:{ref}",
        )
        if done.returncode == 0:
            return Pushed.DONE
        said = (done.stdout + done.stderr).decode(errors="replace").lower()
        if any(words in said for words in _MOVED):
            return Pushed.MOVED
        if any(words in said for words in _DECLINED):
            return Pushed.DECLINED
        raise CliError(
            f"git could not push {branch} to {self.remote}", hint="Try 'git push' there to see what it says"
        )

    def _ask(self, *arguments: str) -> str:
        found = self._try(*arguments)
        return found.decode(errors="replace").strip() if found is not None else ""

    def _try(self, *arguments: str) -> bytes | None:
        done = self._start(*arguments)
        return done.stdout if done.returncode == 0 else None

    def _run(
        self,
        *arguments: str,
        given: bytes | None = None,
        more: Mapping[str, str] | None = None,
        told: str = "",
    ) -> bytes:
        done = self._start(*arguments, given=given, more=more)
        if done.returncode:
            raise CliError(
                f"git could not {told or arguments[0]} in {self.root}",
                hint="Try the same with git to see why",
            )
        return done.stdout

    def _start(
        self, *arguments: str, given: bytes | None = None, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        inherited = {name: value for name, value in os.environ.items() if name not in _OTHERS}
        environment = {**inherited, "LC_ALL": "C", **(more or {})}
        try:
            return subprocess.run(
                ["git", "-C", str(self.root), *arguments],
                input=given if given is not None else b"",
                capture_output=True,
                check=False,
                env=environment,
            )
        except FileNotFoundError:
            raise CliError("there is no git on PATH", hint="Install git") from None
