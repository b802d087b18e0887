"""Registrations that lapsed, and the kubeconfigs by which they are renewed: matched by who the cluster is.

Contract: only the credential is written, into the Secret that the hub uses already; so name, labels, annotations and
all that the hub keeps on the cluster stay. The way to the server stays too, unless it is to be taken as well.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.cli import errors, objects
from fleet.cli.app import columns
from fleet.cli.cluster import own, present, registering, secrets, sidebyside
from fleet.cli.cluster.entries import Entry
from fleet.cli.cluster.sidebyside import Case
from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fleet.cli.cluster.registering import Met
    from fleet.cli.session import Session
    from fleet.kube.connection import Connection

WELL: Final = "well"
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class _File:
    """A kubeconfig and who answered by it, or why nobody did."""

    path: str
    met: Met | None
    failure: str = ""


class Repairing:
    """One run over the hub's clusters and a folder's kubeconfigs; ``rows`` says what came of it."""

    def __init__(self, files: Sequence[str], parallel: int, timeout: float, *, move: bool) -> None:
        self._files = files
        self._parallel = parallel
        self._timeout = timeout
        self._move = move
        self._cases: list[Case] = []

    async def run(self, session: Session) -> None:
        """Renew what lapsed; returns when each is settled, or the time is over."""
        clusters = await registering.known(session)
        slots = asyncio.Semaphore(self._parallel)
        met = await asyncio.gather(*(_meet(session, path, slots) for path in self._files))
        by_identity = {one.met.identity: one.met for one in reversed(met) if one.met is not None}
        for one in met:
            if one.met is None:
                errors.note(f"{one.path}: {one.failure}")
            elif not any(_identity(body) == one.met.identity for body in clusters.values()):
                errors.note(f"{one.path}: this cluster ({one.met.identity}) is not registered")
        self._cases = [Case(name, identity=_identity(body)) for name, body in clusters.items()]

        async def job(case: Case) -> None:
            await self._renew(session, case, clusters[case.name], by_identity)

        await sidebyside.work(session, self._cases, job, parallel=self._parallel, timeout=self._timeout)

    def rows(self) -> list[dict[str, Any]]:
        """Give an object a cluster, by name."""
        return [case.row() for case in self._cases]

    async def _renew(
        self,
        session: Session,
        case: Case,
        cluster: Mapping[str, Any],
        by_identity: Mapping[str, Met],
    ) -> None:
        status = columns.status(cluster)
        case.server, case.version = status.get("server", ""), status.get("version", "")
        if objects.condition(cluster, "Ready").get("status") == "True":
            case.result = WELL
            return
        met = by_identity.get(case.identity) if case.identity else None
        if met is None:
            word = f"no kubeconfig reaches it ({case.identity})" if case.identity else "it was never reached"
            ready = objects.condition(cluster, "Ready").get("message", "the hub has not taken it up")
            raise errors.CliError(f"{word}; {ready}")
        at, held = await _serving(session, case.name, cluster)
        connection = met.connection if self._move else _as_it_is(held, met.connection)
        try:
            await own.revoked(session, cluster, met.send, met.identity)
            at_member = (case.name, met.identity)
            enrolled = await own.let_in(session, met.send, at_member, None, own.registered(cluster))
        except FleetError as error:
            raise errors.CliError(error.text) from None
        connection = replace(connection, token=enrolled.token)
        written = await _write(session, case.name, at, held, connection)
        case.server = connection.server
        case.result, case.secret = registering.RENEWED, str(written["metadata"]["resourceVersion"])


def _identity(cluster: Mapping[str, Any]) -> str:
    return str(columns.status(cluster).get("identity", ""))


async def _meet(session: Session, path: str, slots: asyncio.Semaphore) -> _File:
    async with slots:
        try:
            return _File(path, await registering.meet(session, Entry(_NOBODY, path)))
        except (errors.CliError, FleetError) as error:
            return _File(path, None, str(error))


async def _serving(
    session: Session, name: str, cluster: Mapping[str, Any]
) -> tuple[objects.At, dict[str, Any] | None]:
    """The Secret that is to hold the credential, and what it holds now."""
    made_from = (cluster["metadata"].get("annotations") or {}).get(names.MADE_FROM, "")
    if "/" in made_from:
        raise errors.CliError(
            f"its registration is Secret {made_from}, which another tool keeps: renew it there"
        )
    secret = made_from or f"{name}{secrets.TOKEN_SUFFIX}"
    at = objects.At(objects.SECRET, session.hub.hub_namespace, secret)
    found = await objects.find(session.send, at)
    if found is not None and not secrets.ours_of(name, found):
        raise errors.CliError(f"{at} is no registration")
    held = set((found or {}).get("data") or {})
    if made_from and "kubeconfig" not in held:
        raise errors.CliError(f"its registration is {at}, which another tool keeps: renew it there")
    return at, found


def _as_it_is(secret: Mapping[str, Any] | None, other: Connection) -> Connection:
    """The way to the server that a registration has; ``other`` where there is none that reads."""
    found = present.connection(secret) if secret is not None else None
    if found is None:
        return other
    # A bare token's Cluster says itself where the server is.
    return replace(found, server=found.server or other.server, client_cert=None, client_key=None, basic=None)


async def _write(
    session: Session, name: str, at: objects.At, held: Mapping[str, Any] | None, connection: Connection
) -> dict[str, Any]:
    namespace = session.hub.hub_namespace
    if "kubeconfig" not in ((held or {}).get("data") or {}):
        return await objects.apply(session.send, secrets.credential((namespace, name), connection))
    content = base64.b64encode(secrets.kubeconfig(name, connection).encode()).decode("ascii")
    # A patch of this key alone: labels and annotations are whoever's they are.
    return await objects.patch(session.send, at, {"data": {"kubeconfig": content}})
