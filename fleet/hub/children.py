"""What an app of apps may hold: the hub's own kinds, valid, within its walls, and no ancestor of its own. Pure.

What is refused stays in the desired set as a Fault with its ref, so nothing is pruned for it.
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from fleet import names
from fleet.api.parse import parse
from fleet.errors import InvalidObject
from fleet.model import ApplicationKey, Fault, Manifest, Rendered
from fleet.projects import children, hub_kinds
from fleet.projects.children import Unheld
from fleet.projects.sources import Chain
from fleet.secrets import arrange


def admitted(rendered: Rendered, namespace: str, chain: Chain, unheld: Unheld) -> Rendered:
    """The render without what the hub must not be sent; ``chain`` is the root's own."""
    lineage = frozenset(link.key for link in chain.links)
    kept: list[Manifest] = []
    faults = list(rendered.faults)
    for manifest in rendered.manifests:
        placed = replace(manifest, ref=manifest.ref._replace(namespace=manifest.ref.namespace or namespace))
        if arrange.is_store(placed.ref):
            kept.append(placed)  # the hub reads it, and sends it nowhere
            continue
        if arrange.form(placed.ref):
            # What registers a cluster or opens a repository reaches as far as a Cluster does.
            wall = placed.ref._replace(group=names.GROUP, kind=names.CLUSTER)
            found = _secret(placed, chain.own) or children.refusal(wall, chain, unheld)
            found = replace(found, ref=placed.ref) if found is not None else None
        else:
            found = _refusal(placed, lineage) or children.refusal(placed.ref, chain, unheld)
        if found is None:
            kept.append(manifest)
        else:
            faults.append(found)
    if len(kept) == len(rendered.manifests):
        return rendered
    return replace(rendered, manifests=tuple(kept), faults=tuple(faults))


def _secret(manifest: Manifest, own: str) -> Fault | None:
    """A Secret that is made on the hub itself is one that the hub is told by: a registration or a credential."""
    ref = manifest.ref
    kind = arrange.made_labels(manifest).get(names.SECRET_TYPE)
    if kind not in names.SECRET_TYPES or ref.namespace != own:
        text = (
            f"an app of apps holds a {ref.kind} only for a Secret of namespace {own} whose label {names.SECRET_TYPE} "
            f"(in its template) is one of {', '.join(names.SECRET_TYPES)}"
        )
        return Fault(ref, "KindNotAllowed", text, "spec.template.metadata.labels")
    made = arrange.made_ref(manifest)
    if made.name.startswith(names.RESERVED_SECRETS):
        return Fault(ref, "KindNotAllowed", f"the name {made.name} is the hub's own", "metadata.name")
    return None


def _refusal(manifest: Manifest, lineage: frozenset[ApplicationKey]) -> Fault | None:
    ref = manifest.ref
    if not hub_kinds.allowed(ref):
        text = f"an app of apps holds Applications, Clusters and Projects only, not {ref.kind}"
        return Fault(ref, "KindNotAllowed", text)
    try:
        parse(ref.kind, orjson.loads(manifest.body))
    except InvalidObject as error:
        return Fault(ref, error.reason, f"{manifest.origin.path}: {error.text}", error.field)
    if ref.kind == names.APPLICATION and ApplicationKey(ref.namespace, ref.name) in lineage:
        return Fault(ref, "CycleRefused", "an app of apps cannot hold itself or an Application that holds it")
    return None
