"""Which Kubernetes versions a member may have, and what is said of others. Pure."""

from __future__ import annotations

import re
from typing import Final

OLDEST: Final = (1, 33)
NEWEST: Final = (1, 36)
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)")


def said(version: str) -> str:
    """What is to be said of an API server's ``gitVersion``; empty where it is supported.

    It is said and hinders nothing: what such a server does not understand it refuses by itself.
    """
    found = _VERSION.match(version)
    if found is None:
        return "it does not tell its version" if not version else f"its version {version[:40]!r} is none"
    minor = (int(found[1]), int(found[2]))
    if OLDEST <= minor <= NEWEST:
        return ""
    word = "older" if minor < OLDEST else "newer"
    return f"it runs {version[:40]}, {word} than supported ({_text(OLDEST)} to {_text(NEWEST)})"


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
