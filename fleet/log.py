"""Logging, set up once: structlog in console or JSON form, with redaction as its last word.

Contract: an event is a constant text with keys; values under keys that name secrets, and all bytes, are masked.
Tracebacks carry no local values. Other libraries' loggers speak from WARNING on.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog

MASK: Final = "***"
_SECRET: Final = (
    "token",
    "password",
    "secret",
    "authorization",
    "credential",
    "private",
    "kubeconfig",
    "body",
    "data",
)
_QUIET: Final = ("kopf", "aiohttp", "asyncio", "urllib3", "kubernetes", "git", "hvac")


def setup(form: str = "console", level: str = "info") -> None:
    """Have everything logged to standard error in ``form`` (console or json) from ``level`` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([structlog.processors.dict_tracebacks] if form == "json" else []),
        redact,
    ]
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=last, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def get(name: str) -> Any:
    """A logger."""
    return structlog.get_logger(room=name)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Mask values whose key names a secret, and bytes, at any depth; a processor, pure."""
    return {key: MASK if _secret(key) else _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return MASK
    if isinstance(value, Mapping):
        return {key: MASK if _secret(str(key)) else _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in value]
    return value


def _secret(key: str) -> bool:
    lower = key.lower()
    return any(word in lower for word in _SECRET)
