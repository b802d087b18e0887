"""``fleethub hub``: the hub, its HTTP server and the operator in one loop, until a signal or a loss.

Contract: ``serve`` returns the exit code. Order of stopping: webhook and API, operator, reconciles and workers,
statuses, the Lease last. Nobody else reads this process's memory, since clear text lives there: no core dumps, and no
looking in by processes of the same account.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable

from controllers import garbage
from controllers.operator import Operator
from fleet import ending, log, outward
from fleet.errors import FleetError
from fleet.hub.hub import Hub
from fleet.hub.seams import Seams
from fleet.kube import trusted
from fleet.kube.connection import by_way_of
from fleet.outward import Outward
from fleet.settings import Settings
from fleet.web import server
from fleet.web.provider import HubProvider

DONE, FAILED = 0, 1
_PR_SET_DUMPABLE = 4  # linux/prctl.h
FILES = 4096  # what some hundred watches, their clusters' other connections and the repositories may take


def serve(settings: Settings) -> int:
    """Run a hub until SIGINT or SIGTERM; 0 after those, 1 where it ended by itself."""
    log.setup(settings.log_format, settings.log_level)
    keep_memory_private()
    garbage.begin()
    return asyncio.run(_main(settings))


async def _main(settings: Settings) -> int:
    logger = log.get("fleethub.process")
    if (files := open_files()) < FILES:
        logger.warning("few open files", limit=files, wanted=FILES)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    keeping: set[asyncio.Task[None]] = set()
    try:
        await run(
            settings, stop, made=lambda hub, _: keeping.add(asyncio.ensure_future(garbage.keep(hub.busy)))
        )
    except FleetError as error:
        # The words are the error's own; where in the code it came up is nothing to a person.
        logger.error("ended", reason=error.reason, text=error.text)  # noqa: TRY400
        return FAILED
    finally:
        for task in keeping:
            task.cancel()
    logger.info("stopped")
    return DONE


async def run(
    settings: Settings,
    stop: asyncio.Event,
    seams: Seams | None = None,
    made: Callable[[Hub, str], None] | None = None,
) -> None:
    """Run a hub until ``stop`` is set; raises FleetError where it cannot go on.

    ``made`` is handed the hub and its URL before it starts, for whoever watches it from within the process.
    """
    logger = log.get("fleethub.process")
    out = _outward(settings)
    connection = by_way_of(await trusted.load(settings.kubeconfig, settings.context), out)
    hub = Hub(settings, connection, seams, out=out)
    operator = Operator(connection, hub)
    provider = HubProvider(hub)
    try:
        web = await server.serve(
            settings.listen, *provider.routes(), report=provider.unforeseen, elsewhere=provider.elsewhere
        )
    except OSError as refused:
        number = refused.errno or 0
        why = os.strerror(number).lower() if number in errno.errorcode else "there is no such address"
        text = f"the hub cannot listen on {settings.listen}: {why}; give --listen another address"
        raise FleetError(text) from None
    logger.info("listening", url=web.url)
    if made is not None:
        made(hub, web.url)

    async def watch() -> None:
        await operator.start()
        # kopf takes the signals for itself; they are the process's.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, stop.set)
        await operator.ended()

    working = asyncio.ensure_future(hub.run(lambda: asyncio.ensure_future(watch()), settings.url or web.url))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:

        async def end() -> None:
            stopping.cancel()
            await web.close()
            await operator.stop()
            working.cancel()
            await asyncio.wait({working})

        # Half stopped, kopf leaves its watches.
        await ending.whole(end())
    if not working.cancelled() and (error := working.exception()) is not None:
        raise error


def open_files() -> int:
    """Take as many open files as this process may have, a connection a watch (H14); how many that is."""
    if sys.platform == "win32":
        return FILES
    import resource  # noqa: PLC0415 (POSIX only)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _outward(settings: Settings) -> Outward:
    try:
        return outward.of(os.environ, settings.ca_file)
    except ValueError as error:
        raise FleetError(str(error)) from None


def keep_memory_private() -> None:
    """Leave no core dump, and let no process of the same account (git, ssh, a renderer) look into this one.

    The limit alone does not do it: the kernel minds none where dumps are piped to a program. What is not dumpable
    is dumped nowhere, and its /proc/PID/mem, maps, environ and fd open for root alone. Programs that the hub starts
    are dumpable again when they are executed; they inherit the limit.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 (POSIX only)

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
