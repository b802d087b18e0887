"""Whether a member can be reached, lets the hub in, is the right one, and for how long: each answer with what helps.

Contract: asks through one client, two small reads and one a namespace of the registration, and changes nothing. Every check that could be made is a Finding,
in the order in which they depend on each other; what depends on one that failed is left out. ``help`` is a line that
can be run as it stands, but for FILE.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fleet.clusters import certificate, supported, token
from fleet.errors import FleetError, Forbidden, NotFound
from fleet.kube import decode, paths
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Request
from fleet.model import Fault, ObjectRef, Resource
from fleet.names import GROUP

SKEW: Final = 30.0  # seconds; tokens and certificates begin at once, and Leases last 300
SOON: Final = 14 * 86400.0
TIMEOUT: Final = 5.0
_NONE: Final = f"{GROUP}/none"  # a label that nothing has: whether one may list is all that is asked
_CONFIG_MAPS: Final = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
_NAMESPACES: Final = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
_KUBE_SYSTEM: Final = ObjectRef("", "Namespace", "", "kube-system")
# The words of fleet.kube.failure and fleet.kube.acting, which come from RBAC's own.
_LACKS: Final = re.compile(
    r"(?:the credential|ServiceAccount (?P<account>[a-z0-9.-]+/[a-z0-9.-]+)) may not (?P<verb>[a-z]+) "
    r"(?P<resource>[a-z0-9./-]+)(?: of (?P<group>[a-z0-9.-]+))?(?: in namespace (?P<namespace>[a-z0-9.-]+))?"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, what was found, whether that is well, and else what helps."""

    check: str
    text: str
    well: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of the member: its name, who it is to be, and what serves to sign in there."""

    name: str
    identity: str
    connection: Connection
    now: float
    namespaces: tuple[str, ...] | None = None  # those that the registration reaches; None: the whole cluster


async def examine(patient: Patient, client: Client) -> list[Finding]:
    """All that two reads and the credential itself tell."""
    server = patient.connection.server
    try:
        answer = await client.send(Request("GET", "/version", timeout=TIMEOUT))
    except Forbidden:
        told = ""
    except FleetError as error:
        cure = f"curl -v {shlex.quote(f'{server}/version')}   # on the hub's machine"
        return [Finding("reachable", f"{server}: {error.text}", well=False, help=cure), *ends(patient)]
    else:
        told = _read_version(answer.body)
    found = [Finding("reachable", server), *await _let_in(patient, client), *await _reach(patient, client)]
    if told:
        found.append(version(told))
    found += ends(patient, client.certificate_ends)
    if client.date:
        found.append(_skew(client.date - patient.now))
    return found


async def _let_in(patient: Patient, client: Client) -> Iterable[Finding]:
    """Whether the credential counts, and for which cluster."""
    name = patient.name
    again = f"fleethub cluster rotate {name} --member-kubeconfig FILE"
    try:
        answer = await client.send(paths.get_meta(_NAMESPACES, _KUBE_SYSTEM))
    except Forbidden as error:
        return [Finding("credential", error.text, well=False, help=again)]
    except FleetError as error:
        return [Finding("credential", error.text, well=False, help=f"fleethub cluster get {name}")]
    uid = decode.meta(answer.body, _NAMESPACES).uid
    if patient.identity in ("", uid):
        return [Finding("credential", "accepted"), Finding("identity", uid)]
    text = f"it reaches {uid}, and {name} is {patient.identity}"
    cure = f"fleethub cluster replace {name}   # if that one takes its place"
    return [Finding("credential", "accepted"), Finding("identity", text, well=False, help=cure)]


async def _reach(patient: Patient, client: Client) -> Iterable[Finding]:
    """Whether the namespaces are there that the registration is limited to."""
    if patient.namespaces is None:
        return []
    again = f"fleethub cluster add {patient.name} --member-kubeconfig FILE --namespaces {','.join(patient.namespaces)}"

    async def one(namespace: str) -> Finding | None:
        try:
            await client.send(paths.get_meta(_NAMESPACES, ObjectRef("", "Namespace", "", namespace)))
            # One that was made anew is there, and has lost what binds the account in it.
            await client.send(paths.list_meta(_CONFIG_MAPS, namespace, _NONE))
        except NotFound:
            cure = f"kubectl create namespace {namespace} && {again}"
            return Finding("scope", f"there is no namespace {namespace}", well=False, help=cure)
        except Forbidden as error:
            return Finding("scope", error.text, well=False, help=again)
        except FleetError:  # said of the credential already
            return None
        return None

    found = await asyncio.gather(*(one(namespace) for namespace in patient.namespaces))
    ill = [finding for finding in found if finding is not None]
    return ill or [Finding("scope", f"namespaces {', '.join(patient.namespaces)}")]


def version(told: str) -> Finding:
    """Whether the hub is made for this version of Kubernetes."""
    said = supported.said(told)
    if not said:
        return Finding("version", told)
    cure = "kubectl version   # on the cluster: upgrade what is older of the two, it or fleethub"
    return Finding("version", said, well=False, help=cure)


def ends(patient: Patient, server: float = 0.0) -> Iterator[Finding]:
    """When the credential and the certificates end; ``server``: when that of the server does (0: not known)."""
    name, connection, now = patient.name, patient.connection, patient.now
    again = f"fleethub cluster rotate {name}"
    held = token.read(connection.token)
    if held is not None and held.expires:
        left = held.expires - now
        # Renewed at a third: with less than half left, it has failed for long.
        late = held.ours and left < held.lifetime / 2
        if left <= 0:
            yield Finding(
                "token", f"ended {_days(-left)} ago", well=False, help=f"{again} --member-kubeconfig FILE"
            )
        elif late:
            yield Finding("token", f"ends in {_days(left)}, and is not renewed", well=False, help=again)
        else:
            yield Finding("token", f"ends in {_days(left)}")
    renew = f"fleethub cluster add {name} --member-kubeconfig FILE"
    for check, end, cure in (
        (
            "client certificate",
            0.0 if connection.token else certificate.expires(connection.client_cert),
            renew,
        ),
        ("CA", certificate.first_end(connection.ca_data), f"{renew} --ca FILE"),
        (
            "server certificate",
            server,
            f"openssl s_client -connect {shlex.quote(_host(connection.server))}   # after renewing it",
        ),
    ):
        if not end:
            continue
        left = end - now
        text = f"ends in {_days(left)}" if left > 0 else f"ended {_days(-left)} ago"
        well = left > SOON
        yield Finding(check, text, well=well, help="" if well else cure)


def refusals(name: str, faults: Iterable[Fault]) -> Iterator[Finding]:
    """The rights that last refusals asked for, each once, with what grants it on the member."""
    seen = set()
    for fault in faults:
        found = _LACKS.search(fault.text) if fault.reason == Forbidden.reason else None
        if found is None:
            continue
        lacks = found.group(0)
        if lacks not in seen:
            seen.add(lacks)
            yield Finding("rights", lacks, well=False, help=_granting(name, found))


def _granting(name: str, found: re.Match[str]) -> str:
    if found["account"] is None and found["verb"] != "impersonate":
        return f"fleethub cluster rotate {name} --member-kubeconfig FILE   # makes the account whole"
    account = (found["account"] or "fleethub/fleethub").replace("/", ":")
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    # To apply is to patch, and to create where there is nothing yet.
    applies = found["verb"] in ("create", "patch")
    verb, verbs = ("apply", "create,patch") if applies else (found["verb"], found["verb"])
    role = f"fleethub-{verb}-{found['resource'].replace('/', '-')}"
    rule = f"{role} --verb={verbs} --resource={resource}"
    if found["namespace"]:
        place = f"-n {found['namespace']}"
        return (
            f"kubectl create role {place} {rule} && "
            f"kubectl create rolebinding {place} {role} --role={role} --serviceaccount={account}"
        )
    return (
        f"kubectl create clusterrole {rule} && "
        f"kubectl create clusterrolebinding {role} --clusterrole={role} --serviceaccount={account}"
    )


def _skew(seconds: float) -> Finding:
    if abs(seconds) <= SKEW:
        return Finding("clock", f"within {SKEW:.0f} s of the hub's")
    side = "ahead of" if seconds > 0 else "behind"
    return Finding(
        "clock",
        f"{abs(seconds):.0f} s {side} the hub's: tokens and Leases are judged by it",
        well=False,
        help="timedatectl status   # on both machines",
    )


def _read_version(body: bytes) -> str:
    try:
        return str(json.loads(body).get("gitVersion", ""))[:64]
    except (ValueError, AttributeError, RecursionError):
        return ""


def _host(server: str) -> str:
    rest = server.removeprefix("https://").partition("/")[0]
    return rest if re.search(r":\d+$", rest) else f"{rest}:443"


def _days(seconds: float) -> str:
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d" if days else f"{hours} h" if hours else f"{round(seconds / 60)} min"
