"""Syncs that people ask for: written down before the first apply, finished over restarts, answered once.

Contract: before a request's first apply its text and commit stand in ``status.lastSync``; from then on that
commit is where the manual targets belong until every one of them has answered, or is served no more. A request
that stands there with another phase than Running has been answered and is never begun anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fleet.api.application import Application
from fleet.hub import requests
from fleet.hub.record import Record
from fleet.hub.requests import Asked
from fleet.model import ApplicationKey, Fault, Outcome
from fleet.world.objects import Known

RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"
Write = Callable[[ApplicationKey], Awaitable[None]]


class Asking:
    """See the module. ``write`` puts the Application's status and returns when it stands there."""

    def __init__(self) -> None:
        self.write: Write = _nowhere

    async def asked(self, key: ApplicationKey, known: Known[Application], record: Record) -> Asked | None:
        """The request that is to be carried out now, if any. Raises InvalidObject for a malformed one."""
        found = requests.asked(known.annotations)
        last: Mapping[str, Any] = record.last_sync or known.status.get("lastSync") or {}
        if record.last_sync is None and last:
            record.last_sync = last
        if found is not None and found.request != last.get("request"):
            record.answered.clear()
            record.last_sync = {
                "request": found.request,
                "revision": found.commit,
                "prune": found.prune,
                "by": found.by,
                "at": found.at,
                "phase": RUNNING,
            }
            await self.write(key)
            return found
        if last.get("phase") != RUNNING:
            return None
        return Asked(
            str(last.get("request", "")),
            str(last.get("revision", "")),
            bool(last.get("prune")),
            str(last.get("by", "")),
            str(last.get("at", "")),
        )

    def refuse(self, record: Record, asked: Asked) -> Fault:
        """An automated Application goes where its revision points: a request for another commit has failed."""
        record.last_sync = {**(record.last_sync or {}), "phase": FAILED}
        text = (
            f"a sync of commit {asked.commit[:12]} was asked for, but sync is automated and follows the newest "
            "commit: move targetRevision, or turn automated sync off"
        )
        return Fault(None, "SyncRefused", text)

    def answered(self, record: Record, outcome: Outcome) -> bool:
        """Take a pass that answered a request; True when every cluster has, so that others must look again."""
        last = record.last_sync
        request = outcome.findings.answered
        if last is None or request is None or last.get("request") != request or last.get("phase") != RUNNING:
            return False
        if any(problem.transient for problem in outcome.faults):
            return False
        record.answered[outcome.target.cluster] = not outcome.faults
        return self.ended(record)

    def ended(self, record: Record) -> bool:
        """End a request that every cluster which is served has answered; True where that is now.

        One that nobody answered, since no cluster is left, has failed: whichever comes later was not meant.
        """
        last = record.last_sync
        if last is None or last.get("phase") != RUNNING or not set(record.served) <= record.answered.keys():
            return False
        well = bool(record.answered) and all(record.answered.values())
        record.last_sync = {**last, "phase": SUCCEEDED if well else FAILED}
        return True


async def _nowhere(_key: ApplicationKey) -> None:
    return None
