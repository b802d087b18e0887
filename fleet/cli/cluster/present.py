"""A registration that stands: what it says, and what of it stays where a cluster is registered again.

Contract: what is not given stays, as a label does that a placement selects by. The way to the server stays as long as the same
cluster answers by it; a server that is given is another way, of which nothing else stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fleet.cli import objects
from fleet.cli.app import columns
from fleet.cli.cluster import secrets
from fleet.clusters import forms, registration
from fleet.clusters.kubeconfig import Allowed
from fleet.documents import read as documents
from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.cluster.entries import Entry
    from fleet.cli.cluster.registering import Met
    from fleet.cli.session import Session
    from fleet.kube.connection import Connection


async def laid_under(
    session: Session,
    entry: Entry,
    met: Met,
    cluster: Mapping[str, Any] | None,
    given: tuple[Mapping[str, str | None], Mapping[str, str | None]],
) -> tuple[Entry, Met]:
    """The registration that is meant by ``entry`` and the labels and annotations ``given``, over the one that stands."""
    at = objects.At(objects.SECRET, session.hub.hub_namespace, f"{entry.name}{secrets.KUBECONFIG_SUFFIX}")
    secret = await objects.find(session.send, at)
    stands = secret if secrets.ours_of(entry.name, secret) else None
    before = registration.facts(stands or {})
    labels, annotations = (_changed(old, new) for old, new in zip(before, given, strict=True))
    entry = replace(entry, labels=labels, annotations=annotations)
    found = connection(stands) if stands is not None and not entry.way.server else None
    if found is None or not found.server or not _answers(cluster, met.identity):
        return entry, met
    return entry, _by(found, entry, met)


def connection(secret: Mapping[str, Any]) -> Connection | None:
    """How the hub reaches a member by a registration; None where it does not read."""
    try:
        return forms.connection(forms.data(secret), Allowed(proxies=_proxies(secret)))
    except FleetError:
        return None


def _by(found: Connection, entry: Entry, met: Met) -> Met:
    meant = met.connection
    fresh = entry.way.ca or (found.server == meant.server and meant.ca_data)
    kept = replace(
        meant,
        server=found.server,
        ca_data=meant.ca_data if fresh else found.ca_data,
        tls_server_name=entry.way.tls_server_name or found.tls_server_name,
        proxy_url=entry.way.proxy or found.proxy_url,
    )
    if kept.server == meant.server:
        return replace(met, connection=kept)
    notes = [note for note in met.notes if not note.startswith(f"Note: {meant.server} ")]
    notes.append(
        f"Note: the hub keeps to {kept.server}, which answers; the kubeconfig says {meant.server}, and --server takes it."
    )
    return replace(met, connection=kept, notes=tuple(notes))


def _answers(cluster: Mapping[str, Any] | None, identity: str) -> bool:
    """Whether this same cluster answers the hub as it is registered; a refusal is an answer too."""
    told = objects.condition(cluster or {}, "Reachable")
    answers = told.get("status") == "True" or told.get("reason") == "Forbidden"
    return answers and columns.status(cluster or {}).get("identity") == identity


def _changed(before: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in {**before, **given}.items() if value is not None}


def _proxies(secret: Mapping[str, Any]) -> frozenset[str]:
    """The hosts of proxies that a registration names: whether they count is the hub's to say."""
    content = forms.data(secret).get("kubeconfig")
    found = documents.value(content, path="kubeconfig") if content else None
    clusters = found.get("clusters") if isinstance(found, dict) else None
    urls = [(one.get("cluster") or {}).get("proxy-url") for one in clusters or [] if isinstance(one, dict)]
    return frozenset(urlsplit(url).hostname or "" for url in urls if isinstance(url, str))
