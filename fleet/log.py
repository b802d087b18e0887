"""Logging, set up once: structlog in console or JSON form, with redaction as its last word.

Contract: an event is a constant text with keys. Values under keys that name secrets, and all bytes, are
masked; an object that is no plain value is told by its type alone; an exception by our own words for it.
Tracebacks hold places, no values of variables and no messages of others. Other libraries speak from WARNING
on, and of what they say the constant part is kept: what they put into it may quote what they were given. What Python
itself would write to standard error (an error that nobody caught, on any thread; a warning; a record that does not
format) goes the same way.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Mapping, MutableMapping
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, TextIO

import structlog

from fleet.redact import words

MASK: Final = "***"
# In a key at any place, and as a whole key.
_SECRET_PARTS: Final = (
    "token",
    "passw",
    "secret",
    "authorization",
    "credential",
    "private",
    "kubeconfig",
    "cookie",
    "signature",
)
_SECRET_KEYS: Final = frozenset(("auth", "body", "bytes", "content", "data", "key", "manifest", "stringdata"))
_QUIET: Final = ("kopf", "aiohttp", "asyncio", "urllib3", "kubernetes", "git", "hvac")
_LONGEST_CHAIN: Final = 5


def setup(form: str = "console", level: str = "info") -> None:
    """Have everything logged to standard error in ``form`` (console or json) from ``level`` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        trace,
        redact,
    ]
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    chain = [constant, *shared]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=last, foreign_pre_chain=chain))
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # it would write a record's arguments as they are
    warnings.showwarning = _warned
    sys.excepthook = lambda _, error, __: _uncaught("an error ends the process", error)
    threading.excepthook = lambda given: _uncaught("an error ends a thread", given.exc_value)
    sys.unraisablehook = lambda given: _uncaught("an error where nobody could be told", given.exc_value)


def get(name: str) -> Any:
    """A logger."""
    return structlog.get_logger(room=name)


def _uncaught(event: str, error: BaseException | None) -> None:
    """What Python would write with the error's own words."""
    if not isinstance(error, SystemExit | KeyboardInterrupt):
        get("fleethub").critical(event, exc_info=error)


def _warned(
    message: Warning | str,  # noqa: ARG001 (the library's words)
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    get("fleethub").warning("a library warns", kind=category.__name__, place=f"{filename}:{lineno}")


def constant(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep of another library's record its name and the first line of its text, without what is put in."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["event"] = str(record.msg).partition("\n")[0]
        event["room"] = record.name
    return event


def trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put places in place of an exception: a processor, pure but for ``sys.exc_info``."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["traceback"] = places(error)
    return event


def places(error: BaseException) -> list[str]:
    """Say of an error and of what caused it, in our words, what it is and through which lines it came."""
    lines: list[str] = []
    current: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if current is None:
            break
        lines.append(words(current))
        step = current.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            lines.append(f"  {code.co_filename}:{step.tb_lineno} {code.co_qualname}")
            step = step.tb_next
        hidden = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or hidden
    return lines


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Mask what may be secret, at any depth: a processor, pure."""
    return {key: value if key.startswith("_") else _kept(key, value) for key, value in event.items()}


def _kept(key: str, value: Any) -> Any:
    lower = key.lower()
    if lower in _SECRET_KEYS or any(part in lower for part in _SECRET_PARTS):
        return MASK
    return _shown(value)


def _shown(value: Any) -> Any:
    shown: Any = f"<{type(value).__name__}>"
    if isinstance(value, Enum):
        shown = value.name if isinstance(value, int) else str(value.value)
    elif value is None or isinstance(value, str | int | float):
        shown = value
    elif isinstance(value, bytes | bytearray | memoryview):
        shown = MASK
    elif isinstance(value, Mapping):
        shown = {str(key): _kept(str(key), inner) for key, inner in value.items()}
    elif isinstance(value, PurePath) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        shown = str(value)  # the model's keys are named tuples
    elif isinstance(value, list | tuple | set | frozenset):
        shown = [_shown(inner) for inner in value]
    elif isinstance(value, BaseException):
        shown = words(value)
    return shown
