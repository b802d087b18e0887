"""One registration, step by step: meet the member, let the hub in, write the Secret, hear the hub.

Contract: each step does nothing where it is done, and is resumed by running all again: an account on the member, the
Secret on the hub, the record. Errors are CliErrors of one line. A cluster is who its namespace kube-system is, by
UID; one that is on the hub under another name is refused before anything is written.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from fleet import names
from fleet.cli import errors, objects
from fleet.cli.app import columns
from fleet.cli.cluster import own, records, secrets
from fleet.cli.cluster.entries import SCOPES
from fleet.clusters import enrol, forms, registration, supported
from fleet.clusters.kubeconfig import NOTHING, Allowed, parse
from fleet.clusters.registration import Scope
from fleet.errors import FleetError, NotFound, RegistrationError
from fleet.kube import trusted
from fleet.kube.connection import Connection
from fleet.kube.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.cluster.entries import Entry, Way
    from fleet.cli.session import Session
    from fleet.kube.request import Send

_LOOPBACK: Final = ("https://127.", "https://localhost", "https://[::1]", "https://0.0.0.0")
_KUBE_SYSTEM: Final = "/api/v1/namespaces/kube-system"
_PATIENCE: Final = 10.0  # seconds for a first answer
_LEAST: Final = 1 / 3  # of a token's life: with less left it is renewed

REGISTERED: Final = "registered"
CHANGED: Final = "changed"
RENEWED: Final = "renewed"
UNCHANGED: Final = "unchanged"


@dataclass(frozen=True, slots=True)
class Met:
    """A member as its administrator meets it, and the connection that the hub is to use, still without token."""

    send: Send = field(repr=False)
    connection: Connection
    identity: str
    version: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What registering did. ``version``: the resourceVersion of the Secret that the hub has to connect by."""

    result: str
    at: objects.At
    server: str
    version: str
    notes: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()


class Stand(NamedTuple):
    """How the hub stands to a member; ``stuck`` says why waiting is of no use."""

    reached: bool
    stuck: str
    text: str


async def known(session: Session) -> dict[str, dict[str, Any]]:
    """Read the hub's Clusters by name. Fails early where fleethub is not installed."""
    found = await objects.listed(session.send, names.CLUSTER, session.hub.hub_namespace)
    return {one["metadata"]["name"]: one for one in found}


async def meet(session: Session, entry: Entry) -> Met:
    """Ask the member who it is, as its administrator."""
    try:
        member = await trusted.load(entry.kubeconfig, entry.context or None)
        connection, notes = await _seen_by_the_hub(member, entry.way)
        # The hub's own reader has the last word on what it takes: better now than in a condition.
        trial = replace(connection, token="-")  # noqa: S106 (stands for the token to come)
        parse(secrets.kubeconfig(entry.name, trial).encode(), allow=_allow(connection))
        send = session.open(member).send
        identity = await who(send)
        version = str(
            _object((await send(Request("GET", "/version", timeout=_PATIENCE))).body).get("gitVersion", "")
        )
    except FleetError as error:
        raise errors.CliError(error.text, hint="Check the member's kubeconfig and context") from None
    if said := supported.said(version):
        notes = (*notes, f"{entry.name}: {said}")
    return Met(send, connection, identity, version, notes)


async def who(send: Send) -> str:
    """Give the UID of a cluster's namespace kube-system."""
    uid = (
        _object((await send(Request("GET", _KUBE_SYSTEM, timeout=_PATIENCE))).body).get("metadata") or {}
    ).get("uid", "")
    if not uid:
        raise RegistrationError("what answers there has no namespace kube-system with a UID")
    return str(uid)


def refuse_another(name: str, identity: str, clusters: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise where the cluster is another's already, or this name is another cluster's."""
    for other, body in clusters.items():
        if other != name and columns.status(body).get("identity") == identity:
            raise errors.CliError(
                f"{name}: this cluster ({identity}, by its namespace kube-system) is registered as {other} already",
                hint=f"Use that name, or first 'fleethub cluster remove {other}', which leaves all as it is",
            )
    mine = clusters.get(name)
    before = columns.status(mine or {}).get("identity", "")
    accepted = ((mine or {}).get("metadata", {}).get("annotations") or {}).get(names.REPLACE, "")
    if before not in ("", identity) and accepted != identity:
        raise errors.CliError(
            f"{name} is the cluster {before}, and this kubeconfig reaches the cluster {identity} (by their "
            "namespaces kube-system)",
            hint=f"Give the right kubeconfig or another name; 'fleethub cluster add {name}' and then "
            f"'fleethub cluster replace {name}' say that it takes the place of the other",
        )


async def register(
    session: Session, entry: Entry, met: Met, cluster: Mapping[str, Any] | None, *, renew: bool
) -> Done:
    """Let the hub into the member and write its registration.

    ``cluster`` is the hub's Cluster of that name, if there is one. Without ``renew`` nothing is done where the
    registration stands as it is wanted, the hub has reached the member by it, and its token is not near its end.
    """
    namespace = session.hub.hub_namespace
    declared = cluster is not None and not _made(cluster)
    suffix = secrets.TOKEN_SUFFIX if declared else secrets.KUBECONFIG_SUFFIX
    at = objects.At(objects.SECRET, namespace, f"{entry.name}{suffix}")
    present = await objects.find(session.send, at)
    if present is not None and not secrets.ours_of(entry.name, present):
        raise errors.CliError(
            f"{at} is there already and is no registration of {entry.name}", hint="Rename or remove it first"
        )
    notes = met.notes
    facts: tuple[Mapping[str, str], Mapping[str, str]] = (
        ({}, {}) if declared else (entry.labels, entry.annotations)
    )
    if declared and (entry.labels or entry.annotations):
        notes = (*notes, f"Cluster {entry.name} is declared: its labels and annotations are those declared.")
    # Also where a Secret of somebody else's made it: it is never widened by the way.
    others = cluster is not None and (declared or present is None)
    before = own.registered(cluster) if cluster is not None and others else _reach(present)
    asked = await _asked(entry, met, before, declared=declared)
    wanted = records.record(met.connection.server, met.identity, facts, (asked or before).namespaces)
    alike = declared or asked is None or asked.namespaces == before.namespaces
    same = present is not None and alike and _same(entry, present, met.connection, declared=declared)
    serves = await _serving(session, entry.name, present, met.connection)
    stands = same and _well(cluster, met) and _fresh(serves, met.connection)
    if not renew and present is not None and stands and await _scoped(met, asked):
        await _recorded(session, entry.name, wanted)
        version = str(present["metadata"]["resourceVersion"])
        return Done(UNCHANGED, at, met.connection.server, version, notes)
    try:
        if cluster is not None and (done := await own.revoked(session, cluster, met.send, met.identity)):
            notes = (*notes, done)
        enrolled = await own.let_in(session, met.send, (entry.name, met.identity), asked)
    except FleetError as error:
        raise errors.CliError(
            error.text, hint="Check the rights of the member's kubeconfig, then run this again"
        ) from None
    connection = replace(met.connection, token=enrolled.token)
    scope = enrolled.scope
    wanted = records.record(met.connection.server, met.identity, facts, scope.namespaces)
    if declared and scope.namespaces != before.namespaces and scope.namespaces is not None:
        limits = ", ".join(scope.namespaces)
        told = f"spec.namespaces of Cluster {entry.name} says otherwise: the hub will be refused what lies beyond."
        notes = (*notes, f"Note: the account is limited to namespaces {limits}, and {told}")
    secret = (
        secrets.credential((namespace, entry.name), connection)
        if declared
        else secrets.registration((namespace, entry.name), connection, *facts, scope)
    )
    written = await objects.apply(session.send, secret)
    await _recorded(session, entry.name, wanted)
    result = REGISTERED if present is None else RENEWED if same else CHANGED
    version = str(written["metadata"]["resourceVersion"])
    return Done(result, at, connection.server, version, notes, enrolled.granted)


def _reach(secret: Mapping[str, Any] | None) -> Scope:
    """How far the registration in a Secret reaches; the whole cluster where it does not read."""
    try:
        return registration.scope_of(secret or {})
    except RegistrationError:
        return registration.WHOLE


async def _asked(entry: Entry, met: Met, before: Scope, *, declared: bool) -> Scope | None:
    """The scope that the account is to have; None: the one that it has.

    A Cluster that is declared says itself which namespaces. An account that impersonates goes on to, whatever these.
    """
    if entry.namespaces and declared and before.namespaces != entry.namespaces:
        raise errors.CliError(
            f"Cluster {entry.name} is declared, and its spec.namespaces names other namespaces",
            hint=f"Write spec.namespaces: [{', '.join(entry.namespaces)}] there, then run this again",
        )
    if entry.namespaces:
        return Scope(entry.namespaces)
    if entry.scope or before.namespaces is None:
        return SCOPES.get(entry.scope)
    try:
        current = await enrol.scope_of(met.send, before)
    except FleetError:  # then enrolling says what is the matter
        return before
    return current if current.impersonates else before


async def _scoped(met: Met, asked: Scope | None) -> bool:
    try:
        if asked is None:
            return True
        return asked == await enrol.scope_of(met.send) and await enrol.stands(met.send, asked)
    except FleetError:  # then enrolling says what is the matter
        return False


def stand(name: str, cluster: Mapping[str, Any] | None, version: str) -> Stand:
    """How the hub stands to the member by the registration of that version; empty for any."""
    if cluster is None:
        return Stand(reached=False, stuck="", text=f"{name}: the hub has not seen it yet; does it run?")
    # A hub that writes no registration is taken at its word about the present. One that has exchanged the token
    # already, as it does at once with one of less than a day, connects by what was written later.
    told_of = columns.status(cluster).get("registration", version)
    current = not version or told_of == version or _later(told_of, version)
    reachable, stalled = (objects.condition(cluster, kind) for kind in ("Reachable", "Stalled"))
    stuck = f"{name}: {stalled.get('message')}" if current and stalled.get("status") == "True" else ""
    told = reachable.get("message") if current else None
    return Stand(
        reached=current and reachable.get("status") == "True",
        stuck=stuck,
        text=f"{name}: {told or 'the hub has not taken it up yet'}",
    )


def token_left(token: str, now: float) -> float:
    """What share of a token's life is left, 1 where it does not say; its signature is the server's to check."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        begun, end = float(claims["iat"]), float(claims["exp"])
    except (ValueError, KeyError, IndexError, TypeError):
        return 1.0
    return (end - now) / max(end - begun, 1.0)


def _later(one: str, other: str) -> bool:
    """Whether a resourceVersion came after another of the same kind."""
    return one.isdecimal() and other.isdecimal() and int(one) > int(other)


def _made(cluster: Mapping[str, Any]) -> bool:
    return names.MADE_FROM in (cluster["metadata"].get("annotations") or {})


def _same(entry: Entry, secret: Mapping[str, Any], wanted: Connection, *, declared: bool) -> bool:
    """Whether a registration says what is wanted, whatever its token."""
    if declared:
        return True
    try:
        found = registration.read(entry.name, None, secret, allow=_allow(wanted))
    except FleetError:
        return False
    # As the reader of registrations sees them: without the marks of tools.
    facts = registration.facts({"metadata": {"labels": entry.labels, "annotations": entry.annotations}})
    return facts == (dict(found.labels), dict(found.annotations)) and all(
        getattr(found.connection, part) == getattr(wanted, part)
        for part in ("server", "ca_data", "tls_server_name", "proxy_url")
    )


async def _serving(
    session: Session, name: str, present: Mapping[str, Any] | None, wanted: Connection
) -> Mapping[str, Any] | None:
    """The Secret by which the hub signs in: what was registered, or the token that it has got itself since."""
    at = objects.At(objects.SECRET, session.hub.hub_namespace, f"{name}{secrets.TOKEN_SUFFIX}")
    kept = await objects.find(session.send, at)
    return registration.serving(present, kept if secrets.ours_of(name, kept) else None, _allow(wanted))


def _fresh(secret: Mapping[str, Any] | None, wanted: Connection) -> bool:
    """Whether the token of a registration is not near its end."""
    try:
        found = forms.connection(forms.data(secret or {}), _allow(wanted))
    except FleetError:
        return False
    return token_left(found.token or "", time.time()) >= _LEAST


def _well(cluster: Mapping[str, Any] | None, met: Met) -> bool:
    """Whether the hub reaches just this member now."""
    ready = objects.condition(cluster or {}, "Ready").get("status") == "True"
    return ready and columns.status(cluster or {}).get("identity") == met.identity


async def _recorded(session: Session, name: str, wanted: records.Record) -> None:
    namespace = session.hub.hub_namespace
    if (await records.read(session.send, namespace)).get(name) != wanted:
        await records.write(session.send, namespace, name, wanted)


async def _seen_by_the_hub(member: Connection, way: Way) -> tuple[Connection, tuple[str, ...]]:
    if not member.verify and not way.ca:
        raise errors.CliError(
            "that kubeconfig skips verification, which the hub never does", hint="Give the server's ca"
        )
    notes = []
    server = (way.server or member.server).rstrip("/")
    if server.startswith(_LOOPBACK) and not way.server:
        notes.append(f"Note: {server} is this machine; give --server if the hub runs elsewhere.")
    if proxy := way.proxy or member.proxy_url:
        # Which proxies count is the hub's --allow-proxy to say, which is not known here.
        notes.append(f"Note: the hub takes this proxy only with --allow-proxy {_host(proxy)}.")
    connection = Connection(
        server=server,
        ca_data=await asyncio.to_thread(_file, way.ca) if way.ca else member.ca_data,
        tls_server_name=way.tls_server_name or member.tls_server_name,
        proxy_url=proxy,
    )
    return connection, tuple(notes)


def _allow(connection: Connection) -> Allowed:
    if not connection.proxy_url:
        return NOTHING
    return Allowed(proxies=frozenset({_host(connection.proxy_url)}))


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        raise errors.CliError(f"the file of ca, {path}, cannot be read") from None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NotFound("what answers there is no Kubernetes API server", status=200)
    return value


def _host(proxy: str) -> str:
    try:
        return urlsplit(proxy).hostname or ""
    except ValueError:
        raise errors.CliError("the proxy is no URL", hint="Give http://HOST:PORT") from None
