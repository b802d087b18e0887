"""Repository URLs: read, compared, matched by prefix; pure.

Contract: a URL is of the form ``https://host[:port]/path``, ``http://...``, ``oci://...``,
``ssh://[user@]host[:port]/path`` or ``[user@]host:path`` (scp's form, read as ssh). Everything else, and all that a shell, Git or a server
could read as something else than a plain path, is a `ValueError` whose text never repeats the URL: it may
hold a password.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

_PORTS: Final = {"https": 443, "http": 80, "ssh": 22, "oci": 443}
_LONGEST: Final = 2048
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PATH = re.compile(r"[A-Za-z0-9._~!&(),=:@+%/-]*")
# Encoded forms of what separates segments, climbs or controls: a server could decode them later.
_ENCODED = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff]|2[EeFf4]|5[Cc]|25|(?![0-9A-Fa-f]{2}))")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_SCP = re.compile(r"(?P<authority>[^/:\[\]]+|(?:[^/:\[\]@]+@)?\[[^\]/]+\]):(?!//)(?P<path>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in parts: scheme and host in lower case, ``port`` never the scheme's own (None then)."""

    scheme: str
    user: str
    host: str
    port: int | None
    segments: tuple[str, ...]

    @property
    def number(self) -> int:
        """The port that is connected to."""
        return self.port or _PORTS[self.scheme]


def parse(url: str) -> Url:
    """The URL in parts; raises `ValueError` for what is no plain repository URL."""
    if not url or len(url) > _LONGEST:
        raise ValueError("it is empty" if not url else f"it is longer than {_LONGEST} characters")
    if url.startswith("-"):
        raise ValueError("it begins with '-'")
    if _HELPER.match(url):
        raise ValueError("it names a transport helper")
    scheme, separator, rest = url.partition("://")
    if separator:
        scheme = scheme.lower()
        if scheme not in _PORTS:
            raise ValueError("its scheme is none of https and ssh")
        authority, _, path = rest.partition("/")
    else:
        match = _SCP.fullmatch(url)
        if match is None:
            raise ValueError("it is neither https://host/path, ssh://host/path nor user@host:path")
        scheme, authority, path = "ssh", match["authority"], match["path"]
    user, host, port = _authority(authority, scheme, numbered=bool(separator))
    return Url(scheme, user, host, None if port == _PORTS[scheme] else port, _segments(path))


def canonical(url: str) -> str:
    """One key for all spellings of a repository: ``host[:port]/path``, without scheme, user and ``.git``.

    The scheme is left out, so that the ssh and the https URL of one repository agree.
    """
    parts = parse(url)
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    place = f"{host}:{parts.port}" if parts.port else host
    return "/".join((place, *_bare(parts.segments)))


def covers(prefix: str, url: str) -> bool:
    """Whether ``url`` lies under ``prefix``: scheme, host and port exactly, the path by whole segments.

    A user in the prefix must be the URL's; ``.git`` at the end of a repository's name makes no difference.
    False where either is no repository URL.
    """
    try:
        outer, inner = parse(prefix), parse(url)
    except ValueError:
        return False
    if (outer.scheme, outer.host, outer.port) != (inner.scheme, inner.host, inner.port):
        return False
    if outer.user and outer.user != inner.user:
        return False
    if len(outer.segments) == len(inner.segments):
        return _bare(outer.segments) == _bare(inner.segments)
    return inner.segments[: len(outer.segments)] == outer.segments


def _authority(text: str, scheme: str, *, numbered: bool) -> tuple[str, str, int | None]:
    user, at, place = text.rpartition("@")
    if at and scheme != "ssh":
        raise ValueError("it holds a user or password; these belong into a Secret")
    if at and not _USER.fullmatch(user):
        raise ValueError("its user is no plain name; a password belongs into a Secret")
    if place.startswith("["):
        host, closed, port = place[1:].partition("]")
        try:
            host = str(ipaddress.IPv6Address(host if closed and "%" not in host else ""))
        except ValueError:
            raise ValueError("its host is no IPv6 address") from None
        if port and not port.startswith(":"):
            raise ValueError("its port is no number")
        port = port[1:]
    else:
        host, _, port = place.partition(":")
        if not _HOST.fullmatch(host):
            raise ValueError("its host is no host name")
    if port and not (numbered and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise ValueError("its port is no number between 1 and 65535")
    return user, host.lower(), int(port) if port else None


def _segments(path: str) -> tuple[str, ...]:
    if not _PATH.fullmatch(path):
        raise ValueError("its path holds a character that is not allowed")
    if _ENCODED.search(path):
        raise ValueError("its path holds an encoded character that is not allowed")
    segments = tuple(segment for segment in path.split("/") if segment)
    if any(segment in (".", "..") for segment in segments):
        raise ValueError("its path holds '.' or '..'")
    if segments and segments[0].startswith("-"):
        raise ValueError("its path begins with '-'")
    return segments


def _bare(segments: tuple[str, ...]) -> tuple[str, ...]:
    """The segments with the last one's ``.git`` cut off."""
    if segments and segments[-1] != ".git":
        return (*segments[:-1], segments[-1].removesuffix(".git"))
    return segments
