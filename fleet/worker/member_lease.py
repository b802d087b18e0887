"""One long Lease on each member names the hub that writes there (H6).

Contract: the holder is the UID of the hub's namespace, which restarts and replicas of one hub share. Nothing is
written to a member before its Lease is ours. Another's Lease counts as live until it has been seen unchanged
for its whole duration on our own clock (never by its timestamps), or until a person says that the old hub is
gone (``take_over``).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson

from fleet import names
from fleet.clock import Clock
from fleet.errors import ClaimRefused, Conflict, NotFound
from fleet.kube.request import Request, Send
from fleet.sync import namespace

DURATION = 300
RENEW = 120.0
MARGIN = 10.0


class ForeignHub(ClaimRefused):
    """Another hub's Lease is live on the member."""

    reason = "ForeignHub"


class MemberLease:
    """The hub's Lease on one member. ``held`` is asked before every write there."""

    def __init__(self, holder: str, place: str, clock: Clock) -> None:
        self._holder = holder
        self._place = place
        self._clock = clock
        self._until = 0.0
        self._writer: asyncio.Task[object] | None = None  # who writes the Lease itself
        self._foreign: tuple[str, float] | None = None  # resourceVersion and since when it stands
        self.overridden = False

    def move(self, place: str) -> None:
        """Keep the Lease in another namespace from now on."""
        self._place = place

    def held(self) -> bool:
        """Whether writes to the member are ours now; for the task that writes the Lease itself, always."""
        writes = self._writer is not None and self._writer is asyncio.current_task()
        return writes or self._clock.boottime() < self._until

    def take_over(self) -> None:
        """A person says that the old hub is gone."""
        self.overridden = True

    async def acquire(self, send: Send) -> None:
        """Make or renew the Lease. Raises ForeignHub while another's is live."""
        start = self._clock.boottime()
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._place}/leases"
        try:
            answer = await send(Request("GET", f"{path}/{names.MEMBER_LEASE}"))
            lease: dict[str, Any] | None = orjson.loads(answer.body)
        except NotFound:
            lease = None
        if lease is not None:
            self._judge(lease)
        self._writer = asyncio.current_task()
        try:
            if lease is None:
                await self._create(send, path)
            elif self._fresh(lease):
                # Not written anew, so it stands for less: another hub may count from its renewal.
                start -= RENEW / 2
            else:
                lease["spec"] = {**lease.get("spec", {}), **self._spec()}
                body = orjson.dumps(lease)
                await send(Request("PUT", f"{path}/{names.MEMBER_LEASE}", body=body))
        finally:
            self._writer = None
        self._until = start + DURATION - MARGIN
        self._foreign = None
        self.overridden = False

    async def keep(self, send: Send) -> None:
        """Renew for ever; ends by raising what went wrong."""
        while True:
            await self._clock.sleep(self._clock.jitter(RENEW))
            for attempt in range(3):
                try:
                    await self.acquire(send)
                    break
                except Conflict:
                    if attempt == 2:  # noqa: PLR2004 (the last of three)
                        raise
                    await asyncio.sleep(0)

    async def give_back(self, send: Send) -> None:
        """Remove the Lease where it is ours; after the last write."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._place}/leases/{names.MEMBER_LEASE}"
        self._writer = asyncio.current_task()
        try:
            lease = orjson.loads((await send(Request("GET", path))).body)
            if lease.get("spec", {}).get("holderIdentity") == self._holder:
                version = {key: lease["metadata"][key] for key in ("uid", "resourceVersion")}
                body = orjson.dumps({"preconditions": version})
                await send(Request("DELETE", path, body=body))
        except NotFound:
            pass
        finally:
            self._writer = None
            self._until = 0.0

    def drop(self) -> None:
        """Hold it no longer, without a write: the connection is gone."""
        self._until = 0.0

    def _judge(self, lease: dict[str, Any]) -> None:
        holder = lease.get("spec", {}).get("holderIdentity") or ""
        if holder in ("", self._holder) or self.overridden:
            return
        version = lease["metadata"]["resourceVersion"]
        now = self._clock.boottime()
        if self._foreign is None or self._foreign[0] != version:
            self._foreign = (version, now)
        lasts = float(lease.get("spec", {}).get("leaseDurationSeconds") or DURATION)
        left = self._foreign[1] + lasts - now
        if left > 0:
            raise ForeignHub(
                f"another hub ({holder}) holds the Lease {self._place}/{names.MEMBER_LEASE} of this cluster; "
                "nothing is written here until it has stood still for its duration, or until "
                "'fleethub cluster take-over' says that the other hub is gone"
            )

    def _fresh(self, lease: dict[str, Any]) -> bool:
        """Whether our own Lease was renewed so lately that a restart need not write it."""
        spec = lease.get("spec", {})
        if spec.get("holderIdentity") != self._holder or spec.get("leaseDurationSeconds") != DURATION:
            return False
        try:
            renewed = datetime.fromisoformat(str(spec.get("renewTime")))
        except ValueError:
            return False
        return 0 <= self._clock.now() - renewed.timestamp() < RENEW / 2

    async def _create(self, send: Send, path: str) -> None:
        body = orjson.dumps(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": names.MEMBER_LEASE, "namespace": self._place},
                "spec": self._spec(),
            }
        )
        try:
            await send(Request("POST", path, body=body))
        except NotFound:
            await namespace.ensure(send, self._place)
            await send(Request("POST", path, body=body))

    def _spec(self) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="microseconds")
        return {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": DURATION,
            "renewTime": now.replace("+00:00", "Z"),
        }
