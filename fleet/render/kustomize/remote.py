"""What Kustomize would fetch by itself, and what of it is a folder of a Git repository.

Contract: pure. A path that exists in the repository is local, whatever it looks like; this is asked for the others.
The forms are those of Kustomize 5.8 (``api/internal/git/repospec.go``): ``https://host/org/repo//path?ref=v1``,
``git@host:org/repo//path?ref=v1``, ``github.com/org/repo//path``, ``.git`` and ``_git/`` in a path, ``git::URL``.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs

from fleet.errors import SourceError
from fleet.render.ground import RemoteFolder

_SCHEME: Final = re.compile(r"^(git::)?(https?|ssh|git|file|s3|gcs|oci)://", re.IGNORECASE)
_SCP: Final = re.compile(r"^(git::)?[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+[:/]")
_HOSTS: Final = ("github.com/", "github.com:", "gitlab.com/", "bitbucket.org/", "dev.azure.com/")
_FILE: Final = re.compile(r"\.(ya?ml|json)$", re.IGNORECASE)
_FORCED: Final = "git::"
_AZURE: Final = "_git/"
_REPOSITORY_PARTS: Final = 2


class RemoteRefused(SourceError):
    """A remote reference of a form that cannot be pinned to a commit."""

    reason = "RemoteRefused"


def remote(text: str) -> bool:
    """Whether Kustomize would take it for something to fetch."""
    return bool(_SCHEME.match(text) or _SCP.match(text)) or text.lower().startswith(_HOSTS) or "?ref=" in text


def folder(text: str) -> RemoteFolder:
    """The folder that is meant. Raises RemoteRefused."""
    text = text[len(_FORCED) :] if text.lower().startswith(_FORCED) else text
    rest, _, query = text.partition("?")
    values = parse_qs(query)
    name = (values.get("ref") or values.get("version") or [""])[0]
    if rest.lower().startswith(("file://", "s3://", "gcs://", "oci://", "git://")):
        raise RemoteRefused(f"{rest.partition('://')[0]}:// is not fetched: https and ssh repositories are")
    if rest.lower().startswith("ssh://"):
        scheme, rest = "ssh://", rest[6:]
    elif rest.lower().startswith(("https://", "http://")):  # which of them is opened, the Git stage judges
        scheme, _, rest = rest.partition("://")
        scheme += "://"
    else:
        short = rest.lower().startswith(
            "github.com:"
        )  # Git's own short form, whose user GitHub does not ask for
        scheme, rest = ("", f"git@{rest}") if short else ("" if _SCP.match(rest) else "https://", rest)
    if not scheme and ":" not in rest.partition("/")[0]:  # git@host/org/repo, which Git takes for a path
        rest = rest.replace("/", ":", 1)
    before, path = _divided(rest)
    if not before or (_FILE.search(rest) and not any(mark in rest for mark in ("//", ".git", _AZURE))):
        raise RemoteRefused(
            "a single file over HTTP has no commit that it could be pinned to: name its repository"
        )
    return RemoteFolder(scheme + before.rstrip("/"), name, path.strip("/"))


def _divided(rest: str) -> tuple[str, str]:
    """Where the repository ends and the path begins; both empty where there is no repository."""
    before, found, after = rest.partition(_AZURE)
    if found:
        repository, _, path = after.partition("/")
        return before + found + repository, path
    before, found, path = rest.partition("//")
    if found:
        return before, path
    before, found, path = rest.partition(".git")
    if found:
        return before + found, path
    divider = ":" if ":" in rest.partition("/")[0].rpartition("@")[2] and "@" in rest else "/"
    host, _, tail = rest.partition(divider)
    parts = tail.split("/")
    if len(parts) < _REPOSITORY_PARTS:
        return "", ""
    return f"{host}{divider}{'/'.join(parts[:_REPOSITORY_PARTS])}", "/".join(parts[_REPOSITORY_PARTS:])
