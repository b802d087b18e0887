"""The one writer of ``status``: newest wins, at most one write an object and second, only if it differs.

Contract: ``put`` never awaits and never grows beyond its keys; ``run`` is the owner's task. A write is a JSON
patch on the status subresource, under the manager ``fleethub-status``: it tests the UID, so that a status
never lands on a new object of the same name, and puts the whole status in place of the old. So what an
earlier hub wrote and this one no longer says goes, whoever owned it; nothing need be read before; what
changes nothing is no write to etcd; and sending it again after an answer that was not read is harmless. A
merge patch needs to know what to null; a server-side apply leaves what other managers wrote, and on a
subresource the server compares no UID (tried).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fleet import names
from fleet.errors import FleetError, NotFound
from fleet.kube.request import JSON_PATCH, METADATA_ACCEPT, Request
from fleet.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.clock import Clock
    from fleet.kube.request import Send
    from fleet.mailbox import Claim

INTERVAL: Final = 1.0
# How long after a write of ours a watch may still bring what was there before it.
LATE: Final = 5.0
WRITERS: Final = 4
FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 30.0


class StatusKey(NamedTuple):
    """An object of the hub's own kinds."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class _Wish:
    body: Mapping[str, Any]
    digest: bytes
    uid: str
    failures: int = 0
    urgent: bool = False


@dataclass(slots=True)
class _Known:
    """What is known of the object: ``digest`` None where it may be anything."""

    digest: bytes | None = None
    written_at: float = field(default=float("-inf"))
    last: Mapping[str, Any] | None = None  # put, and not seen back yet


class StatusWriter:
    """See the module. ``writes`` counts what was sent, ``failures`` what was refused."""

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._mailbox: Mailbox[StatusKey, _Wish] = Mailbox(clock)
        self._known: dict[StatusKey, _Known] = {}
        self._wishes: dict[StatusKey, _Wish] = {}  # put, and not written yet
        self._hurry = False
        self._written = asyncio.Event()
        self.writes = 0
        self.failures = 0

    def put(
        self,
        kind: str,
        key: tuple[str, str],
        status: Mapping[str, Any],
        *,
        uid: str = "",
        urgent: bool = False,
    ) -> None:
        """Want ``status`` on the object of that (namespace, name); ``urgent``: somebody waits for it."""
        at = StatusKey(kind, *key)
        known = self._known.setdefault(at, _Known())
        digest = _digest(status)
        if known.digest == digest and not self._mailbox.pending(at):
            return
        known.last = status
        earliest = 0.0 if urgent else self._earliest(known)
        self._ask(at, _Wish(status, digest, uid, urgent=urgent), earliest)

    def seen(self, kind: str, key: tuple[str, str], status: Mapping[str, Any]) -> None:
        """Take what a watch shows; after a write of ours only as a sign that somebody else wrote too."""
        at = StatusKey(kind, *key)
        digest = _digest(status)
        known = self._known.get(at)
        if known is None:
            self._known[at] = _Known(digest)
        elif known.digest == digest:
            if not self._mailbox.pending(at):
                known.last = None
        elif self._clock.boottime() - known.written_at > LATE:
            # Never taken for the truth: it may be older than our write. The next put writes.
            known.digest = None

    def previous(self, kind: str, key: tuple[str, str]) -> Mapping[str, Any] | None:
        """Give the last status put that no watch has shown yet: newer than the object's own."""
        known = self._known.get(StatusKey(kind, *key))
        return known.last if known is not None else None

    async def written(self, kind: str, key: tuple[str, str]) -> bool:
        """Return when what was put last stands on the object, or could not be written for good: False."""
        at = StatusKey(kind, *key)
        while self._mailbox.pending(at):
            self._written.clear()
            await self._written.wait()
        known = self._known.get(at)
        return known is not None and known.digest is not None

    def forget(self, kind: str, key: tuple[str, str]) -> None:
        """Forget an object that is gone."""
        at = StatusKey(kind, *key)
        self._mailbox.forget(at)
        self._known.pop(at, None)
        self._wishes.pop(at, None)

    async def run(self) -> None:
        """Write for ever."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WRITERS):
                tasks.create_task(self._write_on())

    async def flush(self, timeout: float) -> bool:  # noqa: ASYNC109 (the contract is to come back in time)
        """Write what waits, at once; False when ``timeout`` seconds were not enough. `run` must be alive."""
        self._hurry = True
        for at, wish in self._wishes.items():
            self._mailbox.put(at, wish)
        try:
            async with asyncio.timeout(timeout):
                while not self._mailbox.idle():
                    self._written.clear()
                    await self._written.wait()
        except TimeoutError:
            return False
        finally:
            self._hurry = False
        return True

    async def _write_on(self) -> None:
        while True:
            claim = await self._mailbox.take()
            try:
                await self._write(claim)
            finally:
                self._mailbox.done(claim)
                self._written.set()

    async def _write(self, claim: Claim[StatusKey, _Wish]) -> None:
        known = self._known.get(claim.key)
        if known is None or claim.superseded.is_set():
            return
        wish = claim.value
        if wish.digest == known.digest:
            self._wishes.pop(claim.key, None)
            return
        earliest = self._earliest(known)
        if earliest > self._clock.boottime() and not wish.urgent:
            self._ask(claim.key, wish, earliest)
            return
        known.written_at = self._clock.boottime()
        known.digest = None
        self.writes += 1
        if self._wishes.get(claim.key) is wish:
            del self._wishes[claim.key]
        try:
            await self._send(_request(claim.key, wish))
        except NotFound:
            self._known.pop(claim.key, None)
        except FleetError as error:
            self.failures += 1
            self._failed(claim, wish, error)
        else:
            known.digest = wish.digest

    def _failed(self, claim: Claim[StatusKey, _Wish], wish: _Wish, error: FleetError) -> None:
        if claim.superseded.is_set():
            return
        if not error.transient:
            # Most often another object of that name by now; its own reconcile puts its own status.
            known = self._known.get(claim.key)
            if known is not None:
                known.last = None
            return
        failures = wish.failures + 1
        delay = self._clock.jitter(min(FIRST_RETRY * 2 ** (failures - 1), LAST_RETRY))
        again = _Wish(wish.body, wish.digest, wish.uid, failures, wish.urgent)
        self._ask(claim.key, again, self._clock.boottime() + delay)

    def _ask(self, at: StatusKey, wish: _Wish, not_before: float) -> None:
        self._wishes[at] = wish
        self._mailbox.put(at, wish, not_before=not_before)

    def _earliest(self, known: _Known) -> float:
        return 0.0 if self._hurry else known.written_at + INTERVAL


def _request(at: StatusKey, wish: _Wish) -> Request:
    operations: list[dict[str, Any]] = [{"op": "add", "path": "/status", "value": wish.body}]
    if wish.uid:
        operations.insert(0, {"op": "test", "path": "/metadata/uid", "value": wish.uid})
    return Request(
        "PATCH",
        f"/apis/{names.API_VERSION}/namespaces/{at.namespace}/{names.PLURALS[at.kind]}/{at.name}/status",
        query=(("fieldManager", names.STATUS_MANAGER),),
        body=json.dumps(operations, separators=(",", ":")).encode(),
        content_type=JSON_PATCH,
        accept=METADATA_ACCEPT,
    )


def _digest(status: Mapping[str, Any]) -> bytes:
    text = json.dumps(status, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).digest()
