"""The API's bearer token: compared in constant time, as bytes; without one set, nobody gets in."""

from __future__ import annotations

import hmac
from collections.abc import Callable

# None: no token is set (yet).
Supply = Callable[[], bytes | None]

_SCHEME = "bearer "


def accepts(supply: Supply, given: str) -> bool:
    """Whether ``given`` is the token."""
    token = supply()
    # Compared in any case, so that the time tells nothing of whether one is set.
    same = hmac.compare_digest(token or b"\0", given.encode(errors="surrogateescape"))
    return same and bool(token)


def of_header(header: str) -> str:
    """Give the token of an ``Authorization`` header, empty where it holds none."""
    return header[len(_SCHEME) :].strip() if header[: len(_SCHEME)].lower() == _SCHEME else ""
