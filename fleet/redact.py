"""Words for an error that nobody foresaw, without its content.

Contract: pure. A library's message may quote what it was given (YAML's source line, pydantic's input, an API
server's body), so only the error's type is told, and a fixed phrase where one helps.
"""

from __future__ import annotations

import asyncio
from typing import Final

from fleet.errors import FleetError

_PHRASES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (asyncio.TimeoutError, "it took too long"),
    (MemoryError, "there was no memory left"),
    (RecursionError, "it is nested too deep"),
    (ConnectionError, "the connection broke"),
    (PermissionError, "the system refused it"),
    (FileNotFoundError, "a file is missing"),
    (OSError, "the system refused it"),
)


def ours(error: Exception) -> FleetError:
    """The error itself where it is one of ours, else one that says what kind it is."""
    return error if isinstance(error, FleetError) else FleetError(words(error))


def words(error: BaseException | str) -> str:
    """Say what kind of error it is: our own words as they stand, of all others the type alone."""
    if isinstance(error, str):
        return error
    if isinstance(error, FleetError):
        return error.text
    name = type(error).__name__
    phrase = next((text for kind, text in _PHRASES if isinstance(error, kind)), "")
    return f"{phrase} ({name})" if phrase else f"an unforeseen error ({name})"
