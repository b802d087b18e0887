"""Paths that are sent to Vault: what may stand in one, segment by segment.

Contract: pure. A path is checked as it will be sent, after facts are filled in: clients and proxies fold ``..``, decode
``%2e`` and stop at ``?``, so an allow-list that has seen another text than the server is no wall. What is refused is
told without being repeated.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from fleet.errors import FleetError

LONGEST: Final = 1024
_FORBIDDEN: Final = {
    "%": "a % (something could decode it later)",
    "\\": "a backslash",
    "?": "a ?",
    "#": "a #",
}
# Controls, what is invisible or no character, and the separators of lines.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SERVER: Final = re.compile(
    r"https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
)


class PathRefused(FleetError):
    """A path, name or address that is not sent to any Vault."""

    reason = "PathRefused"


def path(text: str, where: str) -> str:
    """The path of one or more segments, unchanged. Raises PathRefused, which names ``where`` as the field."""
    fault = _fault(text)
    if fault:
        raise PathRefused(f"{where}: {fault}", field=where)
    return text


def name(text: str, where: str) -> str:
    """A path of a single segment, unchanged. Raises PathRefused."""
    if "/" in text:
        raise PathRefused(f"{where}: it holds a / and is a single name", field=where)
    return path(text, where)


def namespace(text: str, where: str) -> str:
    """A namespace of Vault, empty for the root; the slash that many write after it goes. Raises PathRefused."""
    bare = text.removesuffix("/")
    return path(bare, where) if bare else ""


def server(text: str, where: str) -> str:
    """An address such as ``https://vault.example.com:8200``, in lower case. Raises PathRefused.

    No user, no path, no query: what is compared with an allow-list is all that there is.
    """
    bare = text.removesuffix("/")
    if not _SERVER.fullmatch(bare):
        raise PathRefused(f"{where}: must be https://HOST or https://HOST:PORT and nothing more", field=where)
    return bare.lower()


def _fault(text: str) -> str:
    if not text:
        return "it is empty"
    if len(text) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    for segment in text.split("/"):
        fault = _segment(segment)
        if fault:
            return fault
    return ""


def _segment(segment: str) -> str:
    if not segment:
        return "it begins or ends with a /, or holds two in a row"
    if segment != segment.strip():
        return "a segment begins or ends with a space"
    # A server that normalizes would see the plain form of a wide dot or slash.
    plain = unicodedata.normalize("NFKC", segment)
    if plain.strip() in (".", ".."):
        return "a segment is . or .."
    if "/" in plain:
        return "it holds a character that reads as a /"
    for character, what in _FORBIDDEN.items():
        if character in plain:
            return f"it holds {what}"
    if any(unicodedata.category(one) in _UNSEEN for one in segment):
        return "it holds a control character or one that is not seen"
    return ""
