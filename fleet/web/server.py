"""Binding: one site of aiohttp in the running loop, from routes that the other modules give."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from fleet.web import answers
from fleet.web.standby import Elsewhere, forwarding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.web.answers import Report

BODY: Final = 1024 * 1024
# How long a stop waits for answers that are under way.
PATIENCE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Server:
    """A site that listens; ``url`` is where it really does, also when port 0 was asked for."""

    url: str
    _runner: web.AppRunner

    async def close(self) -> None:
        """Stop listening, and give what is under way a little time. Safe to repeat."""
        await self._runner.cleanup()


async def serve(
    listen: str,
    *routes: Iterable[web.AbstractRouteDef],
    report: Report,
    elsewhere: Elsewhere = lambda: None,
) -> Server:
    """Listen on ``host:port`` (``[::]:8080``, ``:8080``) and serve the routes; OSError when that is taken.

    Bodies over 1 MiB are answered 413. ``report`` is told of errors that nobody foresaw; ``elsewhere`` says who
    answers instead, while this process waits for its turn.
    """
    host, port = address(listen)
    application = web.Application(
        client_max_size=BODY, middlewares=[answers.errors(report), forwarding(elsewhere)]
    )
    application.add_routes(itertools.chain.from_iterable(routes))
    # No access log: it would write a line a probe, and paths are a caller's text.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=PATIENCE)
    await runner.setup()
    try:
        await web.TCPSite(runner, host or None, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    bound = runner.addresses[0][1]
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 (read, not bound)
    shown = f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown
    return Server(f"http://{shown}:{bound}", runner)


def address(listen: str) -> tuple[str, int]:
    """Split ``host:port``; ValueError where it is none."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 (the last port)
        raise ValueError("listen must be HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
