"""A bare repository that tests commit to directly, by `git fast-import`: no work tree, links too."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT: Final = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
}


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


Content = str | bytes | Link | None


class GitRepo:
    """The bare repository at ``path``, made where it is missing."""

    def __init__(self, path: Path, *, form: str = "sha1") -> None:
        self.path = path
        if not path.exists():
            self.git(
                "init", "--quiet", "--bare", "--initial-branch=main", f"--object-format={form}", str(path)
            )
            self.git("config", "uploadpack.allowAnySHA1InWant", "true")
        self._clock = 1_700_000_000

    def git(self, *args: str, stdin: bytes = b"") -> str:
        """Run git on it; the output without its last line's end."""
        bare = [] if args[0] == "init" else ["--git-dir", str(self.path)]
        done = subprocess.run(
            ["git", *bare, *args], input=stdin, env=ENVIRONMENT, capture_output=True, timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
        return done.stdout.decode().rstrip("\n")

    def commit(
        self,
        files: Mapping[str, Content],
        branch: str = "main",
        *,
        parent: str | None = None,
        alone: bool = False,
    ) -> str:
        """Commit files (None removes one) to a branch; onto ``parent``, or onto nothing if ``alone``."""
        ref = f"refs/heads/{branch}"
        self._clock += 1
        before = parent or ("" if alone else self.find(ref))
        lines = [f"reset {ref}\n\n".encode()] if alone or parent else []
        lines.append(f"commit {ref}\nmark :1\ncommitter Test <t@example.org> {self._clock} +0000\n".encode())
        lines.append(b"data 4\ntest\n" + (f"from {before}\n".encode() if before else b""))
        for name, content in files.items():
            path = f'"{name}"'
            if content is None:
                lines.append(f"D {path}\n".encode())
                continue
            mode = "120000" if isinstance(content, Link) else "100644"
            data = content.target if isinstance(content, Link) else content
            raw = data.encode() if isinstance(data, str) else data
            lines.append(f"M {mode} inline {path}\ndata {len(raw)}\n".encode() + raw + b"\n")
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(lines))
        return self.find(ref)

    def find(self, name: str) -> str:
        """What a name means; empty where it is not there."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", name)
        except RuntimeError:
            return ""

    def tag(self, name: str, commit: str, *, annotated: bool = False) -> str:
        """Tag a commit; the tag object's hash or the commit's."""
        self.git("tag", "--force", *(["-a", "-m", "test"] if annotated else []), name, commit)
        return self.find(f"refs/tags/{name}")
