"""kopf as a watcher: standalone, cluster-wide, storing nothing.

Contract: ``Operator.start`` spawns kopf's tasks in the running loop (``kopf.operator`` would cancel every
younger task of the loop at its end); ``ended`` completes, with an error, when any of them ends by itself.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import kopf

from controllers import reading
from controllers.handlers import Listener, registry
from fleet import ending
from fleet.errors import FleetError
from fleet.kube import tls
from fleet.kube.connection import Connection

AGAIN = 0.2  # seconds until a task that did not end is told so again


class OperatorEnded(FleetError):
    """The watches of the hub's own objects ended by themselves."""

    reason = "OperatorEnded"


class Nothing(kopf.ProgressStorage, kopf.DiffBaseStorage):
    """A storage that writes nothing and remembers nothing: no handler here needs either."""

    def fetch(self, **_: Any) -> None:
        """There is nothing."""

    def store(self, **_: Any) -> None:
        """Write nothing."""

    def purge(self, **_: Any) -> None:
        """Remove nothing."""

    def touch(self, **_: Any) -> None:
        """Touch nothing."""

    def clear(self, *, essence: Any) -> Any:
        """There is nothing to take out."""
        return essence


class Operator:
    """See the module."""

    def __init__(self, connection: Connection, listener: Listener) -> None:
        self._connection = connection
        self._listener = listener
        self._stop = asyncio.Event()
        self._vault = kopf_vault()
        self._settings = _settings()
        self._tasks: Collection[asyncio.Task[Any]] = ()

    async def start(self) -> None:
        """Spawn kopf's tasks."""
        for name in ("kopf", "kopf.activities", "kopf.objects"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        reading.install()
        self._tasks = await kopf.spawn_tasks(
            registry=registry(self._listener, _login(self._connection)),
            settings=self._settings,
            standalone=True,
            clusterwide=True,
            stop_flag=self._stop,
            vault=self._vault,
            identity=kopf_identity(),
        )

    async def ended(self) -> None:
        """Return only by raising OperatorEnded."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if self._stop.is_set():
            # An end that was asked for is not an end by itself: whoever asked cancels this wait too.
            await asyncio.Event().wait()
        raise OperatorEnded("the watch of the hub's own objects ended")

    async def stop(self) -> None:
        """End kopf's tasks: with no daemons and no handlers in flight there is nothing to wait for.

        kopf closes its connections only where its own end is not cut short; here it always is. Where one watch
        failed, it leaves the others running.
        """
        self._stop.set()
        # A stream that waits for its answer takes the first word for another's; and kopf's own task that ends the
        # streams says it once, and waits for ever.
        await ending.end(self._tasks, AGAIN)
        await ending.end([task for task in asyncio.all_tasks() if self._watches(task)], AGAIN)
        await self._vault.close()

    def _watches(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task is a watch of this operator: kopf hands its settings to each."""
        frame = getattr(task.get_coro(), "cr_frame", None)
        inner = frame.f_locals.get("coro") if frame is not None else None
        within = getattr(inner, "cr_frame", None)
        return within is not None and within.f_locals.get("settings") is self._settings


def kopf_identity() -> Any:
    """A fixed identity: there is no peering, so nobody compares it."""
    return kopf._core.engines.peering.Identity("fleethub")  # type: ignore[attr-defined]  # noqa: SLF001 (not exported)


def kopf_vault() -> Any:
    """Where kopf keeps its connections."""
    return kopf._cogs.structs.credentials.Vault()  # type: ignore[attr-defined]  # noqa: SLF001 (not exported)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None
    settings.queueing.idle_timeout = 0.5
    # One watch in ten minutes, not one request each time that nothing happened.
    settings.watching.server_timeout = 600
    settings.watching.inactivity_timeout = 120.0
    settings.persistence.progress_storage = Nothing()
    settings.persistence.diffbase_storage = Nothing()
    return settings


@dataclass(frozen=True, kw_only=True)
class SignedIn(kopf.ConnectionInfo):
    """kopf's connection, by our own TLS: its own would write the client's key to a temporary file."""

    connection: Connection = field(repr=False, compare=False)

    def as_ssl_context(self) -> ssl.SSLContext:
        """The TLS side, from memory."""
        return tls.context(self.connection)


def _login(connection: Connection) -> kopf.ConnectionInfo:
    basic = connection.basic or (None, None)
    return SignedIn(
        connection=connection,
        server=connection.server,
        ca_data=connection.ca_data,
        insecure=not connection.verify,
        username=basic[0],
        password=basic[1],
        token=connection.token,
        proxy_url=connection.proxy_url,
    )
