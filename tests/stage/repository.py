"""A real repository, served over HTTP, and a clone that commits to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from bootstrap.local import gitserver

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
    # Nobody tidies up after each commit.
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
    "GIT_CONFIG_KEY_1": "maintenance.auto",
    "GIT_CONFIG_VALUE_1": "false",
}


class Repository:
    """``url`` is what Applications name; every change is pushed at once, and ``pushed`` is told of it."""

    def __init__(self, server: gitserver.GitServer, root: Path, name: str, clones: Path) -> None:
        self.served = gitserver.create_repository(root, name)
        self.url = f"{server.url}/{name}.git"
        self.folder = clones / name
        self.pushed: Callable[[], None] = lambda: None
        self._git("init", "--quiet", "--initial-branch=main", str(self.folder), at=clones)
        self._git("remote", "add", "origin", str(self.served))

    def commit(self, files: dict[str, str | None], *, branch: str = "main") -> str:
        """Write (None: remove) files and push; the commit's hash."""
        for path, content in files.items():
            file = self.folder / path
            if content is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
        self.record()
        self.push(branch)
        return self.head()

    def record(self) -> str:
        """Commit what is there and push nothing; the commit's hash."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.head()

    def move(self, source: str, target: str) -> str:
        """Move a file and push."""
        content = (self.folder / source).read_text()
        return self.commit({source: None, target: content})

    def revert(self, commit: str = "HEAD") -> str:
        """``git revert`` and push."""
        self._git("revert", "--no-edit", commit)
        self.push("main")
        return self.head()

    def reset(self, commit: str) -> None:
        """Force the branch back to a commit."""
        self._git("reset", "--quiet", "--hard", commit)
        self._push("--force", "origin", "HEAD:main")

    def rewrite(self, files: dict[str, str]) -> str:
        """Put a history without ancestors in the branch's place by force; the old commits are gone."""
        self._git("checkout", "--quiet", "--orphan", "anew")
        self._git("rm", "-rqf", "--ignore-unmatch", ".")
        for path, content in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "anew")
        self._push("--force", "origin", "HEAD:main")
        self._git("branch", "--quiet", "--move", "--force", "main")
        self._git("gc", "--quiet", "--prune=now", at=self.served)
        return self.head()

    def push(self, branch: str, *, delete: bool = False) -> None:
        """Push what is there, or take the branch away."""
        self._push("origin", f"{'' if delete else 'HEAD'}:refs/heads/{branch}")

    def send_to(self, url: str) -> None:
        """Push what is there to another repository's main branch."""
        self._git("push", "--quiet", url, "HEAD:refs/heads/main")

    def head(self) -> str:
        """The present commit."""
        return self._git("rev-parse", "HEAD").strip()

    def _push(self, *arguments: str) -> None:
        self._git("push", "--quiet", *arguments)
        self.pushed()

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=at or self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {arguments[0]}: {done.stderr}"
        return done.stdout
