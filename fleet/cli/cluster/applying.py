"""The registrations of a list.

Contract: entries that are one and the same cluster are told by its identity: the first that answers is registered,
the others fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.cli import errors
from fleet.cli.cluster import registering, sidebyside
from fleet.cli.cluster.sidebyside import Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fleet.cli.cluster.entries import Entry
    from fleet.cli.session import Session


class Applying:
    """One run over a list; ``rows`` says what came of it. ``timeout`` None does not wait for the hub."""

    def __init__(self, wanted: Sequence[Entry], parallel: int, timeout: float | None) -> None:
        self._entries = {entry.name: entry for entry in wanted}
        self._cases = [Case(entry.name, server=entry.way.server) for entry in wanted]
        self._parallel = parallel
        self._timeout = timeout
        self._taken: dict[str, str] = {}

    async def run(self, session: Session) -> None:
        """Register all; returns when each is settled, or the time is over."""
        clusters = await registering.known(session)

        async def job(case: Case) -> None:
            await self._register(session, case, clusters)

        await sidebyside.work(session, self._cases, job, parallel=self._parallel, timeout=self._timeout)

    def rows(self) -> list[dict[str, Any]]:
        """Give an object an entry, in the list's order."""
        return [case.row() for case in self._cases]

    async def _register(self, session: Session, case: Case, clusters: Mapping[str, dict[str, Any]]) -> None:
        entry = self._entries[case.name]
        met = await registering.meet(session, entry)
        case.version, case.identity = met.version, met.identity
        first = self._taken.setdefault(met.identity, case.name)
        if first != case.name:
            raise errors.CliError(
                f"this cluster ({met.identity}, by its namespace kube-system) is in the list as {first} too"
            )
        registering.refuse_another(case.name, met.identity, clusters)
        done = await registering.register(session, entry, met, clusters.get(case.name), renew=False)
        case.notes, case.server = list(done.notes), done.server
        case.result = done.result
        if done.result != registering.UNCHANGED:
            case.secret = done.version
