"""No Lease, no write: the hub's authority, also when it is alone (D11, H6).

Contract: a cycle writes the Lease with its resourceVersion, and reads it first only where somebody else may have
written it; it then allows writes until the start of that cycle + duration - margin, on the clock that counts on while
a machine sleeps. Another's Lease is dead only
when it has been seen unchanged for its duration on our own clock. Whoever waits looks each second, so that it
takes over a second after the Lease was given up, or after it ran out. ``keep`` ends by raising when the Lease is
lost, and that ends the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from fleet import names
from fleet.clock import Clock
from fleet.errors import ClaimRefused, Conflict, FleetError, NotFound, Unanswered
from fleet.kube.request import Request, Send

MARGIN: Final = 2.0
CYCLES: Final = 3.0  # cycles in one duration
LOOK: Final = 1.0  # how often another's Lease is looked at


class LeaseLost(ClaimRefused):
    """Another process holds the hub's Lease."""

    reason = "LeaseLost"


class Authority:
    """The Lease of one hub process. ``may_write`` is asked before every write, with the cluster concerned."""

    def __init__(self, namespace: str, holder: str, duration: float, clock: Clock) -> None:
        self._namespace = namespace
        self._holder = holder
        self._duration = duration
        self._clock = clock
        self._until = 0.0
        self._seen: tuple[str, float, float] | None = None  # version, since when, how long it lasts
        self._writer: asyncio.Task[object] | None = None  # who writes the Lease itself
        self._ours: dict[str, Any] | None = None  # the Lease as this process wrote it last
        self._released = False
        self._heard = 0.0
        self.annotations: Mapping[str, str] = {}
        self.waiting_for = ""
        self.active = ""  # where the process that holds it serves, while we wait

    def may_write(self, cluster: str) -> bool:
        """Whether this process may write to the cluster now; with one active hub, all clusters alike."""
        if not cluster:
            return False
        writes = self._writer is not None and self._writer is asyncio.current_task()
        return writes or self._clock.boottime() < self._until

    @property
    def blind(self) -> bool:
        """Whether a process that waits has not been told for long whose the Lease is."""
        return self._clock.boottime() - self._heard > self._duration

    async def acquire(self, send: Send, waits: Callable[[str], None] = lambda _: None) -> None:
        """Wait until the Lease is ours, however long the server does not answer.

        Meanwhile ``waiting_for`` says whose it is; ``waits`` is told each of these once.
        """
        told = ""
        while True:
            try:
                if await self._cycle(send):
                    break
                self._heard = self._clock.boottime()
            except FleetError as error:
                if not error.transient:
                    raise
            if self.waiting_for != told:
                told = self.waiting_for
                waits(told)
            await self._clock.sleep(self._pause())
        self.waiting_for = self.active = ""

    def _pause(self) -> float:
        """Until the next look; sharp where the other's Lease runs out before that."""
        left = self._seen[1] + self._seen[2] - self._clock.boottime() if self._seen is not None else LOOK
        return max(0.05, min(LOOK, left))

    async def keep(self, send: Send) -> None:
        """Renew for ever; raises LeaseLost when it is another's, or could not be renewed in time."""
        while True:
            await self._clock.sleep(self._duration / CYCLES)
            try:
                # Not ours, and nobody else's: somebody wrote an annotation into it, or removed it.
                ours = await self._cycle(send) or (not self.waiting_for and await self._cycle(send))
            except FleetError as error:
                if self._clock.boottime() >= self._until:
                    raise LeaseLost(f"the Lease could not be renewed in time: {error.text}") from None
                continue
            if not ours:
                raise LeaseLost(f"{self.waiting_for or 'another process'} holds the Lease now")

    async def release(self, send: Send) -> None:
        """Give the Lease up, after the last write, so that another starts at once."""
        self._released = True
        if self._clock.boottime() >= self._until:
            return
        lease = await self._read(send)
        if lease is None or lease.get("spec", {}).get("holderIdentity") != self._holder:
            self._until = 0.0
            return
        lease["spec"]["holderIdentity"] = ""
        self._writer = asyncio.current_task()
        try:
            await send(
                Request("PUT", f"{self._path()}/{names.HUB_LEASE}", body=orjson.dumps(lease), timeout=2.0)
            )
        finally:
            self._writer = None
            self._until = 0.0

    async def _cycle(self, send: Send) -> bool:
        start = self._clock.boottime()
        # As we wrote it last it is ours; if it is not so any more, the server refuses the version.
        lease, self._ours = self._ours, None
        if lease is None:
            lease = await self._read(send)
            if lease is not None and not self._free(lease):
                return False
        self._writer = asyncio.current_task()
        try:
            written = await self._write(send, lease)
        except Conflict:
            return False
        except NotFound:
            if lease is None:
                raise
            return False
        finally:
            self._writer = None
        self._ours = written
        if not self._released:
            self._until = start + self._duration - MARGIN
        return True

    def _free(self, lease: dict[str, Any]) -> bool:
        spec = lease.get("spec", {})
        holder = spec.get("holderIdentity") or ""
        if holder in ("", self._holder):
            return True
        self.waiting_for = holder
        self.active = (lease["metadata"].get("annotations") or {}).get(names.URL, "")
        version, now = lease["metadata"]["resourceVersion"], self._clock.boottime()
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, now, float(spec.get("leaseDurationSeconds") or self._duration))
        return now - self._seen[1] >= self._seen[2]

    async def _read(self, send: Send) -> dict[str, Any] | None:
        try:
            answer = await send(Request("GET", f"{self._path()}/{names.HUB_LEASE}", timeout=self._timeout()))
        except NotFound:
            return None
        lease: dict[str, Any] = orjson.loads(answer.body)
        return lease

    async def _write(self, send: Send, lease: dict[str, Any] | None) -> dict[str, Any]:
        stamp = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="microseconds")
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": int(self._duration),
            "renewTime": stamp.replace("+00:00", "Z"),
        }
        metadata: dict[str, Any] = {"name": names.HUB_LEASE, "namespace": self._namespace}
        if lease is not None:
            metadata = lease["metadata"]
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **self.annotations}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        request = Request("POST", self._path(), body=orjson.dumps(body), timeout=self._timeout())
        if lease is not None:
            request = Request(
                "PUT",
                f"{self._path()}/{names.HUB_LEASE}",
                body=orjson.dumps(body),
                timeout=self._timeout(),
            )
        try:
            async with asyncio.timeout(self._timeout()):
                written: dict[str, Any] = orjson.loads((await send(request)).body)
        except TimeoutError:
            # Also while it waits for a slot: one write that takes too long is no reason to end.
            raise Unanswered("the Lease could not be written in time") from None
        return written

    def _timeout(self) -> float:
        return self._duration / CYCLES

    def _path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases"
