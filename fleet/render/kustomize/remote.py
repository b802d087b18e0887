"""What Kustomize would fetch by itself, and what of it is a folder of a Git repository.

Contract: pure. A path that exists in the repository is local, whatever it looks like; this is asked for the others.
The forms are those of Kustomize 5.8 (``api/internal/git/repospec.go``): ``https://host/org/repo//path?ref=v1``,
``git@host:org/repo//path?ref=v1``, ``github.com/org/repo//path``, ``git::URL``.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs

from fleet.errors import SourceError
from fleet.render.ground import RemoteFolder

_SCHEME: Final = re.compile(r"^(git::)?(https?|ssh|git|file|s3|gcs|oci)://", re.IGNORECASE)
_SCP: Final = re.compile(r"^(git::)?[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+[:/]")
_HOSTS: Final = ("github.com/", "gitlab.com/", "bitbucket.org/", "dev.azure.com/")
_FILE: Final = re.compile(r"\.(ya?ml|json)$", re.IGNORECASE)
_REPOSITORY_PARTS: Final = 2


class RemoteRefused(SourceError):
    """A remote reference of a form that cannot be pinned to a commit."""

    reason = "RemoteRefused"


def remote(text: str) -> bool:
    """Whether Kustomize would take it for something to fetch."""
    return bool(_SCHEME.match(text) or _SCP.match(text)) or text.lower().startswith(_HOSTS) or "?ref=" in text


def folder(text: str) -> RemoteFolder:
    """The folder that is meant. Raises RemoteRefused."""
    rest, _, query = text.removeprefix("git::").partition("?")
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
        scheme = "" if _SCP.match(rest) else "https://"
    before, double, path = rest.partition("//")
    if not double:
        before, path = _divided(rest)
    if not double and _FILE.search(rest) and ".git" not in rest:
        raise RemoteRefused(
            "a single file over HTTP has no commit that it could be pinned to: name its repository"
        )
    return RemoteFolder(scheme + before.rstrip("/"), name, path.strip("/"))


def _divided(rest: str) -> tuple[str, str]:
    """Where the repository ends and the path begins, for a form that does not say so."""
    marked, found, path = rest.partition(".git/")
    if found:
        return f"{marked}.git", path
    if rest.endswith(".git"):
        return rest, ""
    host, slash, tail = rest.partition("/")
    parts = tail.split("/")
    count = _REPOSITORY_PARTS if ":" not in host.rpartition("@")[2] else 1
    return host + slash + "/".join(parts[:count]), "/".join(parts[count:])
